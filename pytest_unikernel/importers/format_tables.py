"""The kernel-benchmark authors' published tables, means only, separated by tabs or, earlier, by commas.

``latency.tsv`` in seconds, ``throughput.tsv`` in completions per *minute*, both with the column
``Time delay (s)``; ``raw_latency.tsv`` in seconds, one row without it: latency without contention. These have
a column per system and a row per time step. ``avg_perfs.csv`` has a row per result file, by its name, with
the completions per minute and the mean latency in seconds of the instances that succeeded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

from pytest_unikernel.importers.inputs import InputFile
from pytest_unikernel.importers.names import column_subject
from pytest_unikernel.importers.readings import ImportFormat, ImportOptions, Reading
from pytest_unikernel.plan.schedule import LONGEST_S, parse_step

NAME = "kernel-benchmark-tables"
STEP_HEAD = "Time delay (s)"
PERFS_HEADS = ["benchmark", "throughput", "latency"]
PERFS_NAME = re.compile(r"(?P<type>[a-z]+)(?P<kvm>-kvm|-k)?-results-r[0-9.]+?(?:\.txt)?")
SUFFIXES = {".tsv": "\t", ".csv": ","}
SEPARATOR_NAMES = {".tsv": "tabs", ".csv": "commas"}
PER_MINUTE = 60.0
NUMBER = re.compile(r"[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]{1,3})?")
LEAST = 1e-9  # of seconds, or per minute; a smaller value is no measurement
WARMUP_NOTE = "latency with the warm-up included"
PERFS_NOTE = "latency by `time`, to 10 ms; failed instances are in neither figure"
EXITS_NOTE = "throughput is every exit in the window, failures included"


def matches(file: InputFile) -> bool:
    """Return whether the file is a table with their first column, or is named as the one without it."""
    if _suffix(file) not in SUFFIXES:
        return False
    begin = file.head().removeprefix(b"\xef\xbb\xbf")
    return begin.startswith((STEP_HEAD.encode(), ",".join(PERFS_HEADS).encode())) or _is_raw(file)


def _suffix(file: InputFile) -> str:
    return file.name.lower()[-4:]


def _is_raw(file: InputFile) -> bool:
    return file.name.lower()[:-4] == "raw_latency"


def read(files: Sequence[InputFile], options: ImportOptions) -> Iterator[Reading]:
    """Yield a reading for each cell of the tables."""
    for file in files:
        _refuse(file, options)
        lines = file.text().splitlines()
        if lines and _split(file, lines[0]) == PERFS_HEADS:
            yield from _perfs(file, lines)
        else:
            yield from _cells(file, lines)


def _split(file: InputFile, line: str) -> list[str]:
    return [cell.strip() for cell in line.split(SUFFIXES[_suffix(file)])]


def _perfs(file: InputFile, lines: Sequence[str]) -> Iterator[Reading]:
    """Yield a reading for each row of ``avg_perfs.csv``."""
    seen: set[str] = set()
    for number, line in enumerate(lines[1:], 2):
        if not line.strip():
            continue
        cells = _split(file, line)
        if len(cells) != len(PERFS_HEADS):
            raise file.wrong(number, f"{len(PERFS_HEADS)} cells, as line 1 has", line)
        found = PERFS_NAME.fullmatch(cells[0])
        if found is None or cells[0] in seen:
            raise file.wrong(number, "a different result file's name, as podman-results-r0.5.txt", cells[0])
        seen.add(cells[0])
        step = _step(file, number, cells[0].rpartition("-r")[2].removesuffix(".txt"))
        rate_hz = _number(file, number, "throughput", cells[1]) / PER_MINUTE
        # A program's time below 5 ms was rounded to 0: that is no latency.
        is_zero = NUMBER.fullmatch(cells[2]) is not None and float(cells[2]) < LEAST
        latency_s = None if is_zero else _number(file, number, "latency", cells[2])
        subject = column_subject(found["type"] + (" kvm" if found["kvm"] else ""))
        yield Reading(
            subject, [file.path], step, latency_s=latency_s, throughput_hz=rate_hz, notes=(PERFS_NOTE,)
        )
    if not seen:
        raise file.wrong(len(lines) + 1, "a row of figures", "the end of the file")


def _refuse(file: InputFile, options: ImportOptions) -> None:
    """Refuse options that the table itself answers: targets and time steps are its heads and rows."""
    given = {"--type": options.type, "--time-step": options.time_step, "--cold": options.cold or None}
    for name, value in given.items():
        if value is not None:
            raise file.wrong(1, f"no {name}, because the table has it", value if name != "--cold" else True)


def _cells(file: InputFile, lines: Sequence[str]) -> Iterator[Reading]:
    heads = _heads(file, lines[0] if lines else "")
    is_rate = not _is_raw(file) and _is_throughput(file)
    seen: set[Fraction | None] = set()
    for number, line in enumerate(lines[1:], 2):
        if not line.strip():
            continue
        cells, columns = _split(file, line), len(_split(file, lines[0]))
        if len(cells) != columns:
            raise file.wrong(number, f"{columns} cells, as line 1 has", line)
        step = None if _is_raw(file) else _step(file, number, cells.pop(0))
        if step in seen:
            raise file.wrong(number, "one row" if step is None else "every time step once", line)
        seen.add(step)
        for head, cell in zip(heads, cells, strict=True):
            if cell:
                yield _reading(file, head, step, _number(file, number, head, cell), is_rate=is_rate)
    if not seen:
        raise file.wrong(len(lines) + 1, "a row of figures", "the end of the file")


def _heads(file: InputFile, line: str) -> list[str]:
    heads = _split(file, line)
    if not _is_raw(file):
        if heads[0] != STEP_HEAD:
            raise file.wrong(1, f"the first column to be {STEP_HEAD!r}", heads[0])
        heads.pop(0)
    if not heads or not all(heads) or len(set(heads)) < len(heads):
        raise file.wrong(
            1, f"a different name for every column, separated by {SEPARATOR_NAMES[_suffix(file)]}", line
        )
    for head in heads:
        if any(
            each in head for each in "()[]/"
        ):  # a head with a unit isn't of these tables, whose units are implied
            raise file.wrong(
                1, "columns with the names of systems and without a unit (seconds, or per minute)", head
            )
    return heads


def _is_throughput(file: InputFile) -> bool:
    kinds = [kind for kind in ("latency", "throughput") if kind in file.name.lower()]
    if len(kinds) != 1:
        raise file.wrong(
            1, "latency or throughput in the name of the file, because the table does not have it", file.name
        )
    return kinds == ["throughput"]


def _step(file: InputFile, number: int, cell: str) -> Fraction:
    try:
        return parse_step(cell)
    except ValueError:
        raise file.wrong(number, "a time step in seconds, > 0", cell) from None


def _number(file: InputFile, number: int, head: str, cell: str) -> float:
    value = float(cell) if NUMBER.fullmatch(cell) else 0.0
    if not LEAST <= value <= LONGEST_S:
        raise file.wrong(number, f"a number > 0 or nothing in column {head!r}", cell)
    return value


def _reading(file: InputFile, head: str, step: Fraction | None, value: float, *, is_rate: bool) -> Reading:
    subject = column_subject(head)
    if is_rate:
        rate_hz = value / PER_MINUTE
        return Reading(subject, [file.path], step, throughput_hz=rate_hz, notes=(EXITS_NOTE,))
    return Reading(subject, [file.path], step, latency_s=value, notes=() if step is None else (WARMUP_NOTE,))


def formats() -> Iterable[ImportFormat]:
    """Return this format."""
    return [ImportFormat(NAME, matches, read)]
