"""Every reader accepts a damaged file of results, or refuses it in a sentence: chosen damages, one by one.

Drawn damages are tried by ``tests/fuzz``.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import damage
import finishedrun
import pytest
import readers

from pytest_unikernel.commands import main
from pytest_unikernel.errors import LoadError
from pytest_unikernel.report.reading import read_document
from pytest_unikernel.run import resumed

DOCUMENT, JOURNAL = finishedrun.document(), finishedrun.journal()
PLACES = list(damage.places(DOCUMENT))
SEARCHED = ("benchmarks", 3, "extra_info", "load", "knee")


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    path = tmp_path / "whole.json"
    path.write_bytes(damage.saved(DOCUMENT))
    return path


def damaged(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "damaged"
    path.write_bytes(content)
    return path


def test_whatever_key_is_missing_every_reader_goes_on_or_refuses_the_file(
    tmp_path: Path, whole: Path
) -> None:
    for way in PLACES:
        if (way[1:2] == (0,) and len(way) == 5) or (way[:5] == SEARCHED and len(way) == 6):
            file = damaged(tmp_path, damage.saved(damage.changed(DOCUMENT, way, "drop", None)))
            readers.compared(file, whole)
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
    tmp_path: Path, capsys: pytest.CaptureFixture[str], key: str, value: Any
) -> None:
    way = ("benchmarks", 0, "extra_info", "load", key)
    file = damaged(tmp_path, damage.saved(damage.changed(DOCUMENT, way, "odd", value)))
    assert main.main(["report", str(file), "-o", str(tmp_path / "report")]) == 0
    said = f"Damaged values in damaged are shown as not measured: benchmark 1: load.{key}" in (
        tmp_path / "report" / "report.html"
    ).read_text(encoding="utf-8")
    assert said == (key != "target")
    assert (f"benchmark 1: load.{key}" in capsys.readouterr().err) == said
