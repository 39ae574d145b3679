"""Loads beside those of a saved run, by pytest-benchmark's options and by its own command."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest
from sweeprun import TWO_STEPS, run, run_apart, write

from pytest_unikernel.plugin.benchmark import NOTHING

ALL_FAIL = """
@pytest.mark.load_sweep(time_steps=[0.1], warmup=0, window=1)
def test_it(load_step):
    load_step(FakeTarget(fail_every=1, timeout_s=7))
"""


@pytest.fixture
def output(pytester: pytest.Pytester) -> Path:
    return pytester.path / "o.json"


def test_two_runs_are_both_shown(pytester: pytest.Pytester) -> None:
    run(pytester, "--benchmark-autosave", source=TWO_STEPS).assert_outcomes(passed=2)
    result = run(pytester, "--benchmark-autosave", "--benchmark-compare", "--sweep-benchmark-table")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines_random(["test_it?0.1s? (0001*", "test_it?0.1s? (NOW)*"])
    assert len(list(pytester.path.glob(".benchmarks/*/*.json"))) == 2


SLOWER = """
import dataclasses


@pytest.fixture
def fake():
    return dataclasses.replace(FakeTarget(service_time_s=0.04), variant={})
"""


def test_a_slower_run_fails_the_comparison(pytester: pytest.Pytester) -> None:
    run(pytester, "--benchmark-autosave", source=TWO_STEPS)
    compare = ["--benchmark-compare", "--benchmark-compare-fail=median:10%"]
    result = run(pytester, *compare, source=SLOWER + TWO_STEPS)
    assert result.ret != 0
    assert "Performance has regressed" in result.stdout.str() + result.stderr.str()
    result.stdout.fnmatch_lines(["*against the baseline, all launches together, as measured:"])


def test_a_limit_without_a_baseline_is_an_error_without_a_table_too(pytester: pytest.Pytester) -> None:
    result = run(pytester, "--benchmark-compare-fail=median:10%", source=TWO_STEPS)
    assert result.ret != 0
    said = result.stdout.str() + result.stderr.str()
    assert "--benchmark-compare-fail requires valid --benchmark-compare" in said


def test_an_equal_run_passes_the_comparison(pytester: pytest.Pytester) -> None:
    run(pytester, "--benchmark-autosave", source=TWO_STEPS)
    same = run(pytester, "--benchmark-compare", "--benchmark-compare-fail=median:10%")
    assert same.ret == 0


@pytest.mark.parametrize(
    ("old", "new"),
    [("step(fake)", "step(fake(service_time_s=0.04))"), ("**FAST", "time_steps=[0.1], warmup=0, window=2")],
)
def test_a_run_measured_otherwise_is_not_compared(pytester: pytest.Pytester, old: str, new: str) -> None:
    run(pytester, "--benchmark-autosave", source=TWO_STEPS)
    compare = ["--benchmark-compare", "--benchmark-compare-fail=median:10%", "--sweep-benchmark-table"]
    result = run(pytester, *compare, source=TWO_STEPS.replace(old, new))
    assert result.ret == 0
    result.stdout.no_fnmatch_line("*(0001*")


def test_a_load_without_completions_can_be_compared(pytester: pytest.Pytester) -> None:
    run(pytester, "--benchmark-autosave", source=ALL_FAIL)
    result = run(pytester, "--benchmark-autosave", "--benchmark-compare", "--benchmark-compare-fail=mean:1%")
    result.assert_outcomes(failed=1)
    result.stdout.no_fnmatch_line("test_it?0.1s? (*")


# Times that differ, so that no other deviation is 0, and a load that completes nothing if NEVER is set.
SOME_FAIL = """
import os


@pytest.mark.load_sweep(time_steps=[0.1], warmup=0, window=1)
def test_turns(load_step):
    load_step(FakeTarget(fail_every=1 if "NEVER" in os.environ else None, service_time_s=0.3, servers=1))


@pytest.mark.load_sweep(time_steps=[0.1], warmup=0, window=1)
def test_other(load_step):
    load_step(FakeTarget(service_time_s=0.3, servers=1))
