"""Rates, backlog and verdicts: brute force and a literal table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.results.launches import LaunchLog
from pytest_unikernel.results.trial import Trial, in_flight_max
from pytest_unikernel.results.verdict import (
    Judged,
    Reason,
    Rule,
    Steal,
    Verdict,
    backlog_rise,
    censored,
    is_doubtful,
    majority,
    mean_in_flight,
    pooled,
    verdict,
    with_steal,
)

MS = 1_000_000
BEGIN_NS = 10_000 * MS
ENDLESS = (Outcome.UNFINISHED, Outcome.DROPPED, Outcome.SPAWN_ERROR)


class Row(NamedTuple):
    """A launch, in ns after the window's begin; None: it did not happen."""

    scheduled: int
    started: int | None
    exited: int | None
    outcome: Outcome = Outcome.COMPLETED
    ready: int | None = None


def logged(rows: list[Row]) -> LaunchLog:
    log = LaunchLog()
    for row in rows:
        index = log.add(BEGIN_NS + row.scheduled)
        log.outcome[index] = row.outcome
        ready = row.exited if row.ready is None else row.ready
        columns = ((log.started_ns, row.started), (log.exited_ns, row.exited), (log.ready_ns, ready))
        for column, offset in columns:
            if offset is not None:
                column[index] = BEGIN_NS + offset
    return log.trim()


def trial(
    launches: int = 1000,
    *,
    step_ms: float = 10.0,
    service_ms: float | Callable[[int], float] = 5.0,
    late_ms: Mapping[int, float] | float = 0.0,
    ends: Mapping[Outcome, int] | None = None,
    window_steps: float | None = None,
    scheduled: bool = True,
) -> Trial:
    """Return a trial of one launch per step; the first launches end as given, the others complete."""
    outcomes = [outcome for outcome, count in (ends or {}).items() for _ in range(count)]
    rows = []
    for index in range(launches):
        due = round(index * step_ms * MS)
        outcome = outcomes[index] if index < len(outcomes) else Outcome.COMPLETED
        late = late_ms.get(index, 0.0) if isinstance(late_ms, Mapping) else late_ms
        started = due + round(late * MS)
        took = round((service_ms(index) if callable(service_ms) else service_ms) * MS)
        rows.append(
            Row(
                due,
                None if outcome is Outcome.DROPPED else started,
                None if outcome in ENDLESS else started + took,
                outcome,
            )
        )
    length_ns = round((launches if window_steps is None else window_steps) * step_ms * MS)
    return Trial(
        logged(rows),
        range(launches),
        BEGIN_NS,
        BEGIN_NS + length_ns,
        step_ns=step_ms * MS if scheduled else None,
    )


def growing(rise: float, launches: int) -> Callable[[int], float]:
    """Return service times by which the mean in flight rises by ``rise`` between the quarters' centres.

    With one launch per step, the number in flight is the service time in steps of 10 ms; it rises evenly.
    """
    return lambda index: 10.0 * (1 + index * rise / (0.75 * launches))


def past_the_end(launches: int) -> dict[int, float]:
    """Return latenesses in ms that move the last of 1000 launches, one per 10 ms, to the window's end."""
    return {index: 10.0 * (1000 - index) for index in range(1000 - launches, 1000)}


# the verdict --------------------------------------------------------------------------------------

