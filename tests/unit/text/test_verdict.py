from __future__ import annotations

import pytest

from pytest_unikernel.results.verdict import Reason, Rule, Steal
from pytest_unikernel.text.verdict import REASONS, reason_text

TEXTS = {
    Reason(Rule.FAILED, 6, 16): "6 of 16 launches failed",
    Reason(Rule.DROPPED, 1234): "1234 launches dropped",
    Reason(Rule.TIMED_OUT, 1, 11): "1 of 11 launches timed out or unfinished",
    Reason(Rule.BACKLOG_ROSE, 31.24, 9.6): "instances in flight rose by 31.2 in the window (limit 9.6)",
    Reason(Rule.NOT_STARTED, 989, 999.6): "only 989 of 1000 launches were started in the window",
    Reason(Rule.LATE, 12.34, 1.0): "launches were 12.3 ms late (limit 1.0 ms)",
    Reason(Rule.LATE_FOR_RESPONSE, 33.4): "median lateness is 33 % of the median response time",
    Reason(Rule.LATE, 12.34, 1.0, Steal(0.0604, 0.62)): (
        "launches were 12.3 ms late (limit 1.0 ms): the host stole the CPU (60 ms of CPU time, 0.6 %)"
    ),
    Reason(Rule.SKEWED, 12.34, 10.0): "the window began 12.3 ms off the agreed instant (limit 10.0 ms)",
    Reason(Rule.NOTHING_DUE): "no launch was due in the window",
}


@pytest.mark.parametrize(("reason", "text"), TEXTS.items())
def test_the_reason_of_a_verdict_is_told_with_its_figures(reason: Reason, text: str) -> None:
    assert reason_text(reason) == text


def test_every_rule_has_words() -> None:
    assert REASONS.keys() == set(Rule) == {reason.rule for reason in TEXTS}


def test_a_verdict_without_a_reason_has_no_words() -> None:
    assert reason_text(None) == ""
