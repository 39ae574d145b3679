"""The kernel-benchmark scripts' result files: an id for each instance that ended, and the trials' windows.

    BEGIN BENCHMARK: ID <id> at <ns>
    <id>
    END BENCHMARK: ID <id> at <ns>

Ids before, between and after are of warm-up and cool-down.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from pytest_unikernel.importers.inputs import InputFile
from pytest_unikernel.importers.names import SUBJECTS, TYPES, time_step_of, type_of, words_of
from pytest_unikernel.importers.readings import ImportFormat, ImportOptions, Reading, Window

NAME = "kernel-benchmark-results"
BORDER = re.compile(r"(BEGIN|END) BENCHMARK: ID (\S+) at ([0-9]{1,18}|[0-8][0-9]{18})")
INSTANCE_ID = re.compile(r"[0-9]+")
FIRST_LINE = re.compile(rb"(?:(?:BEGIN|END) BENCHMARK\b|[0-9]+\r?(?:\n|\Z))")
NOTES = ("throughput is every exit in the window, failures included",)


def matches(file: InputFile) -> bool:
    """Return whether the file begins with a window or an id, or is named as the scripts name it."""
    if FIRST_LINE.match(file.head()):
        return True
    words = words_of(file.name)
    return file.name.endswith(".txt") and "results" in words and not words.isdisjoint(TYPES)


def read(files: Sequence[InputFile], options: ImportOptions) -> Iterator[Reading]:
    """Yield the reading of each file."""
    for file in files:
        yield Reading(
            SUBJECTS[type_of(file.path, options)],
            [file.path],
            time_step_of(file.path, options),
            windows=tuple(windows(file)),
            notes=NOTES,
        )


def windows(file: InputFile) -> Iterator[Window]:
    """Yield the windows of a file's trials.

    Raises:
        ResultFileError: a window has no begin or no end, or begins inside another; an id occurs twice; a line
            is none of the three.
    """
    lines = file.text().splitlines()
    begun: tuple[str, int, int] | None = None
    seen: set[str] = set()
    for number, line in enumerate(lines, 1):
        border = BORDER.fullmatch(line.rstrip())
        if border is None:
            _check_id(file, number, line, seen)
        elif border[1] == "BEGIN":
            _check_begin(file, number, line, begun)
            _check_new(file, number, f"BEGIN {border[2]}", border[2], seen)
            begun = (border[2], int(border[3]), number)
        else:
            yield _window(file, number, border, begun)
            begun = None
    if begun is not None:
        raise file.wrong(
            len(lines) + 1, f"'END BENCHMARK: ID {begun[0]} at <nanoseconds>'", "the end of the file"
        )
    if not any(each.startswith("BEGIN ") for each in seen):
        raise file.wrong(len(lines) + 1, "'BEGIN BENCHMARK: ID <id> at <nanoseconds>'", "the end of the file")


def _check_id(file: InputFile, number: int, line: str, seen: set[str]) -> None:
    name = line.strip()
    if not INSTANCE_ID.fullmatch(name):
        raise file.wrong(number, "an instance's id or 'BEGIN|END BENCHMARK: ID <id> at <nanoseconds>'", line)
    _check_new(file, number, name, name, seen)


def _check_new(file: InputFile, number: int, key: str, name: str, seen: set[str]) -> None:
    if key in seen:
        raise file.wrong(number, "every id once", name)
    seen.add(key)


def _check_begin(file: InputFile, number: int, line: str, begun: tuple[str, int, int] | None) -> None:
    if begun is not None:
        raise file.wrong(number, f"the END of {begun[0]}, which begins in line {begun[2]}", line)


def _window(
    file: InputFile, number: int, border: re.Match[str], begun: tuple[str, int, int] | None
) -> Window:
    if begun is None:
        raise file.wrong(number, f"a BEGIN of {border[2]} before its END", border[0])
    name, begin_ns, line = begun
    if border[2] != name:
        raise file.wrong(number, f"the END of {name}, which begins in line {line}", border[0])
    if int(border[3]) <= begin_ns:
        raise file.wrong(number, f"an END after its BEGIN at {begin_ns}", border[0])
    return Window(begin_ns, int(border[3]), number - line - 1)


def formats() -> Iterable[ImportFormat]:
    """Return this format."""
    return [ImportFormat(NAME, matches, read)]