E, T, U, D = Outcome.EXIT_CODE, Outcome.TIMEOUT, Outcome.UNFINISHED, Outcome.DROPPED


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (trial(), "ok"),
        # failing: more than one launch and more than 1 % of the started cohort failed, time-outs aside
        (trial(10, ends={E: 1}), "ok"),  # one launch is no rate
        (trial(1, ends={E: 1}), "failing"),  # unless it is the only one
        (trial(2, ends={E: 1, T: 1}), "saturated"),
        (trial(2, ends={E: 1, D: 1}), "failing"),  # the only one that was started
        (trial(3, ends={Outcome.KILLED: 1, U: 2}), "saturated"),
        (trial(1, ends={Outcome.SPAWN_ERROR: 1}), "failing"),
        (trial(1, ends={U: 1}), "saturated"),
        (trial(1, ends={T: 1}), "saturated"),
        (trial(1, ends={D: 1}), "saturated"),
        (trial(500, ends={D: 500}), "saturated"),
        (trial(2, ends={E: 2}), "failing"),
        (trial(200, ends={E: 2}), "ok"),  # exactly 1 %
        (trial(199, ends={E: 2}), "failing"),
        (trial(199, ends={E: 1, Outcome.SPAWN_ERROR: 1}), "failing"),  # reasons are added up
        (trial(199, ends={Outcome.NOT_READY: 1, Outcome.KILLED: 1}), "failing"),
        (trial(199, ends={E: 1, T: 1}), "ok"),  # a time-out is no failure here
        (trial(201, ends={D: 2, E: 2}), "failing"),  # of the 199 started; and failing comes first
        (trial(202, ends={D: 2, E: 2}), "saturated"),
        # saturated: any dropped
        (trial(ends={D: 1}), "saturated"),
        # saturated: more than 1 % timed out or unfinished
        (trial(100, ends={T: 1}), "ok"),
        (trial(99, ends={T: 1}), "saturated"),
        (trial(99, ends={U: 1}), "saturated"),
        (trial(200, ends={T: 1, U: 1}), "ok"),
        (trial(199, ends={T: 1, U: 1}), "saturated"),
        # saturated: in flight rose by more than 2 ...
        (trial(40, service_ms=growing(1.9, 40)), "ok"),
        (trial(40, service_ms=growing(2.2, 40)), "saturated"),
        # ... or 5 % of the launches scheduled between the centres of the quarters, if that is more
        (trial(1000, service_ms=growing(36.0, 1000)), "ok"),
        (trial(1000, service_ms=growing(39.5, 1000)), "saturated"),
        (trial(1000, service_ms=lambda index: 300 - 0.3 * index), "ok"),  # it may fall
        # generator-bound: achieved < 0.99 of offered
        (trial(1000, late_ms=past_the_end(10), service_ms=500), "ok"),
        (trial(1000, late_ms=past_the_end(11), service_ms=500), "generator-bound"),
        (trial(3, window_steps=2.5, late_ms={2: 5.1}, step_ms=10), "generator-bound"),  # 2 of 2.5 offered
        # generator-bound: lateness p99 > max(1 ms, 10 % of the step)
        (trial(late_ms=1.0, service_ms=20.0), "ok"),
        (trial(late_ms=1.000001, service_ms=20.0), "generator-bound"),
        (trial(late_ms=9.9, step_ms=100.0, service_ms=50.0), "ok"),
        (trial(late_ms=10.1, step_ms=100.0, service_ms=50.0), "generator-bound"),
        (trial(200, late_ms={7: 9.0}), "ok"),  # one of 200 is beyond the 99th percentile
        (trial(199, late_ms={7: 9.0}), "generator-bound"),  # below 200 the maximum counts
        # generator-bound: lateness p50 > 20 % of response p50
        (trial(late_ms=0.2, service_ms=0.8), "ok"),
        (trial(late_ms=0.21, service_ms=0.79), "generator-bound"),
        (trial(1000, late_ms=dict.fromkeys(range(499), 0.9), service_ms=0.1), "ok"),  # not the median
        # a cold load isn't scheduled: only its ends are judged
        (trial(late_ms=500.0, scheduled=False), "ok"),
        (trial(40, service_ms=growing(9.0, 40), scheduled=False), "ok"),
        (trial(10, ends={E: 2}, scheduled=False), "failing"),
        (trial(10, ends={T: 1}, scheduled=False), "saturated"),
        (trial(1, ends={E: 1}, scheduled=False), "failing"),
        # nothing at all, as when a load is interrupted at once: nothing is known of the target
        (trial(0), "generator-bound"),
        (trial(0, window_steps=100), "generator-bound"),
        (trial(0, window_steps=0.5), "generator-bound"),
        (trial(0, scheduled=False), "generator-bound"),
        (trial(3, window_steps=1e-7), "ok"),  # a window of one nanosecond
    ],
)
def test_the_verdict_is_the_first_rule_that_applies(made: Trial, expected: Verdict) -> None:
    found, reason = verdict(made)
    assert (found, reason is not None) == (expected, expected != "ok"), reason


def test_starts_after_the_window_are_missing_from_the_achieved_rate() -> None:
    made = trial(1000, late_ms=past_the_end(11), service_ms=500)
    assert verdict(made).reason == Reason(Rule.NOT_STARTED, 989, 1000)


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (trial(201, ends={D: 2, E: 2}), Reason(Rule.FAILED, 2, 199)),
        (trial(ends={D: 3}), Reason(Rule.DROPPED, 3)),
        (trial(199, ends={T: 1, U: 1}), Reason(Rule.TIMED_OUT, 2, 199)),
        (trial(199, late_ms={7: 9.0}), Reason(Rule.LATE, 9.0, 1.0)),
        (trial(late_ms=0.25, service_ms=0.75), Reason(Rule.LATE_FOR_RESPONSE, 25.0)),
    ],
)
def test_the_reason_has_the_figures_of_the_rule_that_was_broken(made: Trial, reason: Reason) -> None:
    assert verdict(made).reason == reason


