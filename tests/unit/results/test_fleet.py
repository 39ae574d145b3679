"""Launches of several hosts as one trial: every figure of a row stays, only its place in time is moved."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_unikernel.launch.generator import LoadGenerator
from pytest_unikernel.launch.guards import open_guard
from pytest_unikernel.launch.simulated import FakeSupervisor
from pytest_unikernel.launch.simulated_behaviour import Behaviour, ManualClock
from pytest_unikernel.plan.load_plan import LoadPlan
from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.plan.share import Share, spread_over
from pytest_unikernel.results.fleet import HostTrial, due_within, united, with_lost, worst
from pytest_unikernel.results.launches import LaunchLog
from pytest_unikernel.results.trial import Trial, in_flight_max
from pytest_unikernel.results.verdict import Judged, Reason, Rule, verdict
from pytest_unikernel.testing import FakeTarget

STEP = Fraction(1, 64)


def made_by(host: Share | None, servers: int, at_ns: int = 0, *, arrivals: str = "fixed") -> HostTrial:
    """Return the trial of a host whose clock begins at some instant."""
    clock = ManualClock()
    clock.advance(at_ns)
    supervisor = FakeSupervisor(
        FakeTarget(), behaviour=Behaviour(service_time_s=0.05, servers=servers), clock=clock
    )
    plan = LoadPlan(step=STEP, window_s=4.0, arrivals=arrivals, share=host)
    origins: list[int] = []

    def begin(now_ns: int) -> int:
        origins.append(now_ns + 2_000_000)
        return origins[0]

    trial = LoadGenerator(supervisor, plan, open_guard()).run(7, begin)
    return HostTrial(trial, origins[0])


@pytest.mark.parametrize("servers", [3, 6])
def test_a_queue_of_known_answers_is_the_same_on_three_hosts_as_on_one(servers: int) -> None:
    """Equal service times: the queue of all servers gives launch i to server i mod N, as the hosts do."""
    one = made_by(None, servers).trial
    shares = [made_by(share, servers // 3, 10**9 * share.number) for share in spread_over(3, "split")]
    whole = united(shares, float(STEP) * 1e9)
    assert (len(whole.rows), whole.window_s, whole.counts()) == (len(one.rows), one.window_s, one.counts())
    assert whole.response_ns() == one.response_ns()
    assert whole.completed_in_window == one.completed_in_window
    assert in_flight_max(whole) == in_flight_max(one)
    assert verdict(whole) == verdict(one)


@pytest.mark.parametrize("arrivals", ["fixed", "poisson"])
def test_the_launches_of_all_hosts_are_due_when_those_of_one_host_are(arrivals: str) -> None:
    one = made_by(None, 12, arrivals=arrivals)
    shares = [made_by(share, 4, 10**9 * share.number, arrivals=arrivals) for share in spread_over(3, "split")]
    whole = united(shares, float(STEP) * 1e9)
    due, own = (
        [at - origin for at in trial.log.scheduled_ns[trial.rows.start : trial.rows.stop]]
        for trial, origin in ((whole, shares[0].origin_ns), (one.trial, one.origin_ns))
    )
    assert due == own


def logged(*rows: tuple[int, int]) -> LaunchLog:
    log = LaunchLog()
    for scheduled_ns, ready_ns in rows:
        index = log.add(scheduled_ns)
        log.started_ns[index], log.ready_ns[index] = scheduled_ns + 1, ready_ns
        log.outcome[index] = Outcome.COMPLETED
    return log.trim()


def test_what_is_known_of_single_launches_follows_them() -> None:
    first, second = logged((10, 15), (30, 35)), logged((1020, 1028), (1040, 1041))
    first.tails[1] = "of 30"
    second.events[0] = {"up": 1025, "guest:up": 3}
    second.unseen_ns[1] = 9
    whole = united(
        [HostTrial(Trial(first, range(2), 0, 50), 0), HostTrial(Trial(second, range(2), 1000, 1050), 1000)],
        20.0,
    )
    assert list(whole.log.scheduled_ns) == [10, 20, 30, 40]
    assert whole.log.tails == {2: "of 30"}
    assert whole.log.events == {1: {"up": 25, "guest:up": 3}}
    assert whole.log.unseen_ns == {3: 9}
    assert whole.response_ns() == [5, 8, 5, 1]


def test_an_event_that_did_not_happen_is_not_moved() -> None:
    log = logged((1010, 1011))
    log.exited_ns[0] = -1
    whole = united(
        [
            HostTrial(Trial(logged((5, 6)), range(1), 0, 50), 0),
            HostTrial(Trial(log, range(1), 1000, 1050), 1000),
        ],
        5.0,
    )
    assert list(whole.log.exited_ns) == [-1, -1]


def test_the_window_is_the_one_that_hosts_have_in_common() -> None:
    early, late = logged((10, 11), (30, 31)), logged((20, 21), (60, 61))
    whole = united(
        [HostTrial(Trial(early, range(2), 0, 50), 0), HostTrial(Trial(late, range(2), 15, 65), 0)], 10.0
    )
    assert (whole.begin_ns, whole.end_ns) == (15, 50)
    assert [whole.log.scheduled_ns[row] for row in whole.rows] == [20, 30]


def test_launches_lost_with_their_host_are_unfinished_and_complete_the_schedule() -> None:
    left = [made_by(share, 4) for share in spread_over(3, "split")[:2]]
    whole = united(left, float(STEP) * 1e9)
    plan = LoadPlan(step=STEP, window_s=4.0)
    lost = due_within(whole, plan, None, left[0].origin_ns, Share(2, 3))
    assert len(lost) in (85, 86)
    counts = with_lost(whole, [lost]).counts()
    assert (counts.total(), counts[Outcome.UNFINISHED]) == (256, len(lost))
    assert with_lost(whole, [[]]) is whole


@pytest.mark.parametrize(("skew_ns", "skewed"), [(9_000_000, False), (-11_000_000, True)])
def test_a_host_that_began_too_far_from_the_agreed_instant_is_marked(skew_ns: int, skewed: bool) -> None:
    trial = replace(made_by(Share(), 8), skew_ns=skew_ns)
    assert trial.is_skewed is skewed
    assert trial.judged().verdict == ("generator-bound" if skewed else "ok")


def test_in_a_short_window_five_per_cent_of_it_are_too_far() -> None:
    short = HostTrial(Trial(logged((0, 1)), range(1), 0, 100_000_000, 1e8), 0, skew_ns=6_000_000)
    assert short.is_skewed


def test_the_worst_verdict_counts_and_says_whose_it_is() -> None:
    ok, saturated = Judged("ok"), Judged("saturated", Reason(Rule.DROPPED, 3))
    nothing = Judged("generator-bound", Reason(Rule.NOTHING_DUE))
    assert worst([("a", ok), ("b", saturated), ("c", ok)]) == ("b", saturated)
    assert worst([("a", ok), ("b", nothing)]) == ("a", ok)
    assert worst([("b", nothing)]) == ("b", nothing)


@given(st.lists(st.integers(0, 1000), max_size=30), st.lists(st.integers(0, 1000), max_size=30))
def test_rows_are_in_the_order_of_the_schedule_and_none_is_lost(first: list[int], second: list[int]) -> None:
    logs = [logged(*((at, at + 1) for at in sorted(dues))) for dues in (first, second)]
    trials = [HostTrial(Trial(log, range(len(log)), 0, 2000), 0) for log in logs]
    assert list(united(trials, 1.0).log.scheduled_ns) == sorted(first + second)
