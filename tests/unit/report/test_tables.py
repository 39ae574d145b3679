"""The tables of a report: a column per target as kernel-benchmark's, but in seconds and hertz; Markdown."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from reportfiles import HOSTILE, bench, load, means_only, sweep, write

from pytest_unikernel.report import markdown, overview
from pytest_unikernel.report.grids import FORMULAS, Grid, grids, safe
from pytest_unikernel.report.overview import Table
from pytest_unikernel.report.reading import read_documents
from pytest_unikernel.report.series import Results
from pytest_unikernel.text.table_cells import NONE


@pytest.fixture
def results(tmp_path: Path) -> Results:
    now = write(tmp_path / "now.json", [*sweep("one"), *means_only("Rust")])
    was = write(tmp_path / "was.json", sweep("one"))
    return Results(read_documents([now]), read_documents([was]))


def grid_of(results: Results, name: str) -> Grid:
    return next(grid for grid in grids(results) if grid.name == name)


def rows_of(grid: Grid, separator: str = "\t") -> list[list[str]]:
    return list(csv.reader(io.StringIO(grid.text(separator)), delimiter=separator))


def test_latency_has_a_row_per_time_step_and_a_column_per_target(results: Results) -> None:
    head, *rows = rows_of(grid_of(results, "latency"))
    assert head == ["Time step (s)", "one p50 (s)", "Rust mean (s)", "one p50 (s), baseline"]
    assert [row[0] for row in rows] == ["0.25", "0.125", "0.0625", "0.03125"]
    first = results.sweeps[0].loads[0].number("response_time_s", "p50")
    assert rows[0][1:] == [repr(first), "0.3", repr(first)]


def test_throughput_is_in_hertz(results: Results) -> None:
    head, *rows = rows_of(grid_of(results, "throughput"), ",")
    assert head == ["Time step (s)", "one (Hz)", "Rust (Hz)", "one (Hz), baseline"]
    assert rows[-1] == ["0.03125", "19.2", "31.68", "19.2"]


def test_latency_without_contention_is_one_row(results: Results) -> None:
    head, *rows = rows_of(grid_of(results, "cold"))
    assert head == ["one p50 (s)", "Rust mean (s)", "one p50 (s), baseline"]
    assert len(rows) == 1


def test_a_step_that_a_target_has_not_is_empty(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", [*sweep("one", steps=(0.5, 0.25)), *sweep("two", steps=(0.25, 0.125))])
    _, *rows = rows_of(grid_of(Results(read_documents([path])), "throughput"))
    assert [[bool(cell) for cell in row] for row in rows] == [
        [True, True, False],
        [True] * 3,
        [True, False, True],
    ]


def test_every_load_is_a_row_with_all_of_its_figures(results: Results) -> None:
    head, *rows = rows_of(grid_of(results, "loads"))
    assert len(rows) == 15
    assert {len(row) for row in rows} == {len(head)}
    saturated = dict(zip(head, rows[3], strict=True))
    assert saturated["Verdict"] == "saturated"
    assert saturated["Not completed"] == "20 timeout; 30 dropped"
    assert saturated["response time p99 (s)"] == ""
    assert float(saturated["throughput (Hz)"]) == pytest.approx(19.2)


@pytest.mark.parametrize("name", [*HOSTILE, "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_name_is_a_formula_or_ends_a_cell(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / "a.json", sweep(name))
    for grid in grids(Results(read_documents([path]))):
        for separator in ",\t":
            table = rows_of(grid, separator)
            assert {len(row) for row in table} == {len(grid.heads)}
            texts = [cell for row in table for cell in row if not number(cell)]
            assert not [cell for cell in texts if cell.startswith((*FORMULAS, "\t", "\r"))]
            assert grid.text("\t").count("\t") == (len(grid.heads) - 1) * len(table)


def number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def test_formulas_after_white_space_are_formulas() -> None:
    assert safe(" \t=1+1") == "'=1+1"
    assert safe("linux_vm[kvm] p50 (s)") == "linux_vm[kvm] p50 (s)"


@pytest.mark.parametrize("name", HOSTILE)
def test_markdown_shows_names_as_they_are(name: str) -> None:
    table = Table("a|b", ["target", "x"], [[name, "1"]])
    lines = markdown.document("t", [table]).splitlines()
    row = lines[-1]
    assert row.startswith("| ")
    assert row.endswith(" | 1 |")
    cell = row.removeprefix("| ").removesuffix(" | 1 |")
    assert "|" not in cell.replace("\\|", "")
    assert "<" not in cell
    assert "](" not in cell.replace("\\]", "")
    assert "`" not in cell.replace("\\`", "")
    assert "://" not in cell.replace("\\://", "")


def test_usual_names_need_no_escape_in_markdown() -> None:
    assert markdown.escaped("linux_process 1/4 s (+3%)") == "linux_process 1/4 s (+3%)"
    assert markdown.escaped("_x_ a_b_ rust_kernel[kvm]") == "\\_x\\_ a_b\\_ rust_kernel\\[kvm\\]"


def test_markdown_has_every_table(results: Results) -> None:
    text = markdown.document("Load sweeps", overview.tables(results))
    heads = [line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")]
    assert heads == [
        "At a glance",
        "Beside the baseline",
        "All figures",
        "Machine",
        "Versions and conditions",
    ]


def test_the_knees_are_the_numbers_to_quote(results: Results) -> None:
    rows = {(row[0], row[1]): row for row in overview.knees(results).rows}
    assert rows["one", "current"][2:4] == ["16/s", "32/s (saturated)"]
    assert rows["one", "current"][-1] == "8/s"
    assert rows["Rust", "current"][2:] == [NONE, NONE, NONE, NONE, "300 ms (mean)", NONE]


def test_objectives_have_a_row_each_and_none_is_no_table(results: Results, tmp_path: Path) -> None:
    assert overview.objectives(results) is None
    slo = {"limit_s": 0.05, "value_s": 0.01, "launches": 400, "launches_needed": 20}
    loads = [load("one", step, slo={"p50": {**slo, "met": step > 0.1}}) for step in (0.5, 0.25, 0.0625)]
    broken = load("two", 0.5, slo={"p50": {}})
    saved = write(tmp_path / "slo.json", [bench(f"test_{each['target']}", each) for each in (*loads, broken)])
    table = overview.objectives(Results(read_documents([saved])))
    assert table is not None
    assert table.rows[0] == ["one", "p50 <= 50 ms: up to 4/s; not at 16/s (p50 10 ms)"]
    assert table.rows[1] == ["two", "unknown: a record is incomplete"]


def test_imported_figures_say_what_they_are(results: Results) -> None:
    rows = {(row[0], row[1]): row for row in overview.versions(results).rows}
    assert rows["Rust", "current"][-1] == "scripts: means only"
    assert rows["one", "current"][-1] == "program 1.0"


def test_without_a_baseline_no_column_says_which_run(tmp_path: Path) -> None:
    only = Results(read_documents([write(tmp_path / "a.json", sweep("one"))]))
    for table in overview.tables(only):
        assert "run" not in table.heads
        assert {len(row) for row in table.rows} == {len(table.heads)}


def test_changes_against_the_baseline_are_told_where_both_are_known(results: Results) -> None:
    table = overview.compared(results)
    assert table is not None
    assert [row[1] for row in table.rows] == ["1/4 s", "1/8 s", "1/16 s", "1/32 s", "cold"]
    assert {row[4] for row in table.rows[:4]} == {"+0.0%"}
    assert table.rows[3][8:11] == ["> 60 s", "> 60 s", NONE]


def test_what_is_not_comparable_says_why(tmp_path: Path) -> None:
    def read(name: str, **changes: Any) -> Any:
        benchmarks = [bench("test_a", load("one", 0.5, **changes))]
        return read_documents([write(tmp_path / f"{name}.json", benchmarks)])

    table = overview.compared(Results(read("now"), read("was", window_s=9.0)))
    assert table is not None
    assert table.rows[0][-1] == "not comparable: window 4 s against 9 s"


def test_a_record_that_says_nothing_of_its_conditions_is_shown_beside_the_other(tmp_path: Path) -> None:
    now = read_documents([write(tmp_path / "a.json", sweep("Rust"))])
    was = read_documents([write(tmp_path / "b.json", means_only("Rust"))])
    table = overview.compared(Results(now, was))
    assert table is not None
    assert table.rows[0][-1] == "not comparable: unknown conditions"