def test_a_backlog_is_reported_by_how_much_it_rose_and_its_limit() -> None:
    made = trial(40, service_ms=growing(2.2, 40))
    assert verdict(made).reason == Reason(Rule.BACKLOG_ROSE, *backlog_rise(made))


def test_a_window_of_poisson_arrivals_may_hold_fewer_launches_than_offered() -> None:
    """The offered rate is 1 per step on average; a generator that started all due launches is not late."""
    made = trial(900, window_steps=1000)
    assert verdict(made) == ("ok", None)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (trial(128, late_ms={7: 9.0, 99: 9.0}), True),  # two of 128
        (trial(199, late_ms={7: 9.0}), True),
        (
            trial(50, late_ms={49: 10.0}),
            True,
        ),  # 49 of 50 started
        (trial(1000, late_ms=2.0, service_ms=50), False),  # enough launches
        (trial(199, late_ms=0.25, service_ms=0.75), False),  # it is the median: no single launch
        (trial(199), False),
        (trial(10, ends={E: 10}), False),
        (trial(0), False),
    ],
)
def test_a_verdict_that_one_or_two_late_launches_made_is_doubtful(made: Trial, *, expected: bool) -> None:
    assert is_doubtful(verdict(made), [made]) is expected


@pytest.mark.parametrize(
    ("made", "stolen_s", "named"),
    [
        (trial(128, late_ms={7: 9.0}), 0.009, True),
        (trial(128, late_ms={7: 9.0}), 0.5, True),
        (trial(128, late_ms={7: 9.0}), 0.0089, False),  # less than that launch was late
        (trial(128, late_ms={7: 9.0}), 0.0, False),
        (trial(199, late_ms=0.25, service_ms=0.75), 0.01, True),
        (trial(128), 0.5, False),
        (trial(128, ends={E: 128}), 0.5, False),
    ],
)
def test_steal_is_named_where_it_explains_that_launches_were_late(
    made: Trial, stolen_s: float, *, named: bool
) -> None:
    steal = Steal(stolen_s, 3.0)
    reason = with_steal(verdict(made), [made], steal).reason
    assert (reason is not None and reason.steal == steal) == named


outcome_counts = st.dictionaries(
    st.sampled_from([each for each in Outcome if each is not Outcome.COMPLETED]), st.integers(0, 30)
)


@given(outcome_counts, st.booleans())
def test_where_nothing_completed_no_verdict_is_ok(ends: dict[Outcome, int], scheduled: bool) -> None:
    made = trial(sum(ends.values()), ends=ends, scheduled=scheduled)
    assert verdict(made).verdict != "ok"
    assert verdict(made).reason is not None


def test_a_trial_without_launches_has_no_say_beside_others() -> None:
    empty, ok, lost = (verdict(each) for each in (trial(0), trial(), trial(1, ends={U: 1})))
    assert pooled([empty, lost, empty]) == lost
    assert pooled([ok, empty]) == ok
    assert pooled([empty, empty]) == Judged("generator-bound", Reason(Rule.NOTHING_DUE))


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["ok"], "ok"),
        (["ok", "saturated", "ok"], "ok"),
        (["saturated", "ok", "saturated"], "saturated"),
        (["ok", "saturated"], "saturated"),  # a tie goes to the worse verdict
        (["saturated", "generator-bound"], "saturated"),
        (["failing", "saturated"], "failing"),
        (["generator-bound", "ok"], "generator-bound"),
        (["ok", "generator-bound", "saturated"], "saturated"),
        (["ok", "ok", "failing", "failing", "saturated"], "failing"),
    ],
)
def test_the_majority_of_trials_decides(verdicts: list[Verdict], expected: Verdict) -> None:
    assert majority(verdicts) == expected
    assert majority(verdicts[::-1]) == expected


def test_censored_are_those_known_only_to_have_taken_longer() -> None:
    made = trial(20, ends={T: 1, U: 2, D: 4, E: 8})
    assert censored(made.counts()) == 7


# backlog ------------------------------------------------------------------------------------------

instants = st.integers(0, 60)
launches = st.lists(
    st.builds(
        lambda started, took, outcome: (started, took, outcome),
        instants,
        st.integers(0, 40) | st.none(),
        st.sampled_from([Outcome.COMPLETED, Outcome.TIMEOUT, Outcome.UNFINISHED, Outcome.DROPPED]),
    ),
    max_size=25,
)


