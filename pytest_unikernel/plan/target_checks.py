"""Checks of a target's fields: a wrong one is refused when it is given, not when an instance fails."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Mapping

from pytest_unikernel.errors import TargetError
from pytest_unikernel.plan.numeric import is_number, is_whole
from pytest_unikernel.plan.outcome import OUTCOME_OF_REASON
from pytest_unikernel.plan.partition import check_partition
from pytest_unikernel.plan.readiness import Event, Exit, Http, Line, Port
from pytest_unikernel.plan.target_fields import TargetFields

__tracebackhide__ = True  # an error in a target is the caller's: pytest shows the line that made it

PORT = "UNIKERNEL_PORT"  # in the environment of each instance that has a port
MOST = sys.maxsize  # a larger number is no limit, and no float either
MAPPINGS = {
    "exit_reasons": "exit statuses to reasons",
    "failures": "regexes to reasons",
    "marks": "events to regexes",
    "phases": "names to pairs of events",
}


def check(target: TargetFields) -> None:
    """Refuse invalid fields, with the rule that was broken."""
    if not isinstance(target.name, str) or not re.fullmatch(r"[A-Za-z_][\w.-]*", target.name):
        raise TargetError(
            f"Target: name must be a letter or _, then letters, digits and ._-, got {target.name!r}"
        )
    _check_argv(target)
    if not isinstance(target.ready, (Exit, Line, Port, Http, Event)):
        raise TargetError(
            f"{target.name}: ready must be Exit(), Line(…), Port(…), Http(…) or Event(…), "
            f"got {target.ready!r}"
        )
    if target.console and (isinstance(target.ready, Line) or target.output is not None):
        raise TargetError(
            f"{target.name}: console=True sends the output to the terminal, where ready=Line(…) and output= "
            f"can't read it, got ready={target.ready} and output={target.output!r}; leave console= out"
        )
    _check_texts(target)
    _check_requires(target)
    _check_versions(target)
    _check_port(target)
    _check_commands(target)
    _check_collections(target)
    _check_reasons(target)
    check_partition(target)
    if target.long_lived and isinstance(target.ready, Exit):
        raise TargetError(
            f"{target.name}: long_lived=True needs another ready than Exit(), got {target.ready!r}"
        )
    for key in ("timeout_s", "stop_grace_s", "memory_bytes", "processes"):
        value = getattr(target, key)
        if value is not None and not (is_number(value) and 0 < value <= MOST):
            raise TargetError(f"{target.name}: {key} must be a finite number > 0, got {value!r}")
    its_own = getattr(target.supervisor, "check_target", None)
    if its_own is not None:
        its_own(target)


def _check_argv(target: TargetFields) -> None:
    argv = target.argv
    if not isinstance(argv, (list, tuple)) or not all(isinstance(part, (str, os.PathLike)) for part in argv):
        raise TargetError(f"{target.name}: argv must be a list of text, one entry per argument, got {argv!r}")
    if not argv and target.supervisor is None:
        raise TargetError(f"{target.name}: argv must name a program, got {argv!r}")
    if any("\0" in os.fspath(part) for part in argv):
        raise TargetError(f"{target.name}: argv can't hold a NUL byte, got {argv!r}")
    object.__setattr__(target, "argv", tuple(os.fspath(part) for part in argv))
    try:
        object.__setattr__(target, "exit_codes", frozenset(target.exit_codes))
    except TypeError:
        raise TargetError(
            f"{target.name}: exit_codes must be a set of numbers, got {target.exit_codes!r}"
        ) from None


def _check_texts(target: TargetFields) -> None:
    """Refuse an environment or a working directory that no process could be given."""
    if not isinstance(target.env, Mapping):
        raise TargetError(f"{target.name}: env must map names to text without NUL, got {target.env!r}")
    for key, value in target.env.items():
        wrong = not isinstance(key, str) or not isinstance(value, str) or not key or "=" in key
        if wrong or "\0" in key + value:
            raise TargetError(
                f"{target.name}: env must map names to text without NUL, got {key!r}: {value!r}"
            )
    if target.cwd is not None:
        if not isinstance(target.cwd, (str, os.PathLike)):
            raise TargetError(f"{target.name}: cwd must be a directory's path, got {target.cwd!r}")
        object.__setattr__(target, "cwd", os.fspath(target.cwd))


def _check_requires(target: TargetFields) -> None:
    """Refuse programs that can't be looked for."""
    programs = target.requires
    is_list = isinstance(programs, (list, tuple)) and all(
        isinstance(each, (str, os.PathLike)) for each in programs
    )
    named = [os.fspath(each) for each in programs] if is_list else [""]
    if not all(isinstance(each, str) and each and "\0" not in each for each in named):
        raise TargetError(
            f"{target.name}: requires must be a list of programs, names on PATH or paths, got {programs!r}"
        )
    object.__setattr__(target, "requires", tuple(named))


