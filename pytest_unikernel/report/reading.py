"""pytest-benchmark's files as documents; the samples themselves are skipped, however many there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pytest_unikernel.errors import ReportError
from pytest_unikernel.plan.step_names import series_of
from pytest_unikernel.report.load import Load, clean
from pytest_unikernel.report.series import Document
from pytest_unikernel.results import saved_file

EXPECTED = "expected a file of pytest-benchmark (--benchmark-json=FILE, or a saved run)"


def read_documents(paths: list[Path]) -> list[Document]:
    """Return what files hold, each labelled with the part of its name that the others don't have.

    Raises:
        ReportError: one can't be read, is no such file, or holds no load.
    """
    names = [path.stem for path in paths]
    labels = [path.stem if names.count(path.stem) == 1 else str(path) for path in paths]
    return [read_document(path, label) for path, label in zip(paths, labels, strict=True)]


def read_document(path: Path, label: str) -> Document:
    """Return what one file holds.

    Raises:
        ReportError: it can't be read, is no such file, or holds no load.
    """
    document = _parsed(path)
    if not isinstance(document, dict) or not isinstance(document.get("benchmarks"), list):
        raise ReportError(f"{EXPECTED}, got {str(path)!r}, which has no list of benchmarks")
    loads = list(_loads(path, document["benchmarks"]))
    if not loads:
        raise ReportError(
            f"expected benchmarks of loads (tests with load_step or cold_start), got none in {str(path)!r}"
        )
    machine = document.get("machine_info")
    when = clean(document.get("datetime") or "")
    return Document(clean(label), loads, when, machine if isinstance(machine, dict) else {})


def _parsed(path: Path) -> Any:
    try:
        return saved_file.document(path)
    except OSError as error:
        raise ReportError(f"{EXPECTED}, can't read {str(path)!r}: {error.strerror}") from None
    except ValueError as error:
        raise ReportError(f"{EXPECTED}, got {str(path)!r}, which is not JSON: {error}") from None


def _loads(path: Path, benchmarks: list[Any]) -> Iterator[Load]:
    for number, bench in enumerate(benchmarks, 1):
        extra = bench.get("extra_info") if isinstance(bench, dict) else None
        record = extra.get("load") if isinstance(extra, dict) else None
        if record is None:
            continue
        if not isinstance(record, dict) or not isinstance(record.get("target"), str):
            raise ReportError(
                f"{path}, benchmark {number}: expected extra_info.load to be a record with a target, "
                f"got {str(record)[:60]!r}; the file was changed by hand?"
            )
        yield load_of(str(bench.get("fullname", "")), record)


def load_of(fullname: str, record: Mapping[str, Any]) -> Load:
    """Return a record as a load of its series."""
    return Load(fullname, series_of(fullname, Load(fullname, "", record).step_s), record)
