"""Finished steps, written down as they end, so that a run that didn't end well can be resumed.

A journal is JSON lines: ``{"fullname", "record", "responses_s"}``. A saved pytest-benchmark file
serves as well: its records are in ``extra_info["load"]``, its samples in ``stats.data``.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_unikernel.clock import local_time
from pytest_unikernel.errors import LoadError

if TYPE_CHECKING:
    from pytest_unikernel.results.result import LoadResult

SUFFIX = ".journal"


class Finished(NamedTuple):
    """A step that need not be run again."""

    record: Mapping[str, Any]
    responses_s: list[float]

    def result(self) -> LoadResult:
        """Return the step's result as it was measured."""
        from pytest_unikernel.results.saved_result import from_json  # noqa: PLC0415 - files are checked before loads are imported

        return from_json(self.record, self.responses_s)


Steps = Mapping[str, Finished]


class Journal:
    """A file (0600) that gains a line per finished step; each line is on disk before the next step.

    The file is made at the first step, and locked while its run lives. Without a directory, or on a
    disk that takes no more, nothing is written down: the measurement matters more.
    """

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self._path: Path | None = None
        self._descriptor = -1
        self._fullnames: set[str] = set()

    def add(self, fullname: str, result: LoadResult) -> None:
        """Append a finished step; interrupted ones are not finished."""
        if self._directory is None or result.interrupted:
            return
        entry = {"fullname": fullname, "record": result.as_json(), "responses_s": list(result.responses_s)}
        line = json.dumps(entry).encode() + b"\n"
        try:
            if self._descriptor < 0:
                self._open(self._directory)
            _write(self._descriptor, line)
        except OSError:
            self._directory = None
            return
        self._fullnames.add(fullname)

    def _open(self, directory: Path) -> None:
        prefix = f"{local_time('%Y%m%d-%H%M%S')}-"
        self._descriptor, path = tempfile.mkstemp(SUFFIX, prefix, directory)
        self._path = Path(path)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def close(self, *, keep: bool) -> Path | None:
        """Close the file; return its path if it is kept.

        Journals of earlier runs whose steps are all in this one have served their purpose and go.
        """
        if self._path is None:
            return None
        for path in abandoned(self._path.parent):
            with contextlib.suppress(LoadError):
                if read(path).keys() <= self._fullnames:
                    path.unlink(missing_ok=True)
        os.close(self._descriptor)
        if keep:
            return self._path
        self._path.unlink(missing_ok=True)
        return None


def _write(descriptor: int, line: bytes) -> None:
    while line:
        line = line[os.write(descriptor, line) :]
    os.fdatasync(descriptor)


def abandoned(directory: Path) -> list[Path]:
    """Return the journals whose runs are over, the latest last."""
    return [path for path in sorted(directory.glob(f"*{SUFFIX}")) if not _locked(path)]


def _locked(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:  # locked, or not ours to read
        return True
    return False


def read(path: Path) -> Steps:
    """Return the finished steps in a journal or a saved pytest-benchmark file, by full name.

    Raises:
        LoadError: the file is neither; the text says where it stops to make sense.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LoadError(f"--sweep-resume: can't read {str(path)!r}: {error}") from error
    document = _document(text)
    return dict(_lines(path, text) if document is None else _saved(path, document))


def _document(text: str) -> Any:
    """Return a saved pytest-benchmark file's content, None for anything else."""
    with contextlib.suppress(ValueError, RecursionError):
        document = json.loads(text)
        if isinstance(document, dict) and isinstance(document.get("benchmarks"), list):
            return document
    return None


def _saved(path: Path, document: Mapping[str, Any]) -> Iterator[tuple[str, Finished]]:
    for number, bench in enumerate(document["benchmarks"], 1):
        try:
            record = (bench.get("extra_info") or {}).get("load")
            if record is None or record["interrupted"] or "source" in record:  # imported: never run here
                continue
            data = bench["stats"]["data"] if record["completed"] else []
            yield bench["fullname"], Finished(_checked(record), data)
        except KeyError as error:
            raise _wrong_benchmark(path, number, f"{error} is missing") from error
        except (TypeError, AttributeError) as error:
            raise _wrong_benchmark(path, number, f"got {str(bench)[:40]!r}") from error


def _wrong_benchmark(path: Path, number: int, what: str) -> LoadError:
    return LoadError(
        f"--sweep-resume: {path}, benchmark {number}: expected a record of a load with its samples, "
        f"{what}; --benchmark-json files hold them, others with --benchmark-save-data"
    )


def _lines(path: Path, text: str) -> Iterator[tuple[str, Finished]]:
    lines = text.split("\n")
    if len(lines) == 1 and text:
        raise _wrong_line(path, 1, text)
    for number, line in enumerate(lines[:-1], 1):  # the last one is empty, or was cut off by the run's end
        yield _entry(path, number, line)


def _entry(path: Path, number: int, line: str) -> tuple[str, Finished]:
    try:
        entry = json.loads(line)
        return entry["fullname"], Finished(_checked(entry["record"]), list(entry["responses_s"]))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _wrong_line(path, number, line) from error


def _checked(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the record if it has what a resumed run compares."""
    for key in ("target", "variant", "ready", "settings", "interrupted"):
        record[key]
    return record


def _wrong_line(path: Path, number: int, line: str) -> LoadError:
    return LoadError(
        f"--sweep-resume: {path}, line {number}: expected a saved pytest-benchmark file or a journal "
        f"of finished steps, got {line[:40]!r}"
    )
