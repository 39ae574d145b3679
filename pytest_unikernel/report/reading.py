"""Reads pytest-benchmark's files as documents, without their samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pytest_unikernel.errors import ReportError
from pytest_unikernel.plan.step_names import series_of
from pytest_unikernel.report.load import ReportedLoad, clean
from pytest_unikernel.report.series import Document
from pytest_unikernel.results import saved_file
from pytest_unikernel.results.record.check import DAMAGED, faults, shown
from pytest_unikernel.results.record.sound import sound

FAULT_COLUMNS = 160
EXPECTED = "expected a file of pytest-benchmark (--benchmark-json=FILE, or a saved run)"


def read_documents(paths: list[Path]) -> list[Document]:
    """Return the documents in files, each labelled with the part of its name that the others lack.

    Raises:
        ReportError: a file cannot be read, is no pytest-benchmark file, or holds no load.
    """
    names = [path.stem for path in paths]
    labels = [path.stem if names.count(path.stem) == 1 else str(path) for path in paths]
    return [read_document(path, label) for path, label in zip(paths, labels, strict=True)]


def read_document(path: Path, label: str) -> Document:
    """Return the document in a file.

    Raises:
        ReportError: the file cannot be read, is no pytest-benchmark file, or holds no load.
    """
    document = _parsed(path)
    if not isinstance(document, dict) or not isinstance(document.get("benchmarks"), list):
        raise ReportError(f"{EXPECTED}, got {str(path)!r}, which has no list of benchmarks")
    records = list(_records(path, document["benchmarks"]))
    if not records:
        raise ReportError(
            "expected benchmarks with loads (of tests with load_step or cold_start), got none in "
            f"{str(path)!r}"
        )
    when = document.get("datetime")
    return Document(
        clean(label),
        [load_of(each.fullname, each.record) for each in records],
        clean(when) if isinstance(when, str) else "",
        saved_file.machine_info(document),
        [line for each in records for line in each.damages()],
    )


def _parsed(path: Path) -> Any:
    try:
        return saved_file.document(path)
    except OSError as error:
        raise ReportError(f"{EXPECTED}, can't read {str(path)!r}: {error.strerror}") from None
    except ValueError as error:
        raise ReportError(f"{EXPECTED}, got {str(path)!r}, which is not JSON: {error}") from None


class _Saved(NamedTuple):
    number: int
    fullname: str
    record: Mapping[str, Any]

    def damages(self) -> Iterator[str]:
        """Yield the faults of values that are present but do not fit the schema."""
        wrong = (fault for fault in faults(self.record) if not fault.missing)
        return (f"benchmark {self.number}: {clean(fault, FAULT_COLUMNS)}" for fault in wrong)


def _records(path: Path, benchmarks: list[Any]) -> Iterator[_Saved]:
    for number, bench in enumerate(benchmarks, 1):
        extra = bench.get("extra_info") if isinstance(bench, dict) else None
        record = extra.get("load") if isinstance(extra, dict) else None
        if record is None:
            continue
        if not isinstance(record, dict) or not isinstance(record.get("target"), str):
            raise ReportError(
                f"{path}, benchmark {number}: expected extra_info.load to be a record with a target, "
                f"got {shown(record)}; {DAMAGED}"
            )
        fullname = bench.get("fullname")
        yield _Saved(number, fullname if isinstance(fullname, str) else "", record)


def load_of(fullname: str, record: Mapping[str, Any]) -> ReportedLoad:
    """Return the sound part of a record as a load of its series."""
    whole = sound(record)
    return ReportedLoad(fullname, series_of(fullname, whole["time_step_s"], whole.get("series")), whole)
