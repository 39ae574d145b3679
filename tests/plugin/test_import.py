"""Imported results beside today's: pytest-benchmark's own comparison, ours, and resuming."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from kbfiles import DATA, launch, write
from sweeprun import loads, run

from pytest_unikernel.commands import main

FULLNAME = "test_it.py::test_{target}[{timestep}]"
# The method that the user says the published figures were measured with.
TODAY = """
@pytest.fixture
def fake():
    return FakeTarget(service_time_s=0.25)


@pytest.mark.load_sweep(time_steps=[0.5, 0.25], warmup=0, window=2)
def test_rust_kernel(load_step, fake):
    load_step(fake)


@pytest.mark.cold
def test_rust_kernel_cold(cold_start, fake):
    cold_start(fake, launches=2)
"""
UNKNOWN = "1 QEMU initiated\n"  # of a launch that never ended


@pytest.fixture
def old(pytester: pytest.Pytester) -> Path:
    return pytester.path / "old.json"


def imported(old: Path, *arguments: str | Path) -> dict[str, Any]:
    assert main.main(["import", *map(str, arguments), "-o", str(old), "--fullname", FULLNAME]) == 0
    document: dict[str, Any] = json.loads(old.read_text())
    return document


def test_the_published_figures_are_compared_with_todays(pytester: pytest.Pytester, old: Path) -> None:
    imported(old, DATA, "--window=2", "--warmup=0")
    result = run(pytester, f"--benchmark-compare={old}", "--sweep-benchmark-table", source=TODAY)
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines([
        "*against the baseline, all launches together, as measured:",
        "*throughput /s*mean service ms*",
        "*1/2*2.0*2.0*250.0*323.7*",
        "*1/4*4.0*4.0*250.0*316.7*",
        "*imported (kernel-benchmark-tables): means only*",
    ])  # fmt: skip
    lines = [line for line in result.outlines if "test_rust_kernel[0.5s]" in line]
    assert any("old)" in line and "323.6591" in line for line in lines)  # pytest-benchmark's own table
    result.stdout.no_fnmatch_line("*INTERNALERROR*")


def test_what_was_measured_otherwise_is_said_to_be_not_comparable(
    pytester: pytest.Pytester, old: Path
) -> None:
    imported(old, DATA, "--window=60", "--warmup=120")
    compare = (f"--benchmark-compare={old}", "--sweep-benchmark-table")
    result = run(pytester, *compare, "-k", "not cold", source=TODAY)
    result.assert_outcomes(passed=2, deselected=1)
    result.stdout.fnmatch_lines(["*not comparable: window 2 s against 60 s, warm-up 0 s against*"])
    assert not [line for line in result.outlines if "old)" in line]


def test_a_baseline_without_a_completion_breaks_nothing(pytester: pytest.Pytester, old: Path) -> None:
    imported(old, write(pytester.path / "rust-output-r0.5", UNKNOWN, launch("rust", code=1)))
    result = run(pytester, f"--benchmark-compare={old}", "--sweep-benchmark-table", source=TODAY)
    result.assert_outcomes(passed=3)
    assert not [line for line in result.outlines if "old)" in line]  # zeros stand for nothing


def test_compare_fail_goes_by_the_imported_mean(pytester: pytest.Pytester, old: Path) -> None:
    imported(old, write(pytester.path / "rust-output-r0.5", launch("rust", latency_ms=100)))
    fail = f"--benchmark-compare={old}", "--benchmark-compare-fail=mean:50%"
    result = run(pytester, *fail, "-k", "0.5s", source=TODAY)
    assert result.ret != 0
    result.stderr.fnmatch_lines(["*test_rust_kernel?0.5s?*Field 'mean' has failed*"])


def test_imported_results_are_not_steps_that_were_run(pytester: pytest.Pytester, old: Path) -> None:
    imported(old, write(pytester.path / "rust-output-r0.5", launch("rust")))
    output = pytester.path / "o.json"
    run(pytester, f"--sweep-resume={old}", f"--benchmark-json={output}", source=TODAY).assert_outcomes(
        passed=3
    )
    assert loads(output)["test_rust_kernel[0.5s]"]["target"] == "fake"


def test_pytest_benchmarks_own_command_reads_what_was_imported(pytester: pytest.Pytester, old: Path) -> None:
    imported(old, DATA)
    command = Path(sys.executable).with_name("pytest-benchmark")  # installed beside us, on PATH or not
    result = pytester.run(command, "compare", old, "--csv=out.csv", "--histogram=out")
    assert result.ret == 0
    assert "test_rust_kernel[0.5s]" in (pytester.path / "out.csv").read_text()
