"""The kernel-benchmark scripts' instance files: one per launch, stamps of its start and its end.

    <ns> QEMU initiated
    <ns> VM successfully running
    <ns> QEMU exited successfully

Each type has its own rule for success and for the end of the latency. Source: the README of the
kernel-benchmark scripts, on ``get_avg_latency.py``.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from pytest_unikernel.errors import ResultFileError
from pytest_unikernel.importers.inputs import InputFile, names_shown
from pytest_unikernel.importers.names import (
    LINUX_KVM,
    OWN_LINE,
    SUBJECTS,
    has_kvm,
    time_step_of,
    type_of,
)
from pytest_unikernel.importers.readings import ImportFormat, ImportOptions, Launches, Reading

NAME = "kernel-benchmark-instances"
STAMP = rb"(?<!\d)(\d{1,19})"
STARTED = re.compile(STAMP + rb" (QEMU|Docker|Process) initiated[ \t]*\r?(?:\n|\Z)")
ENDED = re.compile(
    STAMP + rb" (?:QEMU|Docker|Process) exited (?:successfully|with error code (\d{1,9}))[ \t]*\r?(?:\n|\Z)"
)
NOTES = (
    "latency by the wall clock, warm-up included",
    "success as the scripts define it",
)
GUEST_CLOCK = "latency of a VM ends by the clock of the guest"


class Rules(NamedTuple):
    """A type's files after a successful launch."""

    program: bytes
    own_line: bytes | None  # where the latency ends; None: at the exit
    exit_code: int


RULES = {
    "linux": Rules(b"QEMU", OWN_LINE["linux"].encode(), 0),
    "rust": Rules(b"QEMU", None, 33),  # isa-debug-exit's status
    "docker": Rules(b"Docker", None, 0),
    "process": Rules(b"Process", OWN_LINE["process"].encode(), 0),
}


class Stamps(NamedTuple):
    """The stamps in one file; instants are CLOCK_REALTIME, None where missing."""

    program: bytes
    started_ns: int
    own_line_ns: int | None
    exited_ns: int | None
    exit_code: int | None


def matches(file: InputFile) -> bool:
    """Return whether the file begins as a launch's does."""
    return STARTED.match(file.head()) is not None


def read(files: Sequence[InputFile], options: ImportOptions) -> Iterator[Reading]:
    """Yield the directory's launches, those with KVM apart from those without."""
    directory = files[0].directory
    with_kvm = has_kvm(directory)
    parts: dict[bool, list[InputFile]] = {}
    for file in files:
        parts.setdefault(with_kvm or "--enable-kvm" in file.name, []).append(file)
    for kvm, some in parts.items():
        yield _reading(directory, some, options, kvm=kvm)


def _reading(directory: str, files: list[InputFile], options: ImportOptions, *, kvm: bool) -> Reading:
    stamps = [stamps_of(file) for file in files]
    kind = _kind(directory, files, stamps, options)
    rules = RULES.get(kind.removesuffix("-kvm"))
    if rules is None:
        known = ", ".join(RULES)
        raise files[0].wrong(1, f"launches of the types {known}", kind, "their stamps are of no known form")
    _check_program(files, stamps, rules, kind)
    if kind == "linux" and kvm:
        kind = LINUX_KVM
    return Reading(
        SUBJECTS[kind],
        names_shown(files),
        time_step_of(directory, options),
        launches=_launches(files, stamps, rules),
        notes=(*NOTES, GUEST_CLOCK) if rules is RULES["linux"] else NOTES,
    )


# one file ------------------------------------------------------------------------------------------


def stamps_of(file: InputFile) -> Stamps:
    """Return the stamps of a file.

    Raises:
        ResultFileError: its first line is no start, a stamp is no number, a line is there twice.
    """
    data = file.data()
    started = STARTED.match(data)
    if started is None:
        raise file.wrong_at(0, "'<nanoseconds> QEMU|Docker|Process initiated'")
    program = started[2]
    end_of_start = started.end()
    if data.find(program + b" initiated", end_of_start) >= 0:
        where = data.find(program + b" initiated", end_of_start)
        raise file.wrong_at(where, "one launch per file")
    own_line_ns = None
    if program != b"Docker":
        own_line_ns = _own_line_ns(file, data, OWN_LINES[program], end_of_start)
    ended = _ended(file, data, program + b" exited ", end_of_start)
    if ended is None:
        return Stamps(program, int(started[1]), own_line_ns, None, None)
    return Stamps(program, int(started[1]), own_line_ns, int(ended[1]), int(ended[2] or 0))


