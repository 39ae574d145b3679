"""Quantiles, moments and distributions, against numpy and statistics."""

from __future__ import annotations

import copy
import math
import pickle
import statistics
import warnings
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_unikernel.plan.statistics import QUANTILES
from pytest_unikernel.results.summary import (
    BUCKET_BASE,
    Summary,
    bucket_of,
    buckets,
    enough,
    quantile,
    summarize,
)

durations_ns = st.lists(st.integers(0, 10**13), max_size=80)
some_ns = st.lists(st.integers(0, 10**13), min_size=1, max_size=80)
shares = st.sampled_from(sorted(QUANTILES.values())) | st.floats(0, 1)


@given(some_ns, shares)
def test_a_quantile_is_numpys(values: list[int], q: float) -> None:
    expected = float(np.quantile(np.array(values, dtype=float), q, method="linear"))
    assert quantile(sorted(values), 0, q) == pytest.approx(expected, rel=1e-9, abs=1e-6)


@given(durations_ns, st.integers(0, 40), shares)
def test_a_quantile_with_censored_values_is_numpys_over_as_many_infinities(
    values: list[int], censored: int, q: float
) -> None:
    if not values and not censored:
        return
    padded = np.array([*map(float, values), *[math.inf] * censored])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # numpy multiplies infinity by zero
        expected = float(np.quantile(padded, q))
    position = (len(padded) - 1) * q
    if math.isnan(expected) and position == int(position):
        expected = float(np.sort(padded)[int(position)])
    found = quantile(sorted(values), censored, q)
    if math.isfinite(expected):
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-6)
    else:
        assert found is None


@given(some_ns)
def test_the_median_is_that_of_statistics(values: list[int]) -> None:
    assert summarize(values).p50 == pytest.approx(statistics.median(values) / 1e9, rel=1e-12)


@pytest.mark.parametrize("name", ["p90", "p95", "p99", "p99.9"])
def test_positions_of_quantiles_are_exact_where_they_are_whole(name: str) -> None:
    """A rounding error would use the next value, which may be censored."""
    q, exact = QUANTILES[name], Fraction(name[1:]) / 100
    whole = [n for n in range(1, 20_002) if ((n - 1) * exact).denominator == 1]
    assert len(whole) >= 20
    assert all((n - 1) * q == (n - 1) * exact for n in whole)


@given(some_ns)
def test_moments_are_those_of_numpy(values: list[int]) -> None:
    summary = summarize(values)
    array = np.array(values, dtype=float) / 1e9
    assert summary.n == len(values)
    assert (summary.min, summary.max) == (min(values) / 1e9, max(values) / 1e9)
    assert summary.mean == pytest.approx(float(array.mean()), rel=1e-9)
    if len(values) > 1:
        assert summary.stddev == pytest.approx(float(array.std(ddof=1)), rel=1e-6, abs=1e-12)
    else:
        assert summary.stddev is None


@given(some_ns, st.integers(0, 40))
def test_moments_are_of_the_measured_values_whatever_was_censored(values: list[int], censored: int) -> None:
    measured, summary = summarize(values), summarize(values, censored)
    for name in ("n", "min", "mean", "max", "stddev"):
        assert summary[name] == measured[name]
    assert summary.censored == censored


@pytest.mark.parametrize(
    ("name", "least"),
    # n >= 2 / (1 - q)
    [("p50", 1), ("p90", 20), ("p95", 40), ("p99", 200), ("p99.9", 2000)],
)
def test_a_quantile_is_given_from_enough_values_on(name: str, least: int) -> None:
    assert summarize(range(least)).quantiles[name] is not None
    assert summarize(range(least - 1)).quantiles[name] is None
    assert enough(least, QUANTILES[name])


def test_censored_values_count_for_enough_values() -> None:
    assert summarize(range(195), censored=1).p99 is None
    assert summarize(range(199), censored=1).p99 == pytest.approx(197.01e-9)


@pytest.mark.parametrize(("tail", "least"), [(2.0, 200), (10.0, 1000)])
def test_a_verdict_may_ask_for_more_values_than_a_report(tail: float, least: int) -> None:
    assert enough(least, 0.99, tail)
    assert not enough(least - 1, 0.99, tail)


def test_a_summary_of_nothing_knows_nothing() -> None:
    summary = summarize([], censored=3)
    assert (summary.n, summary.censored) == (0, 3)
    assert {summary[name] for name in ("min", "mean", "max", "stddev", *QUANTILES)} == {None}
    assert summarize([]).p50 is None


def test_the_record_of_a_summary_has_the_names_of_the_contract() -> None:
    names = ["n", "censored", "min", "mean", "max", "stddev", "p50", "p90", "p95", "p99", "p99.9"]
    assert list(summarize([1]).as_json()) == names


def test_quantiles_are_attributes_and_items() -> None:
    summary = summarize(range(0, 4_000_000_000, 2_000_000))
    assert summary.p99_9 == summary["p99.9"] == summary.quantiles["p99.9"] == pytest.approx(3.994002)
    with pytest.raises(AttributeError, match="p98"):
        _ = summary.p98
    with pytest.raises(KeyError):
        _ = summary["p98"]


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))])  # noqa: S301
def test_a_summary_can_be_copied(copied: object) -> None:
    summary = summarize([1, 2, 3])
    assert callable(copied)
    again = copied(summary)
    assert isinstance(again, Summary)
    assert again == summary


# distributions ------------------------------------------------------------------------------------


def near_bounds() -> st.SearchStrategy[int]:
    """Return a strategy of values for which rounding of the logarithm could choose the wrong bucket."""
    return st.builds(
        lambda index, apart: max(0, round(BUCKET_BASE**index) + apart),
        st.integers(0, 2000),
        st.integers(-3, 3),
    )


@given(st.integers(2, 10**17) | near_bounds())
def test_a_value_lies_in_its_bucket(value: int) -> None:
    index = bucket_of(value)
    assert index >= 0
    assert value <= BUCKET_BASE**index
    assert index == 0 or value > BUCKET_BASE ** (index - 1)


@given(st.integers(2, 10**17))
def test_a_value_is_known_from_its_bucket_to_within_1_per_cent(value: int) -> None:
    middle = BUCKET_BASE ** (bucket_of(value) - 0.5)
    assert abs(middle / value - 1) <= 0.01


@pytest.mark.parametrize("value", [-5, 0, 1])
def test_what_is_not_above_a_nanosecond_is_in_bucket_0(value: int) -> None:
    assert buckets([value]) == [(0, 1)]


@given(st.lists(st.integers(-10, 10**13) | near_bounds(), max_size=60))
def test_buckets_are_in_order_unique_and_hold_every_value(values: list[int]) -> None:
    found = buckets(sorted(values))
    indexes = [index for index, _ in found]
    assert indexes == sorted(set(indexes))
    assert Counter(dict(found)) == Counter(bucket_of(value) for value in values)


@given(durations_ns, durations_ns)
def test_distributions_are_merged_by_adding_counts(first: list[int], second: list[int]) -> None:
    merged = Counter(dict(buckets(sorted(first)))) + Counter(dict(buckets(sorted(second))))
    assert merged == Counter(dict(buckets(sorted(first + second))))


@given(st.lists(st.integers(2, 10**13), min_size=20, max_size=80))
def test_a_quantile_can_be_had_from_the_distribution_to_within_1_per_cent(values: list[int]) -> None:
    middles = [BUCKET_BASE ** (index - 0.5) for index, count in buckets(sorted(values)) for _ in range(count)]
    assert quantile(middles, 0, 0.9) == pytest.approx(quantile(sorted(values), 0, 0.9), rel=0.01)
