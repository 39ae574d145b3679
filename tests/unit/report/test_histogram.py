"""Distributions as numbers to draw, from a record's buckets."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any

import pytest
from reportfiles import load as record

from pytest_unikernel.report.histogram import BUCKET, STEP, Histogram, histogram
from pytest_unikernel.report.reading import load_of
from pytest_unikernel.results.summary import buckets


def of(values_s: Sequence[float], censored: int = 0, **changes: Any) -> Histogram | None:
    """Return the histogram of a load whose launches took these times."""
    counted = [list(each) for each in buckets(sorted(round(1e9 * each) for each in values_s))]
    whole = {"scheme": "logarithmic", "base": 1.02, "unit_s": 1e-9, "censored": censored}
    distribution = {**whole, "response_time_s": counted, **changes}
    return histogram(load_of("test_it", record("it", 0.5, distribution=distribution)))


def known(values_s: Sequence[float], censored: int = 0) -> Histogram:
    found = of(values_s, censored)
    assert found is not None
    return found


def test_each_launch_is_known_to_within_one_per_cent() -> None:
    values_s = [0.012, 0.013, 0.5, 0.5, 7.0]
    assert list(known(values_s).singles_s()) == pytest.approx(values_s, rel=0.0101)


def test_shares_rise_from_0_to_1_and_are_those_of_the_launches() -> None:
    shares = list(known([0.01, 0.01, 0.02, 0.04]).shares())
    assert [share for _, share in shares] == [0.0, 0.5, 0.75, 1.0]
    assert [x for x, _ in shares] == pytest.approx([0.01, 0.01, 0.02, 0.04], rel=0.021)


def test_shares_that_nobody_could_tell_apart_are_one_step_and_the_last_is_kept() -> None:
    shares = [share for _, share in known([0.01 * 1.021**each for each in range(200)], censored=100).shares()]
    assert len(shares) <= 1 / STEP + 2
    assert shares[-1] == pytest.approx(2 / 3)
    assert sorted(shares) == shares


def test_launches_that_never_completed_keep_shares_below_1() -> None:
    shares = list(known([0.01, 0.02, 0.03], censored=1).shares())
    assert shares[-1][1] == 0.75


def test_a_density_peaks_where_the_launches_are() -> None:
    rng = random.Random(1)  # noqa: S311 - made up, and the same each time
    found = known([rng.lognormvariate(math.log(0.02), 0.3) for _ in range(2000)])
    curve = found.density()
    assert max(share for _, share in curve) == 1.0
    peak_s = max(curve, key=lambda each: each[1])[0]
    assert peak_s == pytest.approx(0.02, rel=0.1)
    assert curve[0][1] < 0.02
    assert curve[-1][1] < 0.02


def test_two_groups_of_launches_are_two_peaks() -> None:
    curve = known(
        [0.01 * 1.01**each for each in range(20)] + [1.0 * 1.01**each for each in range(20)]
    ).density()
    heights = [share for _, share in curve]
    peaks = [b for a, b, c in zip(heights, heights[1:], heights[2:], strict=False) if a < b >= c]
    assert len(peaks) == 2


def test_the_bandwidth_follows_the_rule_and_is_never_narrower_than_a_bucket() -> None:
    assert known([0.5] * 100).bandwidth() == BUCKET
    rng = random.Random(2)  # noqa: S311 - made up, and the same each time
    wide = known([rng.lognormvariate(0, 1) for _ in range(10_000)])
    assert wide.bandwidth() == pytest.approx(0.9 * 10_000**-0.2, rel=0.03)


@pytest.mark.parametrize(
    "changes",
    [
        {"base": 1.0},
        {"base": None},
        {"unit_s": 0},
        {"response_time_s": []},
        {"response_time_s": [[3, 0]]},
        {"response_time_s": [[10**15, 3]]},
        {"response_time_s": None},
    ],
)
def test_a_distribution_that_cannot_be_drawn_is_none(changes: dict[str, Any]) -> None:
    assert of([0.1], **changes) is None


def test_buckets_of_other_bases_are_put_into_bins_of_ours() -> None:
    narrow = [[each, 1] for each in range(160_000, 160_400)]
    found = of([], base=1.0001, response_time_s=narrow)
    assert found is not None
    assert found.n == 400
    assert len(found.logs) <= 4
