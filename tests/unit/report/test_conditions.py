"""The table of settings: command line, version, and each setting with the targets that had it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from reportfiles import HOSTILE, bench, load, means_only, sweep, write

from pytest_unikernel.report import conditions, reading
from pytest_unikernel.report.series import Results

RUN = {"command_line": ["pytest", "a b", "-k", "x"], "plugin_version": "1.2"}


def rows_of(tmp_path: Path, *loads: dict[str, Any]) -> list[list[str]]:
    path = write(tmp_path / "now.json", [bench(f"test_{number}", each) for number, each in enumerate(loads)])
    table = conditions.settings(Results([reading.read_document(path, "now")]))
    return [] if table is None else [list(row) for row in table.rows]


def test_what_one_of_two_targets_has_names_it(tmp_path: Path) -> None:
    one, two = load("one", 0.5, settings={"argv": ["/bin/true"]}), load("two", 0.5, settings={})
    assert ["program", "/bin/true", "one"] in rows_of(tmp_path, one, two)


def test_what_all_targets_share_is_one_row(tmp_path: Path) -> None:
    settings = {"window_s": 2.5, "cpus": None, "order": "series", "argv": ["/bin/echo", "a b"]}
    loads = [load(name, 0.5, run=RUN, settings=settings) for name in ("one", "two")]
    assert rows_of(tmp_path, *loads) == [
        ["command line", "pytest 'a b' -k x", "all"],
        ["pytest-unikernel", "1.2", "all"],
        ["window", "2.5 s", "all"],
        ["order", "series", "all"],
        ["program", "/bin/echo 'a b'", "all"],
    ]


def test_what_differs_has_a_row_for_each_value_with_its_targets(tmp_path: Path) -> None:
    windows = {"one": 1.0, "two": 2.0, "three": 1.0}
    loads = [load(name, 0.5, settings={"window_s": window_s}) for name, window_s in windows.items()]
    assert rows_of(tmp_path, *loads) == [["window", "1 s", "one, three"], ["window", "2 s", "two"]]


@pytest.mark.parametrize("name", HOSTILE)
def test_unfriendly_values_are_printable(tmp_path: Path, name: str) -> None:
    run = {"command_line": ["pytest", name], "plugin_version": name}
    rows = rows_of(tmp_path, load("one", 0.5, run=run, settings={"argv": [name], name: name, "cpus": [1, 2]}))
    assert all(cell.isprintable() for row in rows for cell in row)
    assert ["cpus", "1, 2", "one"] in rows


@pytest.mark.parametrize("run", [None, {}, {"command_line": None, "plugin_version": 3}, [1], "x"])
def test_a_run_that_is_damaged_or_missing_is_unknown(tmp_path: Path, run: Any) -> None:
    assert rows_of(tmp_path, load("one", 0.5, run=run, settings={"order": "series"})) == [
        ["order", "series", "one"]
    ]


def test_without_any_setting_there_is_no_table(tmp_path: Path) -> None:
    path = write(tmp_path / "old.json", means_only("old"))
    assert conditions.settings(Results([reading.read_document(path, "old")])) is None


def test_a_baseline_is_named(tmp_path: Path) -> None:
    now = reading.read_document(write(tmp_path / "a.json", sweep("one")), "a")
    other = sweep("one")
    for each in other:
        each["extra_info"]["load"]["settings"] = {"warmup_s": 3.0}
    was = reading.read_document(write(tmp_path / "b.json", other), "b")
    table = conditions.settings(Results([now], [was]))
    assert table is not None
    assert ["warmup", "3 s", "one (baseline)"] in table.rows
