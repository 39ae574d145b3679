"""Reads the finished steps of an earlier run from its journal or a saved pytest-benchmark file."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pytest_unikernel.errors import LoadError
from pytest_unikernel.results.record.check import DAMAGED, ROOT, faults, misfits, shown
from pytest_unikernel.results.record.whole import WHOLE, Samples, Step
from pytest_unikernel.results.result import LoadResult
from pytest_unikernel.results.saved_result import from_json
from pytest_unikernel.results.size import read_bounded

CURE = f"{DAMAGED}; take that out, and its step is run again"
IDENTITY = frozenset(f"{ROOT}.{key}" for key in ("target", "variant", "ready", "settings", "interrupted"))


class Finished(NamedTuple):
    """A step that an earlier run has finished.

    Attributes:
        record: the step's record.
        responses_s: the response times of its completed launches, in the order of the schedule.
        lacks: the missing part of the record, which makes the step run again; empty if it is complete.
    """

    record: Mapping[str, Any]
    responses_s: Sequence[float]
    lacks: str = ""

    def result(self) -> LoadResult:
        """Return the step's result as it was measured."""
        return from_json(self.record, self.responses_s)


Steps = Mapping[str, Finished]


def read(path: Path) -> Steps:
    """Return the finished steps in a journal or a saved pytest-benchmark file, by full name.

    Raises:
        LoadError: the file is neither, or a record in it is damaged; the text says where.
    """
    try:
        with path.open("rb") as stream:
            text = read_bounded(stream).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        said = getattr(error, "strerror", None) or error
        raise LoadError(f"--sweep-resume: can't read {str(path)!r}: {said}") from error
    benchmarks = _benchmarks(text)
    return dict(_lines(path, text) if benchmarks is None else _saved(path, benchmarks))


def _checked(where: str, fullname: str, record: Any, responses_s: Sequence[float]) -> tuple[str, Finished]:
    """Return a step with its full name.

    Raises:
        LoadError: the record is damaged, or does not identify its load.
    """
    found = list(faults(record, WHOLE))
    for fault in found:
        if not fault.missing or fault.where in IDENTITY:
            raise LoadError(f"--sweep-resume: {where}: {fault}; {CURE}")
    return fullname, Finished(record, responses_s, str(found[0]) if found else "")


# a saved file -------------------------------------------------------------------------------------


def _benchmarks(text: str) -> list[Any] | None:
    """Return the benchmarks of a saved pytest-benchmark file; None for any other content."""
    with contextlib.suppress(ValueError, RecursionError):
        document = json.loads(text)
        found = document.get("benchmarks") if isinstance(document, dict) else None
        return found if isinstance(found, list) else None
    return None


def _saved(path: Path, benchmarks: Sequence[Any]) -> Iterator[tuple[str, Finished]]:
    for number, bench in enumerate(benchmarks, 1):
        where = f"{path}, benchmark {number}"
        record = _record(where, bench)
        # An imported load was not run here; an interrupted load is not finished.
        if record is None or "source" in record or record.get("interrupted") is True:
            continue
        fullname = bench.get("fullname")
        if not isinstance(fullname, str):
            raise _wrong_benchmark(where, f"got the fullname {shown(fullname)}")
        name, finished = _checked(where, fullname, record, ())
        samples = _samples(where, bench) if record.get("completed") and not finished.lacks else []
        yield name, finished._replace(responses_s=samples)


def _record(where: str, bench: Any) -> dict[str, Any] | None:
    extra = (bench.get("extra_info") or {}) if isinstance(bench, dict) else bench
    record = extra.get("load") if isinstance(extra, dict) else extra
    if record is None or isinstance(record, dict):
        return record
    raise _wrong_benchmark(where, f"got {shown(bench)}")


def _samples(where: str, bench: Mapping[str, Any]) -> list[float]:
    stats = bench.get("stats")
    samples = stats.get("data") if isinstance(stats, dict) else None
    if samples is None:
        raise _wrong_benchmark(where, "stats.data is missing")
    for fault in misfits(samples, Samples, "stats.data"):
        raise LoadError(f"--sweep-resume: {where}: {fault}; {CURE}")
    known: list[float] = samples
    return known


def _wrong_benchmark(where: str, what: str) -> LoadError:
    return LoadError(
        f"--sweep-resume: {where}: expected a record of a load with its samples, "
        f"{what}; --benchmark-json files hold them, others with --benchmark-save-data"
    )


# a journal ----------------------------------------------------------------------------------------


def _lines(path: Path, text: str) -> Iterator[tuple[str, Finished]]:
    lines = text.split("\n")
    if len(lines) == 1 and text:
        raise _wrong_line(path, 1, text)
    for number, line in enumerate(lines[:-1], 1):  # the last line is empty, or was cut off by the run's end
        yield _entry(path, number, line)


def _entry(path: Path, number: int, line: str) -> tuple[str, Finished]:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _wrong_line(path, number, line) from error
    if next(misfits(entry, Step, "line"), None) is not None:
        raise _wrong_line(path, number, line)
    return _checked(f"{path}, line {number}", entry["fullname"], entry["record"], entry["responses_s"])


def _wrong_line(path: Path, number: int, line: str) -> LoadError:
    return LoadError(
        f"--sweep-resume: {path}, line {number}: expected a saved pytest-benchmark file or a journal "
        f"of finished steps, got {line[:40]!r}"
    )
