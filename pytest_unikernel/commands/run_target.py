"""What ``run`` launches: a usual target, or a command; and when it is ready."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_unikernel.errors import SettingError

if TYPE_CHECKING:
    from pytest_unikernel.plan.readiness import Ready
    from pytest_unikernel.plan.target import Target

READY = (
    "exit, line:TEXT (in a line of the output, as soon as it is there), regex:PATTERN (in a whole line), "
    "port:NUMBER, port (a free one, {port} in the command), http:/PATH or http:NUMBER/PATH, event:NAME"
)
SERVERS = ("port", "http")  # they go on when they are ready


def target_of(parsed: argparse.Namespace) -> Target:
    """Return the target of a command line.

    Raises:
        SettingError, TargetError: a value is wrong.
        UnavailableError: a usual target can't be described here.
    """
    fields = _fields(parsed)
    if not parsed.program:
        return _usual(parsed.target, fields)
    from pytest_unikernel.plan.target import Target  # noqa: PLC0415 - see Command

    return Target(parsed.name or name_of(parsed.program[0]), parsed.program, **fields)


def _usual(name: str, fields: dict[str, Any]) -> Target:
    from pytest_unikernel.bench.targets import target  # noqa: PLC0415 - see Command

    try:
        return target(name, **fields)
    except SettingError as error:
        raise SettingError(f"run: {error}; a command goes after --") from None


def name_of(program: str) -> str:
    """Return a target's name for a program: its file's, with ``_`` for what a name can't have."""
    name = re.sub(r"[^\w.-]", "_", Path(program).name, flags=re.ASCII)
    return name if re.match(r"[A-Za-z_]", name) else f"_{name}"


def _fields(parsed: argparse.Namespace) -> dict[str, Any]:
    """Return the target's fields that options give."""
    fields: dict[str, Any] = {}
    if parsed.ready is not None:
        fields["ready"] = ready_of(parsed.ready)
    if parsed.long_lived is not None:
        fields["long_lived"] = parsed.long_lived
    elif parsed.ready is not None and parsed.ready.startswith(SERVERS):
        fields["long_lived"] = True
    if parsed.env:
        fields["env"] = dict(map(_pair, parsed.env))
    if parsed.exit_status is not None:
        fields["exit_codes"] = _statuses(parsed.exit_status)
    return fields


def _pair(text: str) -> tuple[str, str]:
    name, mark, value = text.partition("=")
    if not name or not mark:
        raise SettingError(f"--env: expected NAME=VALUE, got {text!r}")
    return name, value


def _statuses(text: str) -> frozenset[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch(r"[0-9]{1,3}", part) and int(part) < 256 for part in parts):
        raise SettingError(f"--exit-status: expected numbers from 0 to 255 such as 0,33, got {text!r}")
    return frozenset(map(int, parts))


def ready_of(text: str) -> Ready:
    """Return the readiness that a text stands for: see ``READY``.

    Raises:
        SettingError: it is no such text.
        TargetError: its value is wrong.
    """
    from pytest_unikernel.plan.readiness import Event, Exit, Line  # noqa: PLC0415 - see Command

    kind, _, value = text.partition(":")
    if kind in SERVERS:
        return _server(kind, value, text)
    if kind == "exit" and not value:
        return Exit()
    if kind == "line" and value:
        return Line(value)
    if kind == "event" and value:
        return Event(value)
    if kind == "regex" and value:
        return Line(_compiled(value))
    raise SettingError(f"--ready: expected {READY}, got {text!r}")


def _server(kind: str, value: str, text: str) -> Ready:
    from pytest_unikernel.plan.readiness import Http, Port  # noqa: PLC0415 - see Command

    found = re.fullmatch(r"([0-9]{1,5})?" + (r"(/.*)?" if kind == "http" else ""), value)
    if found is None:
        raise SettingError(f"--ready: expected {READY}, got {text!r}")
    number = int(found[1]) if found[1] else None
    return Http(number, path=found[2] or "/") if kind == "http" else Port(number)


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise SettingError(f"--ready: expected a regular expression, got {pattern!r}: {error}") from error
