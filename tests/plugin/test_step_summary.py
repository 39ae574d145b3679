"""``--sweep-summary``: appended at the end of a run, whatever the end; it never costs results."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sweeprun import TWO_STEPS, loads, run, run_apart

SUMMARY = "--sweep-summary=s.md"
MISSING = """
def test_missing(cold_start, fake):
    cold_start(fake(label="x", probe=lambda: Unavailable("no kvm", "modprobe kvm")), launches=2)
"""


@pytest.fixture
def path(pytester: pytest.Pytester) -> Path:
    return pytester.path / "s.md"


def test_a_summary_is_appended_and_the_run_says_where(pytester: pytest.Pytester, path: Path) -> None:
    path.write_text("before\n")
    result = run(pytester, SUMMARY, "--benchmark-json=o.json", source=TWO_STEPS + MISSING)
    result.assert_outcomes(passed=2, skipped=1)
    result.stdout.fnmatch_lines([f"summary: {path}"])
    assert path.read_text().startswith("before\n## Launches of 1 target, 1 could not run here\n")
    assert "| no kvm | modprobe kvm |" in path.read_text()


def test_the_ini_key_is_relative_to_its_file(pytester: pytest.Pytester, path: Path) -> None:
    pytester.makeini("[pytest]\nsweep_summary = s.md\n")
    run(pytester, source=TWO_STEPS).assert_outcomes(passed=2)
    assert "| fake | ≥ 20/s |" in path.read_text()


def test_a_comparison_is_in_it(pytester: pytest.Pytester, path: Path) -> None:
    run(pytester, "--benchmark-save=was", "--sweep-trials=5", source=TWO_STEPS)
    limits = ("--benchmark-compare", "--sweep-compare-fail=p50:20%")
    run(pytester, SUMMARY, *limits, "--sweep-trials=5").assert_outcomes(passed=2)
    assert "**Not worse than the baseline by more than p50:20%**" in path.read_text()
    path.unlink()
    result = run(pytester, SUMMARY, *limits)
    assert result.ret == 75
    assert "no metric could be tested" in path.read_text()


def test_targets_that_could_not_run_are_in_it_without_any_load(pytester: pytest.Pytester, path: Path) -> None:
    run(pytester, SUMMARY, source=MISSING).assert_outcomes(skipped=1)
    assert "### Could not run here" in path.read_text()


def test_a_failed_test_is_counted(pytester: pytest.Pytester, path: Path) -> None:
    run(pytester, SUMMARY, source=TWO_STEPS + "def test_no(): assert False\n").assert_outcomes(
        passed=2, failed=1
    )
    assert "**1 test failed; the job's log says why**" in path.read_text()


def test_a_run_without_loads_writes_nothing(pytester: pytest.Pytester, path: Path) -> None:
    result = run(pytester, SUMMARY, source="def test_it(): pass\n")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["--sweep-summary: no load was measured*"])
    assert not path.exists()


@pytest.mark.parametrize("given", ["no/such/s.md", "/dev/full", "."])
def test_a_file_that_can_not_be_written_ends_the_run_before_the_first_load(
    pytester: pytest.Pytester, given: str
) -> None:
    result = run(pytester, f"--sweep-summary={given}", source=TWO_STEPS)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    said = "\n".join([*result.outlines, *result.errlines])
    assert "--sweep-summary: " in said
    assert "passed" not in said


def test_no_name_as_of_a_variable_that_is_not_set_is_refused(pytester: pytest.Pytester) -> None:
    result = run(pytester, "--sweep-summary=", source=TWO_STEPS)
    result.stderr.fnmatch_lines(["ERROR: --sweep-summary: summary must be a path, got '' (command line)"])


def test_a_summary_that_fails_costs_no_results(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        "import pytest_unikernel.text.step_summary as it\nit.step_summary = lambda *_: 1 / 0\n"
    )
    result = run_apart(pytester, SUMMARY, "--benchmark-json=o.json", source=TWO_STEPS)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["ERROR: --sweep-summary: division by zero; the results are not lost by it"])
    assert len(loads(pytester.path / "o.json")) == 2


def test_a_pipe_that_nobody_reads_holds_nothing_up(pytester: pytest.Pytester, path: Path) -> None:
    os.mkfifo(path)
    result = run(pytester, SUMMARY, "--benchmark-json=o.json", source=TWO_STEPS)
    result.stdout.fnmatch_lines(["ERROR: --sweep-summary: no process reads this pipe; *"])
    assert len(loads(pytester.path / "o.json")) == 2


def test_a_full_page_gets_nothing_more(pytester: pytest.Pytester, path: Path) -> None:
    path.write_text("x" * (1 << 20))
    result = run(pytester, SUMMARY, source=TWO_STEPS)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["--sweep-summary: *s.md' has no room: GitHub shows 1 MiB*"])
    assert path.stat().st_size == 1 << 20
