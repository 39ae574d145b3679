"""Readers of single values of the marker, the options and the ini file: any object in, a checked value out.

Each returns the checked value or raises a ValueError whose text states the rule and the given value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from fractions import Fraction
from numbers import Integral
from pathlib import Path
from typing import Any

from pytest_unikernel.plan.durations import EXAMPLES, NOT_A_NUMBER, exact
from pytest_unikernel.plan.schedule import LONGEST_S, listed, parse_step, parse_steps

Reader = Callable[[object], Any]
SWITCH_WORDS = dict.fromkeys(("true", "yes", "on", "1"), True) | dict.fromkeys(
    ("false", "no", "off", "0"), False
)
MAX_LOCAL_HOSTS = 64
MAX_CPUS = 8192  # Source: CONFIG_NR_CPUS of x86-64 with MAXSMP


def steps(value: object) -> tuple[Fraction, ...]:
    """Return time steps, slow to fast: ``4:1/1024``, ``1,250ms``, a list of numbers or one number."""
    if isinstance(value, str):
        return parse_steps(value)
    if isinstance(value, Collection) and not isinstance(value, (bytes, bytearray, Mapping)):
        return listed(value)
    return listed([value])


def end_of_steps(name: str) -> Reader:
    """Return a reader of the slowest (``start``) or the fastest (``stop``) time step."""

    def read(value: object) -> Fraction:
        try:
            return parse_step(value)
        except ValueError as error:
            raise ValueError(f"{error} as {name}") from error

    return read


def seconds(name: str, *, zero: bool = False) -> Reader:
    """Return a reader of a duration, in seconds or with its unit; 0 only where that means something."""
    rule = f"{name} must be a finite number of seconds {'>=' if zero else '>'} 0, or {EXAMPLES}"

    def read(value: object) -> float:
        try:
            number = exact(value)
        except NOT_A_NUMBER as error:
            raise ValueError(f"{rule}, got {value!r}") from error
        if number > LONGEST_S:
            raise ValueError(f"{rule}, and at most {LONGEST_S} s, got {value!r}")
        if number < 0 or (number == 0 and not zero):
            raise ValueError(f"{rule}, got {value!r}")
        return float(number)

    return read


def whole(name: str, least: int = 1) -> Reader:
    """Return a reader of a whole number that is at least so large."""

    def read(value: object) -> int:
        try:
            number = int(value) if isinstance(value, (str, Integral)) else None
        except ValueError:
            number = None
        if number is None or number < least or isinstance(value, bool):
            raise ValueError(f"{name} must be a whole number >= {least}, got {value!r}")
        return number

    return read


def choice(name: str, words: Collection[str]) -> Reader:
    """Return a reader of one of the words."""

    def read(value: object) -> str:
        if not isinstance(value, str) or value.strip() not in words:
            raise ValueError(f"{name} must be one of {', '.join(words)}, got {value!r}")
        return value.strip()

    return read


def switch(name: str) -> Reader:
    """Return a reader of a setting that is on or off."""

    def read(value: object) -> bool:
        if not isinstance(value, bool):
            raise ValueError(f"{name} must be True or False, got {value!r}")  # noqa: TRY004 - one kind of error
        return value

    return read


def switch_of_text(name: str, value: str) -> bool:
    """Return whether an ini file's word switches on or off."""
    word = value.strip().lower()
    if word not in SWITCH_WORDS:
        raise ValueError(f"{name} must be true or false, got {value!r}")
    return SWITCH_WORDS[word]


def path(name: str) -> Reader:
    """Return a reader of a path; ``~`` is the home directory."""

    def read(value: object) -> Path:
        if not isinstance(value, str) or not value.strip() or "\0" in value:
            raise ValueError(f"{name} must be a path, got {value!r}")
        try:
            return Path(value).expanduser()
        except RuntimeError:
            raise ValueError(f"{name} begins with a home directory that isn't known, got {value!r}") from None

    return read


def hosts(value: object) -> str:
    """Return the hosts of a sweep in one spelling: ``local:N``, ``ssh:A,B``, a scheduler's address."""
    text = str(value).strip()
    found = re.fullmatch(r"local:([0-9]{1,3})", text)
    if found is not None and 1 <= int(found[1]) <= MAX_LOCAL_HOSTS:
        return f"local:{int(found[1])}"
    if re.fullmatch(r"(tcp|tls)://[^\s/:@]+:[0-9]{1,5}", text):
        return text
    if text.startswith("ssh:"):
        return f"ssh:{','.join(_ssh_hosts(text.removeprefix('ssh:'), value))}"
    raise ValueError(
        f"hosts must be local:N with N from 1 to {MAX_LOCAL_HOSTS}, ssh:HOST,HOST, or a scheduler's "
        f"tls://HOST:PORT or tcp://HOST:PORT, got {value!r}"
    )


def _ssh_hosts(text: str, value: object) -> list[str]:
    names = [each.strip() for each in text.split(",")]
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9_:][A-Za-z0-9_.:%-]*", name):
            raise ValueError(
                "hosts must be names as for the program ssh, such as ssh:alpha,beta; the user and the port "
                f"belong in ~/.ssh/config; got {value!r}"
            )
    if len(set(names)) < len(names):
        raise ValueError(f"hosts must name each host once, got {value!r}")
    return names


def remote_path(name: str) -> Reader:
    """Return a reader of an absolute path on another host."""

    def read(value: object) -> str:
        if not isinstance(value, str) or not value.startswith("/") or not value.isprintable():
            raise ValueError(f"{name} must be an absolute path, got {value!r}")
        return value

    return read


def cpus(value: object) -> frozenset[int]:
    """Return the CPUs of a list such as ``0-1,3``."""
    try:
        chosen = frozenset(cpu for part in str(value).split(",") for cpu in _cpu_range(part))
    except ValueError as error:
        raise ValueError(f"cpus must be a list such as 0-1,3, got {value!r}") from error
    return chosen


def _cpu_range(part: str) -> Iterator[int]:
    match = re.fullmatch(r"\s*([0-9]{1,4})\s*(?:-\s*([0-9]{1,4})\s*)?", part)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
    if first > last or last >= MAX_CPUS:
        raise ValueError(part)
    return iter(range(first, last + 1))


def targets(value: object) -> frozenset[str]:
    """Return the names of targets of a list; a comma inside brackets belongs to a variant's name."""
    names = [name.strip() for name in re.split(r",(?![^\[]*\])", str(value))]
    if not all(re.fullmatch(r"[^\s\[\]]+(\[.+\])?", name) for name in names):
        raise ValueError(
            f"require must be a list of targets such as linux_vm[kvm],rust_kernel, or all, got {value!r}"
        )
    return frozenset(names)
