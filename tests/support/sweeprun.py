"""Helpers for tests of loads: runs of pytest with quick sweeps, and their records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

FAKE = """
import pytest
from pytest_unikernel import LoadResult, Target, Unavailable
from pytest_unikernel.testing import FakeTarget

FAST = dict(time_steps=[0.1, 0.05], warmup=0, window=1)


@pytest.fixture
def fake():
    return FakeTarget(service_time_s=0.01)
"""
# For sweeps of real processes: a busy machine must not end a series whose steps a test counts.
LENIENT = """
@pytest.fixture(autouse=True)
def lenient(monkeypatch):
    monkeypatch.setattr("pytest_unikernel.results.verdict.LATENESS_FLOOR_NS", 10**11)
    monkeypatch.setattr("pytest_unikernel.results.verdict.LATENESS_RESPONSE_SHARE", 1e9)
    monkeypatch.setattr("pytest_unikernel.results.verdict.ACHIEVED_SHARE", 0.0)
    monkeypatch.setattr("pytest_unikernel.results.verdict.BACKLOG_RISE_LAUNCHES", 1e9)


"""
TWO_STEPS = """
@pytest.mark.load_sweep(**FAST)
def test_it(load_step, fake):
    assert load_step(fake).verdict == "ok"
"""
# Plugins that the tests of other plugins need, and that would change every other run.
OTHERS = ("-p", "no:randomly", "-p", "no:rerunfailures")
FIXED = ("-p", "no:hypothesispytest", *OTHERS, "--strict-markers")


def free(*names: str) -> list[str]:
    """Return the fixed arguments, without those that keep these plugins away."""
    pairs = zip(FIXED[:-1:2], FIXED[1::2], strict=False)
    kept = [word for pair in pairs if pair[1] not in {f"no:{name}" for name in names} for word in pair]
    return [*kept, FIXED[-1]]


def write(pytester: pytest.Pytester, source: str, *, head: str = FAKE) -> None:
    """Write the test file of the next run."""
    pytester.makepyfile(test_it=head + source)


def run(pytester: pytest.Pytester, *arguments: str, source: str = "") -> pytest.RunResult:
    """Run pytest in this process on the source, or on the file written before."""
    if source:
        write(pytester, source)
    return pytester.runpytest_inprocess(*FIXED, *arguments)


def run_apart(pytester: pytest.Pytester, *arguments: str, source: str = "") -> pytest.RunResult:
    """Run pytest in a process of its own."""
    if source:
        write(pytester, source)
    return pytester.runpytest_subprocess(*FIXED, *arguments)


def benches(path: Path | str) -> dict[str, dict[str, Any]]:
    """Return the benchmarks in a file, by the name of the test."""
    document = json.loads(Path(path).read_text(encoding="utf-8"))
    return {bench["name"]: bench for bench in document["benchmarks"]}


def loads(path: Path | str) -> dict[str, dict[str, Any]]:
    """Return the records of loads in a benchmark file, by the name of the test."""
    return {name: bench["extra_info"]["load"] for name, bench in benches(path).items()}
