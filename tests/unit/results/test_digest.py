"""Digests of trials that are too large to send: merged quantiles are within the stated bound."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.plan.statistics import QUANTILES
from pytest_unikernel.results.digest import LARGEST_ERROR, digest, merged, summary, thinned, times_of
from pytest_unikernel.results.launches import LaunchLog
from pytest_unikernel.results.summary import Summary, summarize_ordered
from pytest_unikernel.results.trial import Trial
from pytest_unikernel.results.verdict import verdict

HOSTS = st.lists(st.lists(st.integers(0, 10**13), max_size=60), min_size=1, max_size=6)
DISTRIBUTIONS: dict[str, Callable[[random.Random], float]] = {
    "equal": lambda _: 3e7,
    "uniform": lambda rng: rng.uniform(1e6, 1e9),
    "log-normal": lambda rng: rng.lognormvariate(17, 1.5),
    "exponential": lambda rng: rng.expovariate(1e-8),
    "Pareto": lambda rng: 1e6 * rng.paretovariate(0.9),
    "two peaks": lambda rng: rng.gauss(2e7, 1e5) if rng.random() < 0.98 else rng.gauss(3e9, 1e6),
    "some ns": lambda rng: rng.randrange(4),
}


def of_all(hosts: Sequence[Sequence[int]], censored: int = 0) -> tuple[Summary, Summary]:
    """Return the summary of merged digests, and that of all samples."""
    exact = summarize_ordered(sorted(value for host in hosts for value in host), censored)
    return summary(merged(times_of(sorted(host)) for host in hosts), censored), exact


def check(found: Summary, exact: Summary) -> None:
    for name in QUANTILES:
        value_s, true_s = found[name], exact[name]
        assert (value_s is None) == (true_s is None), name
        if value_s is not None and true_s is not None:
            assert abs(value_s - true_s) <= LARGEST_ERROR * true_s + 1.0001e-9, name
    assert (found.n, found.censored, found.min, found.max) == (
        exact.n, exact.censored, exact.min, exact.max,
    )  # fmt: skip
    assert found.mean == (exact.mean and pytest.approx(exact.mean, rel=1e-9))
    assert found.stddev == (exact.stddev and pytest.approx(exact.stddev, rel=1e-6, abs=1e-9))


@given(HOSTS, st.integers(0, 40))
def test_merged_quantiles_are_within_the_bound_of_the_exact_ones(
    hosts: list[list[int]], censored: int
) -> None:
    check(*of_all(hosts, censored))


@pytest.mark.parametrize("shape", DISTRIBUTIONS)
@pytest.mark.parametrize("hosts", [1, 3, 64])
def test_the_bound_holds_for_unlike_hosts_of_every_distribution(shape: str, hosts: int) -> None:
    rng = random.Random(hosts)  # noqa: S311 - made up, and the same each time
    draw = DISTRIBUTIONS[shape]
    of_hosts = [[round((1 + host) * abs(draw(rng))) for _ in range(20_000 // hosts)] for host in range(hosts)]
    check(*of_all(of_hosts))
    check(*of_all(of_hosts, censored=150))


def test_the_bound_is_under_one_per_cent() -> None:
    assert 0.009 < LARGEST_ERROR < 0.01


@given(HOSTS)
def test_digests_may_be_merged_in_any_order_and_grouping(hosts: list[list[int]]) -> None:
    parts = [times_of(sorted(host)) for host in hosts]
    assert merged(parts) == merged([merged(parts[1:]), parts[0]])


def trial_of(launches: int) -> Trial:
    """Return a trial whose first tenth is warm-up; each tenth launch fails, two with their output."""
    log = LaunchLog()
    for number in range(launches):
        row = log.add(1000 * number)
        log.started_ns[row] = 1000 * number + 10
        log.ready_ns[row] = log.exited_ns[row] = 1000 * number + 500 + number % 97
        log.outcome[row] = Outcome.COMPLETED if number % 10 else Outcome.EXIT_CODE
    begin = launches // 10
    log.tails = {begin: "first", begin + 10: "second"}
    log.events = {row: {"up": row} for row in range(launches)}
    return Trial(log.trim(), range(begin, launches), 1000 * begin, 1000 * launches, 1000.0)


def test_some_rows_stay_with_all_that_is_known_of_them_and_those_with_an_output() -> None:
    few = thinned(trial_of(1000), 7)
    assert len(few.log) == len({*range(0, 1000, 7), 100, 110})
    assert [few.log.scheduled_ns[row] for row in few.log.tails] == [100_000, 110_000]
    assert list(few.log.tails.values()) == ["first", "second"]
    assert all(1000 * few.log.events[row]["up"] == few.log.scheduled_ns[row] for row in range(len(few.log)))
    assert [few.log.scheduled_ns[row] for row in (few.rows.start, few.rows.stop - 1)] == [100_000, 994_000]


def test_a_digest_has_the_counts_and_the_verdict_of_all_launches() -> None:
    trial = trial_of(1000)
    found = digest(trial, 7)
    assert (found.launches, found.every, found.counts) == (1000, 7, trial.counts())
    assert (found.judged, found.completed_in_window) == (verdict(trial), trial.completed_in_window)
    assert (found.response.n, found.lateness.n) == (810, 900)
