from __future__ import annotations

import pytest

from pytest_unikernel.results.comparable import Condition, Difference
from pytest_unikernel.results.evidence import Cause, Why
from pytest_unikernel.text.evidence import REASONS, trials_needed, why_text

READY = Difference(Condition.READY, "up", "exit")
TEXTS = {
    Why(Cause.NOISE): "within the noise",
    Why(Cause.VERDICT_CHANGED, verdicts=("ok", "skipped")): "was ok, now skipped",
    Why(Cause.MISSING_BEFORE): "missing in the baseline",
    Why(Cause.FEW_TRIALS, (0, 5)): "no trials",
    Why(Cause.FEW_TRIALS, (1, 5)): "one trial",
    Why(Cause.FEW_TRIALS, (4, 5)): "4 trials",
    Why(Cause.FEW_LAUNCHES): "too few launches",
    Why(Cause.VERDICT, verdicts=("generator-bound",)): "generator-bound",
    Why(Cause.BEYOND_TIMEOUT): "beyond the time-out",
    Why(Cause.NOT_RECORDED): "not recorded",
    Why(Cause.SATURATED): "saturated in both runs",
    Why(Cause.OTHER_WORK, (29.6, 4.2)): "other work took 30 % of the CPU time, 4 % in the baseline",
    Why(Cause.HOST_SPEED, (19.7,)): "the host was slower: time to start a process +20 %",
    Why(Cause.HOST_SPEED, (-16.4,)): "the host was faster: time to start a process -16 %",
    Why(Cause.CONDITIONS, differences=(READY,)): "ready up against exit",
    Why(Cause.MEANS_ONLY): "one side has means only",
    Why(Cause.NO_VERDICT): "imported, without a verdict",
    Why(Cause.NO_COMMON_STEP): "no common time step",
}


@pytest.mark.parametrize(("why", "text"), TEXTS.items())
def test_the_reason_of_a_judgement_is_told_with_its_figures(why: Why, text: str) -> None:
    assert why_text(why) == text


def test_every_cause_has_words() -> None:
    assert REASONS.keys() == set(Cause) == {why.cause for why in TEXTS}


def test_a_judgement_without_a_reason_has_no_words() -> None:
    assert why_text(None) == ""


def test_more_trials_are_a_cure_only_where_there_are_some_but_too_few() -> None:
    curable = [why for why in TEXTS if trials_needed(why)]
    assert curable == [Why(Cause.FEW_TRIALS, (1, 5)), Why(Cause.FEW_TRIALS, (4, 5))]
    assert not trials_needed(None)


def test_words_about_trials_in_a_variant_are_not_taken_for_too_few_trials() -> None:
    said = Why(Cause.CONDITIONS, differences=(Difference(Condition.VARIANT, (), (("note", "5 trials"),)),))
    assert why_text(said).endswith(" trials")
    assert not trials_needed(said)
