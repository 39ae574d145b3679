"""The charts over the time step: throughput as a share, verdicts with word, colour and marker, searches."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from places import REPOSITORY
from reportfiles import STEPS, bench, load, means_only, sweep, write

from pytest_unikernel.report import cells, gallery, pagestyle, reading, render
from pytest_unikernel.report.charts import ratio
from pytest_unikernel.report.figure import Figure
from pytest_unikernel.report.overview import Table, all_loads
from pytest_unikernel.report.page import page
from pytest_unikernel.report.series import Results
from pytest_unikernel.report.style import DARK
from pytest_unikernel.report.verdicts import LOOKS, word_in
from pytest_unikernel.text.table_cells import NONE

SVG = "{http://www.w3.org/2000/svg}"
KNEE = REPOSITORY / "tests" / "data" / "records" / "schema-1-knee.json"


def of(tmp_path: Path, benchmarks: list[dict[str, Any]]) -> Results:
    return Results([reading.read_document(write(tmp_path / "now.json", benchmarks), "now")])


def figure(results: Results, name: str) -> Figure:
    return next(each for each in gallery.figures(results) if each.name == name)


def texts(drawn: Figure) -> list[str]:
    [picture] = render.draw([drawn])
    root = ET.fromstring(picture.svg)  # noqa: S314 - ours
    return ["".join(each.itertext()) for each in root.iter(f"{SVG}text")]


def test_each_target_has_a_strip_that_no_other_covers(tmp_path: Path) -> None:
    drawn = figure(of(tmp_path, [*sweep("one"), *sweep("two")]), "throughput")
    rows = drawn.spec()["data"]["values"]
    spans = {
        label: (min(row["value"] for row in rows if row["label"] == label), next(
            row["foot"] for row in rows if row["label"] == label
        ))
        for label in ("one", "two")
    }  # fmt: skip
    assert spans["one"][0] < spans["one"][1] < spans["two"][0] < spans["two"][1]


def test_a_strip_is_as_high_as_the_share_that_completed(tmp_path: Path) -> None:
    shares = {0.25: 1.0, 0.125: 0.5, 0.0625: 0.0, 0.03125: 9.0}
    benchmarks = [
        bench("test_a", load("one", step_s, throughput_hz=share / step_s)) for step_s, share in shares.items()
    ]
    drawn = figure(of(tmp_path, benchmarks), "throughput")
    rows = {row["step"]: row for row in drawn.spec()["data"]["values"]}
    heights = {step_s: (row["foot"] - row["value"]) / ratio.STRIP for step_s, row in rows.items()}
    assert heights == {0.25: 1.0, 0.125: 0.5, 0.0625: 0.0, 0.03125: pytest.approx(ratio.HIGHEST)}
    assert [rows[step_s]["told"] for step_s in shares] == ["", "50 %", "0 %", ""]
    assert "2/s completed" not in rows[0.125]["about"]
    assert "4/s completed, 50 % of 8/s" in rows[0.125]["about"]


def test_strips_name_the_verdict_and_where_it_was(tmp_path: Path) -> None:
    shown = texts(figure(of(tmp_path, [*sweep("one"), *means_only("old")]), "throughput"))
    assert "knee 16/s, saturated at 32/s" in shown
    assert {"ok", "saturated", "no verdict"} <= set(shown)


def test_the_time_step_is_shown_as_a_rate_too(tmp_path: Path) -> None:
    shown = texts(figure(of(tmp_path, sweep("one")), "latency"))
    assert {"1/4 s4/s", "1/32 s32/s"} <= set(shown)


def test_loads_of_a_search_are_marked_in_charts_and_tables() -> None:
    results = Results([reading.read_document(KNEE, "knee")])
    rows = figure(results, "latency").spec()["data"]["values"]
    searched = {round(1 / row["step"]) for row in rows if row["search"]}
    assert {round(1 / row["step"]) for row in rows if not row["search"]} == {10, 20, 50}
    assert searched
    assert not searched & {10, 20, 50}
    assert all(("of the search" in row["about"]) is row["search"] for row in rows)
    assert "Small markers" in figure(results, "latency").caption
    steps = [row[1] for row in all_loads(results).rows]
    assert sum(each.endswith(cells.SEARCH) for each in steps) == sum(row["search"] for row in rows)


def test_a_sweep_without_a_search_has_no_word_about_one(tmp_path: Path) -> None:
    results = of(tmp_path, sweep("one"))
    assert "search" not in "".join(each.caption for each in gallery.figures(results))
    assert len(STEPS) == sum(row[1].endswith(" s") for row in all_loads(results).rows)


def test_verdicts_differ_in_more_than_colour() -> None:
    assert len({look.shape for look in LOOKS.values()}) == len(LOOKS)
    assert len({look.sign for look in LOOKS.values()}) == len(LOOKS)
    assert all(look.color in DARK for look in LOOKS.values())


@pytest.mark.parametrize("verdict", [each for each in LOOKS if each != "no verdict"])
def test_a_verdict_in_a_table_is_coloured_and_the_word_stays(verdict: str) -> None:
    table = Table("t", ["target", "not ok", "verdict"], [["one", f"64/s ({verdict})", verdict]])
    text = page("t", [], [], [table], [])
    assert f'<td class="verdict-{verdict}">{verdict}</td>' in text
    assert f'<td class="verdict-{verdict}">64/s ({verdict})</td>' in text
    assert f".verdict-{verdict}::before" in pagestyle.css()


@pytest.mark.parametrize("text", ["", NONE, "ok?", "saturated later", '"><b>', "64/s (nothing)"])
def test_other_cells_are_no_verdict(text: str) -> None:
    assert word_in(text) == ""
