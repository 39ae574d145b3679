"""A newcomer's first run, as it is in a log."""

from __future__ import annotations

import firstrun
import pytest
from sweeprun import FIXED

MOST_LINES = 119


def first_run(pytester: pytest.Pytester, *arguments: str) -> list[str]:
    for name, text in firstrun.files().items():
        path = pytester.path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    result = pytester.runpytest_subprocess(*FIXED, "benchmarks/", "-m", "sweep", *arguments)
    result.assert_outcomes(passed=24, skipped=22)
    return result.outlines


def rows_of(lines: list[str]) -> list[str]:
    """Return the rows of the tables of loads."""
    return [line for line in lines if line.split()[-1:] in (["ok"], ["saturated"], ["generator-bound"])]


def test_a_first_run_with_three_of_sixteen_targets_prints_under_120_lines(pytester: pytest.Pytester) -> None:
    lines = first_run(pytester)
    assert len(lines) <= MOST_LINES
    assert sum(" offered, " in line for line in lines) == 24
    summary = lines[next(at for at, line in enumerate(lines) if "unikernel load sweeps" in line) :]
    assert len(rows_of(summary)) == 24
    assert max(map(len, summary)) <= 80
    said = " ".join(" ".join(summary).split())
    for reason, cure in firstrun.MISSING.values():
        assert said.count(reason) == 1
        assert cure in said


def test_with_v_a_first_run_leaves_nothing_out(pytester: pytest.Pytester) -> None:
    said = " ".join(" ".join(first_run(pytester, "-v")).split())
    assert said.count("rustc 1.95.0 (59807616e 2026-04-14)") == 2
    assert said.count("window 4 s to 10 s, warm-up 1 s, fixed arrivals, ready: exit") == 3
    assert "not run: 1/256 s … 1/1024 s (3 steps): 1/128 s was saturated already" in said
