"""``--sweep-report``: written at the end of a run, whatever the end; it never costs results."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import vl_convert  # noqa: F401 - once per process; pytester would forget that it is there
from sweeprun import FIXED, LENIENT, TWO_STEPS, loads, run, run_apart, write

PATIENCE_S = 60.0
REPORT = "--sweep-report=report"
COLD = """
def test_cold(cold_start, fake):
    cold_start(fake)
"""


def text_of(pytester: pytest.Pytester) -> str:
    return (pytester.path / "report" / "report.html").read_text(encoding="utf-8")


def test_a_report_is_written_and_the_run_says_where(pytester: pytest.Pytester) -> None:
    result = run(pytester, REPORT, "--benchmark-json=out.json", source=TWO_STEPS + COLD)
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(
        ["*unikernel load sweeps*", f"report: {pytester.path}/report/report.html", "*3 passed*"]
    )
    assert f"<h1>Load sweeps: {pytester.path.name}</h1>" in text_of(pytester)
    for name in ("latency", "throughput", "cold"):
        assert f'data-chart="{name}"' in text_of(pytester)
        assert (pytester.path / "report" / f"{name}.png").is_file()
    assert len(loads(pytester.path / "out.json")) == 3


def test_the_baseline_stands_beside_the_run(pytester: pytest.Pytester) -> None:
    run(pytester, "--benchmark-save=was", source=TWO_STEPS).assert_outcomes(passed=2)
    assert "<th>was</th>" not in text_of_run(pytester)
    assert "<th>was</th>" in text_of_run(pytester, "--benchmark-compare")
    assert "<td>+0.0%</td>" in text_of(pytester)


def text_of_run(pytester: pytest.Pytester, *arguments: str) -> str:
    run(pytester, REPORT, *arguments).assert_outcomes(passed=2)
    return text_of(pytester)


def test_steps_that_were_resumed_are_in_it(pytester: pytest.Pytester) -> None:
    run(pytester, "--benchmark-json=out.json", source=TWO_STEPS).assert_outcomes(passed=2)
    assert "fake" in text_of_run(pytester, "--sweep-resume=out.json")


def test_a_run_without_loads_says_so(pytester: pytest.Pytester) -> None:
    result = run(pytester, REPORT, source="def test_it(): pass\n")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["--sweep-report: no load was measured*"])
    assert not (pytester.path / "report").exists()


def test_without_the_library_the_run_does_not_begin(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("from pytest_unikernel.report import render\nrender.LIBRARY = 'no_such_library'\n")
    result = run_apart(pytester, REPORT, source=TWO_STEPS)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--sweep-report: *pip install 'pytest-unikernel[[]report]'*"])


def test_a_report_that_fails_costs_no_results(pytester: pytest.Pytester) -> None:
    code = "import pytest_unikernel.report.build as build\nbuild.write_report = lambda *_: 1 / 0\n"
    pytester.makeconftest(code)
    result = run_apart(pytester, REPORT, "--benchmark-json=out.json", source=TWO_STEPS)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["ERROR: --sweep-report: division by zero; the results are not lost by it"])
    assert len(loads(pytester.path / "out.json")) == 2


def test_somebody_elses_file_fails_the_report_and_stays(pytester: pytest.Pytester) -> None:
    mine = pytester.path / "report" / "latency.tsv"
    mine.parent.mkdir()
    mine.write_text("mine")
    result = run(pytester, REPORT, "--benchmark-json=out.json", source=TWO_STEPS)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["ERROR: --sweep-report: *foreign file 'latency.tsv'*"])
    assert [path.name for path in mine.parent.iterdir()] == ["latency.tsv"]
    assert len(loads(pytester.path / "out.json")) == 2


def test_after_ctrl_c_it_holds_what_was_measured(pytester: pytest.Pytester) -> None:
    source = """
@pytest.mark.load_sweep(time_steps=[0.05, 0.025], warmup=0)
def test_it(load_step):
    load_step(Target("real", ["/bin/sh", "-c", "echo >> launches"]))
"""
    write(pytester, LENIENT + source)
    argv = [sys.executable, "-m", "pytest", *FIXED, "--sweep-quiet-host=off", "--sweep-window=1", REPORT]
    launches = pytester.path / "launches"
    with (pytester.path / "output").open("w+") as output:
        process = subprocess.Popen(
            [*argv, "--benchmark-json=out.json"], cwd=pytester.path, stdout=output, stderr=subprocess.STDOUT
        )
        end_s = time.monotonic() + PATIENCE_S
        while (len(launches.read_text()) if launches.exists() else 0) < 26:  # in the second step
            assert process.poll() is None
            assert time.monotonic() < end_s
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == pytest.ExitCode.INTERRUPTED
    assert "interrupted" in text_of(pytester)
    assert [path.name for path in (pytester.path / "report").glob(".*")] == []
    assert [each["interrupted"] for each in loads(Path(pytester.path, "out.json")).values()] == [False, True]


def test_the_files_of_a_run_make_the_same_report(pytester: pytest.Pytester) -> None:
    run(pytester, REPORT, "--benchmark-json=out.json", source=TWO_STEPS).assert_outcomes(passed=2)
    from pytest_unikernel.commands import main

    assert main.main(["report", "out.json", "-o", "again"]) == 0
    for name in ("latency.tsv", "throughput.tsv", "latency.svg", "throughput.svg"):
        assert (pytester.path / "report" / name).read_text() == (pytester.path / "again" / name).read_text()
    assert json.loads((pytester.path / "out.json").read_text())["benchmarks"]


def test_a_run_that_has_searched_for_the_knee_and_its_file_show_the_same_loads(
    pytester: pytest.Pytester,
) -> None:
    source = """
@pytest.mark.load_sweep(time_steps=[0.1, 0.05, 0.0125], warmup=0, window=1, knee=True)
def test_it(load_step):
    load_step(FakeTarget(service_time_s=0.02, servers=1))
"""
    run(pytester, REPORT, "--benchmark-json=out.json", source=source)
    from pytest_unikernel.commands import main

    assert main.main(["report", "out.json", "-o", "again"]) == 0
    steps = [
        [line.split("\t")[4] for line in (pytester.path / name / "loads.tsv").read_text().splitlines()]
        for name in ("report", "again")
    ]
    assert steps[0] == steps[1]
    assert len(steps[0]) == len(set(steps[0])) > 4