OWN_LINES = {
    rules.program: (rules.own_line, re.compile(STAMP + b" " + re.escape(rules.own_line)))
    for rules in RULES.values()
    if rules.own_line is not None
}


def _own_line_ns(
    file: InputFile, data: bytes, line: tuple[bytes, re.Pattern[bytes]], begin: int
) -> int | None:
    phrase, pattern = line
    at = data.find(phrase, begin)
    if at < 0:
        return None
    stamped = pattern.search(data, begin)  # the same words may be there without a stamp, too
    if stamped is None:
        raise file.wrong_at(at, f"'<nanoseconds> {phrase.decode()}'")
    return int(stamped[1])


def _ended(file: InputFile, data: bytes, phrase: bytes, begin: int) -> re.Match[bytes] | None:
    at = data.find(phrase, begin)
    if at < 0:
        return None
    # The instance's last output may lack a line end.
    ended = ENDED.search(data, data.rfind(b"\n", 0, at) + 1)
    if ended is None:
        line = phrase.decode().strip()
        raise file.wrong_at(at, f"'<nanoseconds> {line} successfully' or '… with error code <number>'")
    if data.find(phrase, ended.end()) >= 0:
        raise file.wrong_at(data.find(phrase, ended.end()), "one launch per file")
    return ended


# all of a directory --------------------------------------------------------------------------------


def _kind(
    directory: str, files: Sequence[InputFile], stamps: Sequence[Stamps], options: ImportOptions
) -> str:
    """Return the type of all files: the file of a failed launch may not show it."""
    if options.type is not None:
        return options.type
    first: dict[str, InputFile] = {}
    for file, each in zip(files, stamps, strict=True):
        told = _told(each)
        if told is not None and told not in first:
            first[told] = file
    if len(first) > 1:
        seen = ", ".join(f"{kind} ({file.name})" for kind, file in first.items())
        raise ResultFileError(
            f"{directory or '.'}: expected launches of one type in a directory, got {seen}; give --type=TYPE"
        )
    return next(iter(first)) if first else type_of(directory, options)


def _told(stamps: Stamps) -> str | None:
    """Return the type by a file's content; QEMU's end with another status may be either type's."""
    if stamps.program != b"QEMU":
        return stamps.program.decode().lower()
    if stamps.exit_code == RULES["rust"].exit_code:
        return "rust"
    return "linux" if stamps.own_line_ns is not None or stamps.exit_code == 0 else None


def _check_program(files: Sequence[InputFile], stamps: Sequence[Stamps], rules: Rules, kind: str) -> None:
    for file, each in zip(files, stamps, strict=True):
        if each.program != rules.program:
            raise file.wrong_at(0, f"'<nanoseconds> {rules.program.decode()} initiated' (type {kind})")


def _launches(files: Sequence[InputFile], stamps: Sequence[Stamps], rules: Rules) -> Launches:
    starts, latencies = array("q"), array("q")
    failed: Counter[str] = Counter()
    for file, each in zip(files, stamps, strict=True):
        starts.append(_fits(file, each.started_ns))
        up_ns, reason = _came_up(each, rules)
        if up_ns is None:
            failed[reason] += 1
        elif up_ns < each.started_ns:
            raise _backwards(file, each, rules)
        else:
            latencies.append(_fits(file, up_ns) - each.started_ns)
    unfinished = failed.pop(UNFINISHED, 0)
    return Launches(starts, latencies, failed, unfinished)


UNFINISHED = "unfinished"


def _came_up(stamps: Stamps, rules: Rules) -> tuple[int | None, str]:
    """Return the instant at which a launch was up; for a failed launch None and the reason."""
    if stamps.exit_code is None:
        return None, UNFINISHED
    if stamps.exit_code != rules.exit_code:
        return None, "exit-code"
    return (stamps.exited_ns if rules.own_line is None else stamps.own_line_ns), "not-ready"


def _backwards(file: InputFile, stamps: Stamps, rules: Rules) -> ResultFileError:
    phrase = rules.own_line or rules.program + b" exited "
    return file.wrong_at(file.data().find(phrase), f"a stamp not before the start's {stamps.started_ns}")


def _fits(file: InputFile, unix_ns: int) -> int:
    if unix_ns >= 2**63:
        raise file.wrong(1, "nanoseconds since 1970", unix_ns)
    return unix_ns


def formats() -> Iterable[ImportFormat]:
    """Return this format."""
    return [ImportFormat(NAME, matches, read, per_launch=True)]
