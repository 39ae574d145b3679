from __future__ import annotations

from fractions import Fraction

import pytest

from pytest_unikernel.results.skips import SkipCause, WhySkipped
from pytest_unikernel.text.skips import skip_text, why_skipped_text

HALF, QUARTER = Fraction(1, 2), Fraction(1, 4)
RUN_TOO = "also run the steps that were left out"
TEXTS = [
    (
        WhySkipped(SkipCause.SLOWER_NOT_OK, HALF, "saturated"),
        "not run: 1/2 s was saturated already",
        "1/2 s was saturated already",
    ),
    (
        WhySkipped(SkipCause.NOTHING_RUN),
        "knee: no time step of this series was run before the search; select the time steps too",
        "no time step of this series was run before the search; select the time steps too",
    ),
    (
        WhySkipped(SkipCause.NONE_OK, Fraction(1), "failing"),
        "knee: no step was ok, 1 s was failing already; start with a slower step",
        "no step was ok, 1 s was failing already; start with a slower step",
    ),
    (
        WhySkipped(SkipCause.NONE_OK, QUARTER, "failing", (Fraction(1), HALF)),
        f"knee: no step was ok, 1/4 s was failing already; {RUN_TOO}: 2 steps from 1 s",
        f"no step was ok, 1/4 s was failing already; {RUN_TOO}: 2 steps from 1 s",
    ),
    (
        WhySkipped(SkipCause.ALL_OK, left_out=(QUARTER,)),
        f"knee: every step that was run was ok; {RUN_TOO}: 1/4 s",
        f"every step that was run was ok; {RUN_TOO}: 1/4 s",
    ),
]


@pytest.mark.parametrize(("why", "skip", "summary"), TEXTS)
def test_a_skip_and_the_summary_name_steps_as_the_tables_do(why: WhySkipped, skip: str, summary: str) -> None:
    assert (skip_text(why), why_skipped_text(why)) == (skip, summary)


def test_every_cause_has_words() -> None:
    assert {why.cause for why, _, _ in TEXTS} == set(SkipCause)