def made_of(raw: list[tuple[int, int | None, Outcome]], begin: int, length: int) -> Trial:
    rows = []
    for started, took, outcome in sorted(raw, key=lambda each: each[0]):
        ran = outcome is not Outcome.DROPPED
        rows.append(
            Row(
                started,
                started if ran else None,
                started + took if ran and took is not None else None,
                outcome,
            )
        )
    return Trial(logged(rows), range(len(rows)), BEGIN_NS + begin, BEGIN_NS + begin + length, step_ns=1.0)


def running_at(made: Trial, at_ns: int) -> int:
    """Return the number in flight by its definition: started and not yet exited."""
    pairs = zip(made.log.started_ns, made.log.exited_ns, strict=True)
    return sum(0 <= started <= at_ns and (exited < 0 or at_ns < exited) for started, exited in pairs)


@given(launches, instants, st.integers(1, 60))
def test_mean_in_flight_is_the_integral_over_the_interval(
    raw: list[tuple[int, int | None, Outcome]], begin: int, length: int
) -> None:
    made = made_of(raw, begin, length)
    integral = sum(running_at(made, at_ns) for at_ns in range(made.begin_ns, made.end_ns))
    assert mean_in_flight(made, made.begin_ns, made.end_ns) == pytest.approx(integral / length)


@given(launches, instants, st.integers(1, 60))
def test_in_flight_max_is_the_most_at_any_instant_of_the_window(
    raw: list[tuple[int, int | None, Outcome]], begin: int, length: int
) -> None:
    made = made_of(raw, begin, length)
    assert in_flight_max(made) == max(running_at(made, at_ns) for at_ns in range(made.begin_ns, made.end_ns))


def test_a_launch_that_failed_to_start_was_never_in_flight() -> None:
    made = trial(40, ends={Outcome.SPAWN_ERROR: 40})
    assert (mean_in_flight(made, made.begin_ns, made.end_ns), in_flight_max(made)) == (0.0, 0)


def test_nothing_is_in_flight_over_an_empty_interval() -> None:
    assert mean_in_flight(trial(), BEGIN_NS, BEGIN_NS) == 0.0


def test_the_backlogs_limit_counts_the_launches_scheduled_between_the_quarters_centres() -> None:
    """Poisson arrivals may cluster anywhere: here all are due in the window's first eighth."""
    even = trial(1000)
    assert backlog_rise(even)[1] == pytest.approx(0.05 * 750)
    crowded = trial(1000, window_steps=8000)
    assert backlog_rise(crowded)[1] == 2.0


# rates and samples --------------------------------------------------------------------------------


def test_rates_count_instants_in_the_half_open_window_whichever_launch_they_are() -> None:
    rows = [
        Row(-20, -20, -1),  # before
        Row(-10, -10, 0),  # exits as the window begins
        Row(-5, 0, 50),  # starts as it begins
        Row(10, 10, 99),  # exits just in time
        Row(20, 20, 100),  # exits as it ends
        Row(30, 100, 150),  # starts as it ends
        Row(40, 40, 60, Outcome.EXIT_CODE),
    ]
    made = Trial(logged(rows), range(3, 7), BEGIN_NS, BEGIN_NS + 100)
    assert made.started_in_window == 4
    assert made.completed_in_window == 3
    assert made.window_s == 100e-9


def test_a_long_lived_launch_completes_when_it_is_ready() -> None:
    log = logged([Row(0, 0, 500, ready=50), Row(10, 10, 60, ready=200)])
    assert Trial(log, range(2), BEGIN_NS, BEGIN_NS + 100).completed_in_window == 1
    assert Trial(log, range(1), BEGIN_NS, BEGIN_NS + 100, completes_when_ready=True).completed_in_window == 1
    assert Trial(log, range(2), BEGIN_NS, BEGIN_NS + 40, completes_when_ready=True).completed_in_window == 0


def test_samples_are_those_of_the_cohorts_completed_launches() -> None:
    rows = [
        Row(-10, -9, 5),  # not in the cohort
        Row(0, 2, 10),
        Row(10, 11, 90, Outcome.TIMEOUT),
        Row(20, None, None, Outcome.DROPPED),
        Row(30, 33, 34),
    ]
    made = Trial(logged(rows), range(1, 5), BEGIN_NS, BEGIN_NS + 40)
    assert made.response_ns() == [10, 4]
    assert made.service_ns() == [8, 1]
    assert made.lateness_ns() == [2, 1, 3]  # of all started launches
    assert made.ordered_response_ns == [4, 10]
    assert made.ordered_lateness_ns == [1, 2, 3]
