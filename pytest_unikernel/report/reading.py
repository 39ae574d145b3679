"""pytest-benchmark's files as documents; the samples themselves are skipped, however many there are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pytest_unikernel.errors import ReportError
from pytest_unikernel.report.loads import Load, clean
from pytest_unikernel.report.series import Document
from pytest_unikernel.schedule import parse_step

SAMPLES = b'"data"'
KNEE_ID = "knee"  # in place of the time step, where a test has searched for the knee
WHITE = b" \t\r\n"
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
        return json.loads(without_samples(path.read_bytes()))
    except OSError as error:
        raise ReportError(f"{EXPECTED}, can't read {str(path)!r}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
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
    return Load(fullname, series_of(fullname, record), record)


def series_of(fullname: str, record: Mapping[str, Any]) -> str:
    """Return a test's node id without the time step, the last part of its parameters' id."""
    step_s = Load(fullname, "", record).step_s
    head, bracket, tail = fullname.rpartition("[")
    if not bracket or not tail.endswith("]") or step_s is None:
        return fullname
    others, _, last = tail[:-1].rpartition("-")
    if last != KNEE_ID and not _is_step(last, step_s):
        return fullname
    return f"{head}[{others}]" if others else head


def _is_step(text: str, step_s: float) -> bool:
    try:
        return float(parse_step(text)) == step_s
    except ValueError:
        return False


def without_samples(text: bytes) -> bytes:
    """Return JSON whose arrays of numbers named ``data`` are empty: nearly all of a file, and not read here.

    An array with anything but numbers in it stays. Inside a string the name's first quote would follow a
    backslash, so none is touched.
    """
    kept, place = [], 0
    for begin, end in _samples(text):
        kept += [text[place:begin], b"[]"]
        place = end
    return b"".join((*kept, text[place:])) if kept else text


def _samples(text: bytes) -> Iterator[tuple[int, int]]:
    """Yield where each array of samples begins and ends."""
    place = text.find(SAMPLES)
    while place >= 0:
        after = place + len(SAMPLES)
        colon = _skip(text, after)
        begin = _skip(text, colon + 1)
        if (
            text[place - 1 : place] != b"\\"
            and text[colon : colon + 1] == b":"
            and text[begin : begin + 1] == b"["
        ):
            end = text.find(b"]", begin) + 1
            if end and not any(text.find(mark, begin + 1, end) >= 0 for mark in (b'"', b"[", b"{")):
                yield begin, end
                after = end
        place = text.find(SAMPLES, after)


def _skip(text: bytes, place: int) -> int:
    while text[place : place + 1] and text[place] in WHITE:
        place += 1
    return place
