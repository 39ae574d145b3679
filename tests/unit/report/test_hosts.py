"""Host against host in a report: a chart and a table for loads that several hosts made."""

from __future__ import annotations

from pathlib import Path

import pytest
from reportfiles import HOSTILE, bench, fleet, load, on_hosts, sweep, write

from pytest_unikernel.report import hosts as reported
from pytest_unikernel.report.build import report_files
from pytest_unikernel.report.charts import hosts as chart
from pytest_unikernel.report.figure import Figure
from pytest_unikernel.report.grids import grids
from pytest_unikernel.report.hosttable import MOST_HOSTS, hosts
from pytest_unikernel.report.overview import Table
from pytest_unikernel.report.reading import read_documents
from pytest_unikernel.report.series import Results
from pytest_unikernel.text.table_cells import NONE

Record = dict[str, object]


def results_of(tmp_path: Path, benches: list[Record]) -> Results:
    return Results(read_documents([write(tmp_path / "a.json", benches)]))


def table_of(results: Results) -> Table:
    table = hosts(results)
    assert table is not None
    return table


def rows_of(figure: Figure, panel: int = 0) -> list[dict[str, object]]:
    values: list[dict[str, object]] = figure.spec()["concat"][panel]["data"]["values"]
    return values


def test_each_host_has_a_row_per_time_step_from_the_slowest_to_the_fastest(tmp_path: Path) -> None:
    table = table_of(results_of(tmp_path, fleet("one", ["a", "b", "c"])))
    assert [row[1:3] for row in table.rows[:4]] == [
        ["1/4 s", "c"],
        ["1/4 s", "b"],
        ["1/4 s", "a"],
        ["1/8 s", "c"],
    ]
    last = dict(zip(table.heads, table.rows[9], strict=True))
    assert (last["host"], last["verdict"], last["reason"], last["lost"]) == (
        "c",
        "saturated",
        "the backlog grew",
        NONE,
    )
    assert (last["CPUs"], last["scheduled"], last["clock error"], last["window skew"]) == (
        "2", "143", "50 µs", "-200 µs",
    )  # fmt: skip


def test_a_host_that_was_lost_comes_first_with_its_reason(tmp_path: Path) -> None:
    gone = {
        "verdict": None,
        "lost": "its worker did not answer for 5 s",
        "completed": 0,
        "throughput_hz": None,
    }
    nothing = dict.fromkeys(("response_time_s", "service_time_s", "lateness_s"))
    whole = on_hosts(load("one", 0.25), ["quick", "slow", "lost"], **gone, **nothing)
    results = results_of(tmp_path, [bench("test_it", whole)])
    first = dict(zip(table_of(results).heads, table_of(results).rows[0], strict=True))
    assert (first["host"], first["p50"], first["verdict"], first["lost"]) == (
        "lost", NONE, NONE, "its worker did not answer for 5 s",
    )  # fmt: skip


def test_the_chart_has_a_mark_for_each_host_and_all_of_them_beside_it(tmp_path: Path) -> None:
    (figure,) = chart.figures(results_of(tmp_path, fleet("one", ["a", "b"])))
    rows = rows_of(figure)
    assert [row["host"] for row in rows] == ["a", "b", "all hosts"] * 4
    assert [row["ok"] for row in rows[-3:]] == [True, False, False]
    a, b, whole = rows[:3]
    assert a["step"] > b["step"] > whole["step"]  # type: ignore[operator]
    throughput = rows_of(figure, 2)
    assert [row["value"] for row in throughput[:3]] == [2.0, 2.0, 2.0]


def test_of_many_hosts_the_slowest_have_marks_and_the_others_their_range(tmp_path: Path) -> None:
    results = results_of(tmp_path, fleet("one", [f"host-{number}" for number in range(64)]))
    (figure,) = chart.figures(results)
    rows = rows_of(figure)
    assert len(rows) == 4 * (chart.MOST_NAMED + 2)
    assert {row["host"] for row in rows} >= {"host-63", chart.OTHERS, chart.ALL}
    others = next(row for row in rows if row["host"] == chart.OTHERS)
    assert others["value"] < others["high"]  # type: ignore[operator]
    table = table_of(results)
    assert len(table.rows) == 4 * MOST_HOSTS
    assert table.note.endswith("The slowest 16 of 64 at each time step; hosts.csv has them all.")
    assert len(next(grid for grid in grids(results) if grid.name == "hosts").rows) == 4 * 64


def test_a_report_of_one_host_has_nothing_of_it(tmp_path: Path) -> None:
    results = results_of(tmp_path, sweep("one"))
    assert hosts(results) is None
    assert list(chart.figures(results)) == []
    assert "hosts" not in {grid.name for grid in grids(results)}


def test_damaged_hosts_are_shown_as_far_as_they_are_sound(tmp_path: Path) -> None:
    whole = {**on_hosts(load("one", 0.25), ["a", "b"]), "hosts": [{"name": "a"}, {"name": 3}, {}, 7]}
    results = results_of(tmp_path, [bench("test_it", whole)])
    assert [row[2] for row in table_of(results).rows] == ["a", "2", "3"]
    assert all(set(row[3:]) == {NONE} for row in table_of(results).rows)
    assert [row["host"] for figure in chart.figures(results) for row in rows_of(figure)] == ["all hosts"]


def test_names_of_hosts_are_escaped(tmp_path: Path) -> None:
    results = results_of(tmp_path, fleet("one", HOSTILE))
    page = report_files(results, [], [table_of(results)])["report.html"].decode()
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_a_page_of_many_loads_has_fewer_hosts_of_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reported, "ROOM", 9)
    results = results_of(tmp_path, fleet("one", [f"host-{number}" for number in range(64)]))
    (figure,) = chart.figures(results)
    assert "The 2 slowest hosts have a mark" in figure.caption
    assert len(table_of(results).rows) == 4 * 2