"""


def compared_by_command(pytester: pytest.Pytester, *options: str) -> str:
    """Return what pytest-benchmark's own command says about all saved runs."""
    done = pytester.run(sys.executable, "-m", "pytest_benchmark", "compare", *options)
    assert done.ret == 0
    return done.stdout.str()


def rows_about(shown: str, test: str) -> list[str]:
    return [line for line in shown.splitlines() if line.startswith(test)]


@pytest.mark.parametrize("never_first", [True, False])
def test_a_load_without_completions_changes_no_other_loads_row(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, never_first: bool
) -> None:
    write(pytester, SOME_FAIL)
    for never in (never_first, not never_first):
        monkeypatch.setenv("NEVER", "") if never else monkeypatch.delenv("NEVER", raising=False)
        shown = run_apart(
            pytester, "--benchmark-autosave", "--benchmark-compare", "--benchmark-histogram=chart"
        ).stdout.str()
        other = rows_about(shown, "test_other")
        assert other
        assert not any("inf" in row for row in other)
        assert len(rows_about(shown, "test_turns")) == (0 if never else 1)


def test_saved_runs_without_completions_are_told_apart_by_pytest_benchmarks_command(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEVER", "")
    run_apart(pytester, "--benchmark-save=never", source=SOME_FAIL)
    monkeypatch.delenv("NEVER")
    run_apart(pytester, "--benchmark-save=ever")
    for options in ((), ("--csv=o.csv",), ("--histogram=chart",)):
        usual, marked = compared_by_command(pytester, *options).split(NOTHING, 1)
        assert "inf" not in usual
        assert len(rows_about(marked, "test_turns")) == 1
        assert "60" not in "".join(rows_about(marked, "test_turns"))


def test_grouping_by_group_too_keeps_loads_without_completions_apart(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEVER", "")
    run_apart(pytester, "--benchmark-save=never", source=SOME_FAIL)
    shown = compared_by_command(pytester, "--group-by=group,param:timestep")
    assert len(rows_about(shown, "test_turns")) == len(rows_about(shown, "test_other")) == 1
    assert "inf" not in shown.replace("info", "")


def test_an_interrupted_load_is_no_baseline(pytester: pytest.Pytester) -> None:
    run(pytester, "--benchmark-save=run", source=TWO_STEPS)
    saved = next(pytester.path.glob(".benchmarks/*/0001_run.json"))
    document = json.loads(saved.read_text())
    document["benchmarks"][0]["extra_info"]["load"]["interrupted"] = True
    saved.write_text(json.dumps(document))
    shown = run(pytester, "--benchmark-compare", "--sweep-benchmark-table").stdout.str()
    assert "test_it[0.1s] (0001" not in shown
    assert "test_it[0.05s] (0001" in shown


def test_a_baseline_of_interrupted_loads_only_breaks_nothing(pytester: pytest.Pytester) -> None:
    run(pytester, "--benchmark-save=run", source=TWO_STEPS)
    saved = next(pytester.path.glob(".benchmarks/*/0001_run.json"))
    saved.write_text(saved.read_text().replace('"interrupted": false', '"interrupted": true'))
    run(pytester, "--benchmark-compare").assert_outcomes(passed=2)


def test_a_histogram_is_drawn(pytester: pytest.Pytester) -> None:
    if importlib.util.find_spec("pygal") is None:
        pytest.skip("pygal is not installed")
    # Apart, for pygal brings an importlib_metadata that puts the finder of pytest's plugins out of action.
    run_apart(pytester, "--benchmark-histogram=chart", source=TWO_STEPS).assert_outcomes(passed=2)
    assert (pytester.path / "chart.svg").stat().st_size > 0


def test_columns_and_groups_are_as_asked(pytester: pytest.Pytester) -> None:
    result = run(
        pytester, "--benchmark-columns=median,rounds", "--benchmark-group-by=param:timestep", source=TWO_STEPS
    )
    result.stdout.fnmatch_lines(["*benchmark 'timestep=0.05': 1 tests*", "Name*Median*Rounds*"])
    result.stdout.fnmatch_lines(["*benchmark 'timestep=0.1': 1 tests*"])
    result.stdout.no_fnmatch_line("Name*StdDev*")
