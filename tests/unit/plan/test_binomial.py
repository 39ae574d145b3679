"""The exact bounds on a quantile: against sums of exact fractions."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_unikernel.plan import binomial
from pytest_unikernel.plan.binomial import at_least, at_most, launches_needed, proves_above, proves_below

QUANTILES = st.sampled_from([0.5, 0.9, 0.95, 0.99, 0.999])


def exactly_at_most(count: int, launches: int, share: float | Fraction) -> Fraction:
    """Return the sum by its definition, in fractions."""
    p = Fraction(share)
    terms = (math.comb(launches, i) * p**i * (1 - p) ** (launches - i) for i in range(count + 1))
    return sum(terms, Fraction(0))


@settings(deadline=None)
@given(st.data(), st.integers(1, 150), QUANTILES)
def test_probabilities_are_those_of_the_binomial_distribution(
    data: st.DataObject, launches: int, q: float
) -> None:
    count = data.draw(st.integers(0, launches))
    exact = exactly_at_most(count, launches, 1 - q)
    assert at_most(count, launches, 1 - q) == pytest.approx(float(exact), abs=1e-11)
    assert at_least(count + 1, launches, 1 - q) == pytest.approx(float(1 - exact), abs=1e-11)


@pytest.mark.parametrize(("q", "least"), [(0.5, 5), (0.9, 29), (0.95, 59), (0.99, 299), (0.999, 2995)])
def test_the_least_number_of_launches_is_that_at_which_q_to_its_power_is_5_per_cent(
    q: float, least: int
) -> None:
    assert launches_needed(q) == least
    assert q**least <= 0.05 < q ** (least - 1)


@pytest.mark.parametrize(("beyond", "least"), [(0, 299), (1, 473), (2, 628), (3, 773), (4, 913)])
def test_launches_beyond_the_limit_take_more_launches(beyond: int, least: int) -> None:
    assert launches_needed(0.99, beyond) == least


@settings(deadline=None)
@given(st.integers(0, 30), QUANTILES)
def test_the_launches_needed_are_the_least_that_prove_it(beyond: int, q: float) -> None:
    needed = launches_needed(q, beyond)
    assert proves_below(beyond, needed, q)
    assert not proves_below(beyond, needed - 1, q)


@given(st.data(), st.integers(0, 3000), QUANTILES)
def test_nothing_proves_a_quantile_below_and_above(data: st.DataObject, launches: int, q: float) -> None:
    beyond = data.draw(st.integers(0, launches))
    assert not (proves_below(beyond, launches, q) and proves_above(beyond, launches, q))


@pytest.mark.parametrize("percent", [50, 90, 95, 99])
def test_what_is_proven_is_what_exact_fractions_prove(percent: int) -> None:
    """Where the probability is 5 % exactly too: that of the one launch beyond p95."""
    share, doubt = Fraction(100 - percent, 100), Fraction(5, 100)
    for launches in range(1, 61):
        at_mosts = [exactly_at_most(count, launches, share) for count in range(launches + 1)]
        for beyond, at_most_beyond in enumerate(at_mosts):
            at_least_beyond = 1 - at_mosts[beyond - 1] if beyond else 1
            assert proves_below(beyond, launches, percent / 100) is (at_most_beyond <= doubt)
            assert proves_above(beyond, launches, percent / 100) is (at_least_beyond <= doubt)


@pytest.mark.parametrize(("launches", "share"), [(10**7, 0.5), (3 * 10**8, 0.01), (10**8, 0.95)])
@pytest.mark.parametrize("deviations", [-6, -1.645, -0.5, 0, 0.7, 1.645, 5])
def test_the_approximation_for_many_is_close_to_the_sum(
    monkeypatch: pytest.MonkeyPatch, launches: int, share: float, deviations: float
) -> None:
    count = int(launches * share + deviations * math.sqrt(launches * share * (1 - share)))
    about = at_most(count, launches, share)
    monkeypatch.setattr(binomial, "MANY", launches)
    exact = at_most(count, launches, share)
    assert about != exact
    assert about == pytest.approx(exact, abs=1e-5)
    assert abs(deviations) < 1 or about == pytest.approx(exact, abs=1e-6)


@pytest.mark.parametrize("beyond", [999_999, 1_000_001, 2**53])
def test_any_number_beyond_a_limit_has_a_number_that_is_needed(beyond: int) -> None:
    needed = launches_needed(0.99, beyond)
    assert needed == pytest.approx(100 * beyond, rel=0.01)
    assert proves_below(beyond, needed, 0.99)


def test_a_million_launches_are_no_matter() -> None:
    assert proves_below(9_800, 1_000_000, 0.99)
    assert proves_above(10_200, 1_000_000, 0.99)
    assert not proves_below(9_900, 1_000_000, 0.99)
    assert not proves_above(10_100, 1_000_000, 0.99)
