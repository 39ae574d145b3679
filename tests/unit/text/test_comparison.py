from __future__ import annotations

import pytest

from pytest_unikernel.plan.tolerances import Tolerance
from pytest_unikernel.results.comparable import Condition, Difference
from pytest_unikernel.results.comparison import (
    Change,
    Comparison,
    MachineDifference,
    Regression,
    SeriesComparison,
    Step,
)
from pytest_unikernel.results.evidence import Cause, Why
from pytest_unikernel.text.comparison import closing_lines, machine_text, regression_text, series_lines

FEW = Why(Cause.FEW_TRIALS, (1, 5))


def step(step_s: float, was: str, now: str, status: Change, *changes: Change) -> Step:
    return Step(f"t[{step_s}s]", "some", step_s, was, now, status, changes, (1, 1))


def lines_of(*steps: Step) -> list[str]:
    return [line.strip() for line in series_lines([SeriesComparison("t", steps, None)])]


OK = Change("verdict", "no evidence", was=1.0, now=1.0)


def test_steps_that_share_a_reason_share_a_line_with_its_cure() -> None:
    changes = [Change(metric, "no evidence", FEW) for metric in ("throughput", "p50")]
    lines = lines_of(*(step(step_s, "ok", "ok", OK, *changes) for step_s in (1.0, 0.5)))
    assert " ".join(lines) == (
        "1 s, 1/2 s: no evidence: one trial; 5 or more are needed on each side: --sweep-trials=5"
    )


def test_a_reason_that_concerns_some_metrics_names_them() -> None:
    changes = [
        Change("throughput", "no evidence", FEW),
        Change("p50", "not comparable", Why(Cause.MEANS_ONLY)),
    ]
    lines = lines_of(step(1.0, "ok", "ok", OK, *changes))
    assert lines[-1] == "1 s p50: not comparable: one side has means only"
    assert lines[0].startswith("1 s throughput: no evidence: one trial; 5 or more")


def test_a_condition_that_differs_has_its_cure() -> None:
    differ = (Difference(Condition.VARIANT, (("kernel", "b"),), (("kernel", "a"),)),)
    changes = [
        Change(each, "not comparable", Why(Cause.CONDITIONS, differences=differ)) for each in ("p50", "p99")
    ]
    assert " ".join(line.strip() for line in lines_of(step(1.0, "ok", "ok", OK, *changes))) == (
        "1 s: not comparable: variant kernel=b against kernel=a; cure: the same variant in both runs; to "
        "compare two files, let one path lead to each in turn (a link)"
    )


def test_a_verdict_that_changed_is_told_once() -> None:
    changed = Why(Cause.VERDICT_CHANGED, verdicts=("ok", "saturated"))
    worse = Change("verdict", "worse", changed, was=1.0, now=0.0)
    unsure = Change("verdict", "no evidence", FEW, was=1.0, now=0.0)
    steps = step(1.0, "ok", "saturated", worse), step(0.5, "ok", "saturated", unsure)
    assert lines_of(*steps) == [
        "1 s verdict worse: was ok, now saturated",
        "1/2 s verdict (was ok, now saturated) no evidence: one trial",
    ]


@pytest.mark.parametrize(
    ("change", "limit", "text"),
    [
        (Change("p50", "worse", change=0.3), Tolerance("p50", 0.2), "p50 +30.0% (limit p50:20%)"),
        (
            Change("failure_rate", "worse", change=0.031),
            Tolerance("failure_rate", 0.02),
            "failure_rate +3.1 points (limit failure_rate:2%)",
        ),
        (
            Change("verdict", "worse", Why(Cause.VERDICT_CHANGED, verdicts=("ok", "missing"))),
            None,
            "verdict was ok, now missing",
        ),
    ],
)
def test_a_regression_says_what_it_is_by_how_much_and_what_was_allowed(
    change: Change, limit: Tolerance | None, text: str
) -> None:
    assert regression_text(Regression("t", change, limit)) == text


def test_machines_are_told_apart_by_the_facts_that_differ() -> None:
    differ = [MachineDifference("kernel", "6.2", "6.1"), MachineDifference("qemu", None, "7.2")]
    assert list(map(machine_text, differ)) == ["kernel 6.2, was 6.1", "qemu unknown, was 7.2"]
    assert closing_lines(Comparison([]), differ) == [
        "the machines differ, which may explain changes: kernel 6.2, was 6.1; qemu",
        "  unknown, was 7.2",
    ]