def _check_versions(target: TargetFields) -> None:
    if target.versions is not None and not callable(target.versions):
        mapped = isinstance(target.versions, Mapping)
        parts = [part for pair in target.versions.items() for part in pair] if mapped else [None]
        if not all(isinstance(part, str) for part in parts):
            raise TargetError(
                f"{target.name}: versions must map names to text, or be a function that returns that, "
                f"got {target.versions!r}"
            )


def _check_port(target: TargetFields) -> None:
    """Refuse a port of its own that the instance doesn't get to know, by what can be seen of its program."""
    ready = target.ready
    if not isinstance(ready, Port) or ready.number is not None or target.supervisor or target.prepare:
        return
    if not any(
        "{port}" in text or PORT in text for text in (*target.argv, *target.env, *target.env.values())
    ):
        kind = type(ready).__name__
        raise TargetError(
            f"{target.name}: ready={kind}() waits for a port of the instance's own, and neither argv nor env "
            f"has {{port}}, got argv={list(target.argv)!r}; put {{port}} where the program takes its port, "
            f"or name a fixed one: {kind}(number=8080). A program that reads {PORT} by itself is declared "
            f'with env={{"{PORT}": "{{port}}"}}'
        )


def _check_commands(target: TargetFields) -> None:
    """Refuse commands that no process could be started with."""
    for key in ("removal", "leftovers"):
        argv = getattr(target, key)
        if not isinstance(argv, (list, tuple)) or not all(isinstance(part, str) for part in argv):
            raise TargetError(
                f"{target.name}: {key} must be a list of text, one entry per argument, got {argv!r}"
            )
    template = target.removal
    if template and not any("{id}" in part or part == "{ids}" for part in template):
        raise TargetError(
            f"{target.name}: removal must name the instance by {{id}} or {{ids}}, got {template!r}"
        )


def _check_collections(target: TargetFields) -> None:
    """Refuse fields that hold no values of the kind that is looked for in them."""
    for key, kind in MAPPINGS.items():
        if not isinstance(getattr(target, key), Mapping):
            raise TargetError(f"{target.name}: {key} must map {kind}, got {getattr(target, key)!r}")
    if not isinstance(target.intervals, (list, tuple)):
        raise TargetError(f"{target.name}: intervals must be a list of pairs, got {target.intervals!r}")


def _check_reasons(target: TargetFields) -> None:
    """Refuse exit statuses, patterns and reasons that would only fail when the first instance does."""
    for status in (*target.exit_codes, *target.exit_reasons):
        if not is_whole(status):
            raise TargetError(f"{target.name}: exit statuses must be whole numbers, got {status!r}")
    for reason in (*target.exit_reasons.values(), *target.failures.values()):
        if not isinstance(reason, str) or reason not in OUTCOME_OF_REASON:
            known = ", ".join(OUTCOME_OF_REASON)
            raise TargetError(f"{target.name}: reasons must be among {known}, got {reason!r}")
    for key, patterns in (("failures", target.failures), ("marks", target.marks.values())):
        for pattern in patterns:
            _check_pattern(target, key, pattern)
    for pair in (*target.intervals, *target.phases.values()):
        if not isinstance(pair, (tuple, list)) or [*map(type, pair)] != [str, str]:
            raise TargetError(
                f"{target.name}: intervals and phases must be pairs of events' names, got {pair!r}"
            )
    if not is_whole(target.stop_signal) or target.stop_signal not in signal.valid_signals():
        raise TargetError(f"{target.name}: stop_signal must be a signal, got {target.stop_signal!r}")


def _check_pattern(target: TargetFields, key: str, pattern: bytes) -> None:
    try:
        re.compile(pattern).search(b"")
    except (TypeError, re.error) as error:
        raise TargetError(
            f"{target.name}: {key} must be regular expressions over bytes, got {pattern!r}: {error}"
        ) from None
