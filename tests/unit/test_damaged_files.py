"""Every reader accepts a damaged file of results, or refuses it in a sentence.

The damages are drawn by hypothesis, the same ones each time. ``EXAMPLES`` times as many are drawn where
UNIKERNEL_DAMAGES says so: 100 takes half an hour.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import damage
import finishedrun
import kbfiles
import pytest
import readers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_unikernel.commands import main
from pytest_unikernel.errors import LoadError
from pytest_unikernel.report.reading import read_document
from pytest_unikernel.run import resumed

DOCUMENT, JOURNAL = finishedrun.document(), finishedrun.journal()
PLACES, LINES = list(damage.places(DOCUMENT)), list(damage.places(JOURNAL))
SEARCHED = ("benchmarks", 3, "extra_info", "load", "knee")
SHARE = int(os.environ.get("UNIKERNEL_DAMAGES", "1"))
Drawn = Callable[[Callable[..., None]], Callable[..., None]]


def drawn(examples: int, **what: st.SearchStrategy[Any]) -> Drawn:
    """Run a test on so many damages, the same ones each time."""
    checks = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
    same = settings(derandomize=True, database=None, deadline=None, suppress_health_check=checks)
    bounded = settings(same, max_examples=examples * SHARE)
    return lambda test: bounded(given(**what)(test))


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    path = tmp_path / "whole.json"
    path.write_bytes(damage.saved(DOCUMENT))
    return path


def damaged(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "damaged"
    path.write_bytes(content)
    return path


# a value changed ----------------------------------------------------------------------------------


@drawn(60, document=damage.documents(DOCUMENT, PLACES))
def test_a_comparison_is_made_or_refused(
    tmp_path: Path, whole: Path, capsys: pytest.CaptureFixture[str], document: Any
) -> None:
    readers.compared(damaged(tmp_path, damage.saved(document)), whole, capsys)


@drawn(30, document=damage.documents(DOCUMENT, PLACES))
def test_a_report_is_made_or_refused(tmp_path: Path, whole: Path, document: Any) -> None:
    readers.reported(damaged(tmp_path, damage.saved(document)), whole)


@drawn(60, document=damage.documents(DOCUMENT, PLACES))
def test_a_run_is_resumed_from_a_saved_file_or_the_file_is_refused(tmp_path: Path, document: Any) -> None:
    readers.rerun(damaged(tmp_path, damage.saved(document)), tmp_path)


@drawn(60, entries=damage.documents(JOURNAL, LINES))
def test_a_run_is_resumed_from_a_journal_or_the_journal_is_refused(tmp_path: Path, entries: Any) -> None:
    readers.rerun(damaged(tmp_path, damage.journal(entries)), tmp_path)


@drawn(60, document=damage.documents(DOCUMENT, PLACES))
def test_a_baseline_is_shown_or_left_out(document: Any) -> None:
    readers.as_baseline(document)


# a text cut off -----------------------------------------------------------------------------------


@drawn(60, content=damage.texts(damage.journal(JOURNAL)))
def test_whatever_became_of_a_journal_it_is_read_or_refused(tmp_path: Path, content: bytes) -> None:
    readers.rerun(damaged(tmp_path, content), tmp_path)


@drawn(25, content=damage.texts(damage.saved(DOCUMENT)))
def test_whatever_became_of_a_saved_file_it_is_read_or_refused(
    tmp_path: Path, whole: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    file = damaged(tmp_path, content)
    readers.compared(file, whole, capsys)
    readers.reported(file, whole)
    readers.rerun(file, tmp_path)


THEIRS = {
    "rust-output-r0.5/launch.output": kbfiles.launch("rust"),
    "linux-output-r0.5/launch.output": kbfiles.launch("linux"),
    "rust-results-r0.5.txt": kbfiles.result((60.0, 20), (60.0, 21)),
    "latency.tsv": (kbfiles.DATA / "latency.tsv").read_text(),
    "ts.json": '{"TS00 -> TS01": {"maximum": "9 ns", "minimum": "4 ns", "average": "7 ns"}}',
}


@drawn(
    100,
    file=st.sampled_from(sorted(THEIRS)).flatmap(
        lambda name: st.tuples(st.just(name), damage.texts(THEIRS[name].encode()))
    ),
)
def test_files_of_others_are_imported_or_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], file: tuple[str, bytes]
) -> None:
    name, content = file
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    status = main.main(["import", str(path), "-o", "-"])
    out, err = capsys.readouterr()
    assert (status, bool(out), err.count("\n")) in {(0, True, 0), (2, False, 1)}


# one by one ---------------------------------------------------------------------------------------


def test_whatever_key_is_missing_every_reader_goes_on_or_refuses_the_file(
    tmp_path: Path, whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for way in PLACES:
        if (way[1:2] == (0,) and len(way) == 5) or (way[:5] == SEARCHED and len(way) == 6):
            file = damaged(tmp_path, damage.saved(damage.changed(DOCUMENT, way, "drop", None)))
            readers.compared(file, whole, capsys)
            readers.rerun(file, tmp_path)


def test_a_damaged_record_is_refused_by_its_place_and_its_key(
    tmp_path: Path, whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    way = ("benchmarks", 1, "extra_info", "load", "response_time_s", "p50")
    file = damaged(tmp_path, damage.saved(damage.changed(DOCUMENT, way, "odd", "x")))
    fault = "load.response_time_s.p50: expected a number >= 0 or null, got 'x'"
    assert main.main(["compare", str(file), str(whole)]) == 2
    assert f"{file}, benchmark 2: {fault}; the file is damaged" in capsys.readouterr().err
    with pytest.raises(LoadError, match=re.escape(f"--sweep-resume: {file}, benchmark 2: {fault}; ")):
        resumed.read(file)
    document = read_document(file, "it")
    assert document.damages == [f"benchmark 2: {fault}"]
    assert document.loads[1].number("response_time_s", "p50") is None
    entries = damage.changed(JOURNAL, (1, "record", *way[4:]), "odd", "x")
    with pytest.raises(LoadError, match=re.escape(f"damaged, line 2: {fault}; ")):
        resumed.read(damaged(tmp_path, damage.journal(entries)))


def test_a_journal_with_half_a_line_at_its_end_is_one_without_it(tmp_path: Path) -> None:
    content = damage.journal(JOURNAL)
    for cut in (1, 100, len(damage.journal(JOURNAL[-1:])) - 1):
        steps = resumed.read(damaged(tmp_path, content[:-cut]))
        assert list(steps) == [each["fullname"] for each in JOURNAL[:-1]]


def test_a_step_without_what_a_result_needs_is_named_and_left_out(tmp_path: Path) -> None:
    entries = json.loads(json.dumps(JOURNAL))
    del entries[0]["record"]["instance"], entries[1]["record"]["per_trial"][0]["verdict"]
    steps = resumed.read(damaged(tmp_path, damage.journal(entries)))
    assert [step.lacks for step in steps.values()] == [
        "load.instance is missing", "load.per_trial[0].verdict is missing", "", "", "",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("unfinished", 10**400),
        ("verdict", [None]),
        ("host", {"cpu_percent": float("nan")}),
        ("target", "\ud800"),
    ],
    ids=["huge", "list", "nan", "half a character"],
)
def test_a_report_of_a_damaged_record_is_drawn_and_says_what_is_damaged(
    tmp_path: Path, key: str, value: Any
) -> None:
    way = ("benchmarks", 0, "extra_info", "load", key)
    file = damaged(tmp_path, damage.saved(damage.changed(DOCUMENT, way, "odd", value)))
    assert main.main(["report", str(file), "-o", str(tmp_path / "report")]) == 0
    said = f"Damaged values in damaged are shown as not measured: benchmark 1: load.{key}" in (
        tmp_path / "report" / "report.html"
    ).read_text(encoding="utf-8")
    assert said == (key != "target")
