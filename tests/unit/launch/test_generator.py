"""The open-loop generator against servers whose answers are known, in virtual time."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pytest_unikernel.host.bounds import Bound, Cap
from pytest_unikernel.host.samples import Sample
from pytest_unikernel.launch import progress
from pytest_unikernel.launch.farewell import FAREWELL_NS
from pytest_unikernel.launch.generator import LEAD_NS, LoadGenerator
from pytest_unikernel.launch.guards import LOOK_EVERY_NS, UNLIMITED, Guard, open_guard
from pytest_unikernel.launch.one_by_one import run_cold
from pytest_unikernel.launch.progress import Progress
from pytest_unikernel.plan import schedule
from pytest_unikernel.plan.load_plan import LoadPlan
from pytest_unikernel.plan.outcome import FAILURES, Outcome
from pytest_unikernel.plan.target import Target
from pytest_unikernel.results.pooling import make_result
from pytest_unikernel.results.result import LoadResult, Surroundings
from pytest_unikernel.results.trial import Trial
from pytest_unikernel.results.verdict import Reason, Rule, verdict
from pytest_unikernel.testing import FakeSupervisor, FakeTarget

S = 1_000_000_000
MS = 1_000_000


def supervise(target: Target) -> FakeSupervisor:
    assert target.supervisor is not None
    supervisor = target.supervisor(target, None, target.timeout_s or 60.0)
    assert isinstance(supervisor, FakeSupervisor)
    return supervisor


class Load:
    """A load on a simulated target, with all of its results."""

    def __init__(
        self,
        target: Target,
        step: Fraction | float,
        *,
        seed: int | None = None,
        guard: Guard | None = None,
        interrupted: Callable[[FakeSupervisor], bool] = lambda _: False,
        **plan: Any,
    ) -> None:
        self.target = target
        self.plan = LoadPlan(Fraction(step), **plan)
        self.supervisor = supervise(target)
        self.guard = guard or open_guard()
        self.shown: list[Progress] = []
        generator = LoadGenerator(
            self.supervisor,
            self.plan,
            self.guard,
            show=self.shown.append,
            interrupted=lambda: interrupted(self.supervisor),
        )
        self.trial = generator.run(seed)
        self.warmup_ns = generator.warmup_ns
        self.verdict, self.reason = verdict(self.trial)

    @property
    def broken_rule(self) -> Rule | None:
        return None if self.reason is None else self.reason.rule

    @property
    def result(self) -> LoadResult:
        return make_result(
            self.target, [self.trial], [verdict(self.trial)], around(time_step_s=float(self.plan.step))
        )


def around(**changes: Any) -> Surroundings:
    plain = Surroundings(
        mode="sweep",
        time_step_s=1.0,
        arrivals="fixed",
        seeds=(),
        warmup_s=1.0,
        cores=2,
        timeout_s=60.0,
        versions={},
        generator={},
        host={},
        guards={},
    )
    return dataclasses.replace(plain, **changes)


def capped(instances: int) -> Guard:
    return Guard(Cap(instances, Bound.ASKED), 0, Sample)


# known answers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("servers", "service_time_s"), [(1, 0.01), (2, 0.01), (3, 0.1), (8, 0.03), (2, 1.0)])
def test_the_knee_of_a_queue_is_found_within_one_step(servers: int, service_time_s: float) -> None:
    target = FakeTarget(servers=servers, service_time_s=service_time_s)
    steps = schedule.halving(schedule.SLOWEST_STEP, schedule.FASTEST_STEP)
    ok = list(
        itertools.takewhile(
            lambda step: Load(target, step, window_s=max(4.0, 10 * float(step))).verdict == "ok", steps
        )
    )
    borne = [step for step in steps if 1 / step <= servers / Fraction(service_time_s)]
    assert abs(len(ok) - len(borne)) <= 1


@pytest.mark.parametrize("rate_hz", [50, 500, 1000])
def test_a_server_overloaded_by_8_per_cent_is_saturated(rate_hz: int) -> None:
    load = Load(FakeTarget(servers=1, service_time_s=1.08 / rate_hz), Fraction(1, rate_hz))
    assert load.verdict == "saturated", load.reason
    assert load.broken_rule is Rule.BACKLOG_ROSE


def test_a_server_with_8_per_cent_to_spare_is_ok() -> None:
    load = Load(FakeTarget(servers=1, service_time_s=0.92 / 500), Fraction(1, 500))
    assert (load.verdict, load.reason) == ("ok", None)


@pytest.mark.parametrize("step", [1, Fraction(1, 8), Fraction(1, 128)])
def test_an_unlimited_server_that_takes_2_seconds_is_ok(step: Fraction) -> None:
    load = Load(FakeTarget(service_time_s=2.0), step)
    assert (load.verdict, load.reason) == ("ok", None)
    assert load.result.response_time_s.p50 == 2.0
    assert load.result.in_flight_max == 2 / step


def test_a_stall_of_the_servers_is_in_response_and_service_times() -> None:
    """Launches are started on schedule and wait in the server: both figures see it."""
    load = Load(FakeTarget(servers=4, service_time_s=0.001, stall=(3.0, 1.0)), Fraction(1, 100))
    response, service = load.result.response_time_s, load.result.service_time_s
    assert 0.9 < (response.p99 or 0) <= 1.01
    assert service == response
    assert response.p50 == 0.001


def test_a_stall_that_holds_launches_back_is_in_response_times_and_not_in_service_times() -> None:
    """The schedule goes on during the stall: no coordinated omission."""
    load = Load(FakeTarget(service_time_s=0.001, spawn_stall=(3.0, 1.0)), Fraction(1, 100))
    response, service, lateness = (
        load.result.response_time_s,
        load.result.service_time_s,
        load.result.lateness_s,
    )
    assert response.n == service.n == 400
    assert 0.9 < (response.p99 or 0) <= 1.01
    assert service.p99 == service.p50 == pytest.approx(0.001)
    assert lateness is not None
    assert 0.9 < (lateness.p99 or 0) <= 1.0
    assert load.verdict == "generator-bound"


@pytest.mark.parametrize("utilisation", [Fraction(1, 2), Fraction(7, 10)])
def test_poisson_arrivals_wait_as_long_as_queueing_theory_says(utilisation: Fraction) -> None:
    """M/D/1: the mean wait is rho s / (2 (1 - rho)). Source: Pollaczek-Khinchine formula."""
    service_time_s = 0.01
    step = Fraction(1, 100) / utilisation
    load = Load(
        FakeTarget(servers=1, service_time_s=service_time_s),
        step,
        seed=1,
        arrivals="poisson",
        window_s=200_000 * float(step),
    )
    mean_s = load.result.response_time_s.mean
    assert mean_s is not None
    rho = float(utilisation)
    assert mean_s - service_time_s == pytest.approx(rho * service_time_s / (2 * (1 - rho)), rel=0.05)


def test_equal_seeds_give_equal_poisson_arrivals() -> None:
    first, same, other = (
        Load(FakeTarget(), Fraction(1, 50), seed=seed, arrivals="poisson") for seed in (1, 1, 2)
    )
    assert first.trial.log.scheduled_ns == same.trial.log.scheduled_ns
    assert first.trial.log.scheduled_ns != other.trial.log.scheduled_ns


# schedule, window, cohort -------------------------------------------------------------------------


def scheduled_in_window(trial: Trial) -> list[int]:
    return [row for row, due in enumerate(trial.log.scheduled_ns) if trial.begin_ns <= due < trial.end_ns]


def test_the_window_begins_exactly_on_a_scheduled_launch() -> None:
    load = Load(FakeTarget(), Fraction(3, 10), warmup_s=1.0, window_s=4.0)
    assert load.trial.begin_ns == LEAD_NS + 1200 * MS  # the first multiple of the step after 1 s
    assert load.trial.end_ns == load.trial.begin_ns + 4200 * MS  # 14 steps
    assert load.trial.begin_ns == load.trial.log.scheduled_ns[load.trial.rows.start]


def test_the_cohort_is_what_is_scheduled_in_the_half_open_window() -> None:
    load = Load(FakeTarget(), Fraction(1, 4), window_s=2.0)
    assert list(load.trial.rows) == scheduled_in_window(load.trial)
    assert len(load.trial.rows) == 8  # the launch due at the window's end isn't one of them


windows_s = st.floats(0.001, 20.0)
steps = st.sampled_from([Fraction(1), Fraction(1, 3), Fraction(39, 100), Fraction(0.39), Fraction(1, 45)])


@settings(max_examples=100, deadline=None)
@given(step=steps, window_s=windows_s, warmup_s=st.floats(0.0, 2.0))
@example(step=Fraction(1, 45), window_s=0.4, warmup_s=0.0)
def test_at_fixed_arrivals_the_window_is_whole_steps_and_holds_one_launch_for_each(
    step: Fraction, window_s: float, warmup_s: float
) -> None:
    load = Load(FakeTarget(), step, window_s=window_s, warmup_s=warmup_s)
    steps = math.ceil(Fraction(window_s) / step * (1 - Fraction(1, 2**52)))  # 0.4 s are 18 steps of 1/45 s
    assert load.trial.end_ns - load.trial.begin_ns == int(steps * step * S)
    assert len(load.trial.rows) == steps
    assert load.result.achieved_rate_hz == pytest.approx(float(1 / step), rel=1e-6)
    assert load.result.throughput_hz == pytest.approx(float(1 / step), rel=1e-6)


@pytest.mark.parametrize(("window_s", "step"), [(4.0, Fraction(39, 100)), (0.34, Fraction(1, 3))])
def test_throughput_never_exceeds_what_is_offered(window_s: float, step: Fraction) -> None:
    """A window of 4 s held 11 launches of 0.39 s, one of 0.34 s two of 1/3 s."""
    load = Load(FakeTarget(), step, window_s=window_s)
    assert load.result.throughput_hz == pytest.approx(float(1 / step))
    assert load.plan.as_json()["window_s"] == window_s


ODD_STEPS = ("1/1024", "1/3", "2/1373", "4/181", 0.39, 0.7, 1 / 3, 4)


@settings(max_examples=60, deadline=None)
@given(
    step=st.sampled_from(ODD_STEPS).map(schedule.parse_step) | steps,
    window_s=st.sampled_from([0.001, 0.34, 4.0, 10.0]) | windows_s,
    service_s=st.sampled_from([0.0, 0.01]) | st.floats(0.0, 3.0),
)
def test_a_target_that_keeps_up_has_the_offered_rate_and_no_more(
    step: Fraction, window_s: float, service_s: float
) -> None:
    """Instants are whole nanoseconds, of which a window of one step may be a millionth."""
    result = Load(FakeTarget(service_time_s=service_s), step, window_s=window_s).result
    offered_hz = 1 / float(step)
    for rate_hz in (result.throughput_hz, result.achieved_rate_hz):
        assert rate_hz is not None
        assert offered_hz - 1.000001 / (result.window_s or 1) <= rate_hz <= offered_hz * (1 + 1e-15)


def test_a_window_of_poisson_arrivals_is_as_long_as_asked() -> None:
    load = Load(FakeTarget(), Fraction(39, 100), seed=1, window_s=4.0, arrivals="poisson")
    assert load.trial.end_ns - load.trial.begin_ns == 4 * S


def test_slow_launches_do_not_move_later_ones() -> None:
    load = Load(FakeTarget(servers=1, service_time_s=10.0), Fraction(1, 3), timeout_s=60.0)
    log = load.trial.log
    assert all(due == LEAD_NS + index * S // 3 for index, due in enumerate(log.scheduled_ns))
    assert log.started_ns == log.scheduled_ns


def test_slow_starts_do_not_move_later_ones_either() -> None:
    load = Load(FakeTarget(spawn_s=0.3), Fraction(1, 10), warmup_s=0.0, window_s=1.0)
    offsets_ns = [due - LEAD_NS for due in load.trial.log.scheduled_ns]
    assert offsets_ns == [index * S // 10 for index in range(len(offsets_ns))]


def test_a_generator_that_is_late_starts_one_launch_per_turn() -> None:
    """Catching up must not starve exits: between any two starts the loop looks at what happened."""
    calls: list[str] = []

    class Noting(FakeSupervisor):
        def start(self, index: int) -> None:
            calls.append("start")
            super().start(index)

        def wait(self, until_ns: int, *, or_exit: bool = True, punctual: bool = True) -> int:
            calls.append("wait")
            return super().wait(until_ns, or_exit=or_exit, punctual=punctual)

    target = FakeTarget(spawn_stall=(0.5, 1.0))
    made = supervise(target)
    supervisor = Noting(target, behaviour=made.behaviour)
    LoadGenerator(supervisor, LoadPlan(Fraction(1, 100)), open_guard()).run()
    assert calls.count("start") > 400
    assert ("start", "start") not in itertools.pairwise(calls)


# warm-up ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("service_time_s", "plan", "warmup_s"),
    [
        (0.1, {"warmup_s": 1.0}, 1.0),  # as asked
        (2.0, {"warmup_s": 1.0}, 4.0),  # twice the longest service time
        (0.1, {"warmup_s": 1.0, "longest_service_s": 3.0}, 6.0),  # of the series, not only of this step
        (5.0, {"warmup_s": 0.0}, 10.0),
        (7.0, {"warmup_s": 1.0, "max_warmup_s": 5.0}, 5.0),  # bounded, though nothing has completed yet
        (0.1, {"warmup_s": 120.0, "max_warmup_s": 60.0}, 60.0),
        (0.0, {"warmup_s": 0.0}, 0.5),  # the first launch completes, the second finds it so
    ],
)
def test_the_warm_up_lasts_as_long_as_the_rule_says(
    service_time_s: float, plan: dict[str, Any], warmup_s: float
) -> None:
    load = Load(FakeTarget(service_time_s=service_time_s), Fraction(1, 2), **plan)
    assert load.warmup_ns == warmup_s * S
    assert load.trial.begin_ns == LEAD_NS + warmup_s * S


def test_the_window_waits_for_a_first_completion() -> None:
    target = FakeTarget(service_time_s=lambda index: 0.1 if index == 20 else 50.0)
    load = Load(target, Fraction(1), warmup_s=1.0, window_s=4.0, drain_timeout_s=1.0)
    assert load.warmup_ns == 21 * S


def test_a_warm_up_that_waits_for_a_first_completion_shows_the_time_that_is_left_at_most() -> None:
    load = Load(FakeTarget(service_time_s=7.0), Fraction(1, 4), max_warmup_s=60.0)
    begin_ns = load.trial.log.scheduled_ns[0]
    ends_ns = [
        [
            each.load_end_ns - begin_ns - load.plan.window_ns
            for each in load.shown
            if bool(each.completed) is known
        ]
        for known in (False, True)
    ]
    assert ends_ns[0][-1] == 60 * S
    assert ends_ns[1][0] == 14 * S


def test_a_target_that_never_completes_is_still_measured() -> None:
    """Ten failures without a completion end the warm-up: there is nothing to wait for."""
    load = Load(FakeTarget(fail_every=1), Fraction(1, 4), max_warmup_s=60.0)
    assert load.warmup_ns == 2.5 * S
    assert load.verdict == "failing"
    assert load.result.failed == {"exit-code": 16}
    assert load.result.completed == 0


# cool-down and drain ------------------------------------------------------------------------------


def test_launches_go_on_until_the_last_of_the_cohort_has_ended() -> None:
    """Else the last ones of the cohort would see an emptying host."""
    load = Load(FakeTarget(service_time_s=2.0), Fraction(1, 10))
    log, rows = load.trial.log, load.trial.rows
    last_exit_ns = max(log.exited_ns[rows.start : rows.stop])
    assert max(log.scheduled_ns) == pytest.approx(last_exit_ns, abs=S // 10)
    assert len(log) - rows.stop == 19  # two seconds' worth; the one due at the last exit isn't needed


def test_what_is_launched_in_the_cool_down_is_drained_and_not_counted() -> None:
    load = Load(FakeTarget(service_time_s=2.0), Fraction(1, 10))
    assert load.supervisor.in_flight == 0
    assert load.result.scheduled == load.result.completed == 40
    assert set(load.trial.log.outcome) == {Outcome.COMPLETED}


def test_launching_stops_with_the_window_once_the_step_is_known_to_be_saturated() -> None:
    load = Load(FakeTarget(servers=1, service_time_s=0.05), Fraction(1, 100))
    log, rows = load.trial.log, load.trial.rows
    assert load.verdict == "saturated"
    assert len(log) - rows.stop <= 1
    assert load.result.unfinished == 0  # but the cohort is given its time


@pytest.mark.parametrize("warmup_s", [1.0, 3.0, 5.0, 20.0])
def test_that_is_known_of_a_window_with_few_launches_too(warmup_s: float) -> None:
    """Ten launches: three in the window's first quarter, two in its last, each with its own backlog."""
    load = Load(
        FakeTarget(servers=1, service_time_s=1.0),
        Fraction(1, 2),
        window_s=5.0,
        warmup_s=warmup_s,
        timeout_s=90,
    )
    assert load.verdict == "saturated"
    assert len(load.trial.log) - load.trial.rows.stop <= 1
    assert load.result.completed == 10


def test_launches_alive_at_the_drain_time_out_are_unfinished() -> None:
    target = FakeTarget(never_exits_every=1)
    load = Load(target, Fraction(1, 4), max_warmup_s=1.0, window_s=1.0, drain_timeout_s=5.0)
    assert load.supervisor.now_ns() == load.trial.end_ns + 5 * S
    assert load.result.unfinished == 4
    assert load.result.failed == {}
    assert load.verdict == "saturated"
    assert load.supervisor.in_flight == 0


def test_a_cohort_that_ends_is_not_kept_waiting_by_others() -> None:
    """The first launch after the cohort hangs: it gets its usual time, not the whole drain time-out."""
    target = FakeTarget(service_time_s=lambda index: 1000.0 if index == 8 else 0.01, timeout_s=2000.0)
    load = Load(target, Fraction(1, 4), window_s=1.0)
    assert load.trial.rows == range(4, 8)
    assert load.verdict == "ok"
    assert load.supervisor.now_ns() < load.trial.end_ns + FAREWELL_NS
    assert load.supervisor.in_flight == 0


def test_launches_that_hang_are_timed_out() -> None:
    target = FakeTarget(never_exits_every=10, timeout_s=2.0)
    load = Load(target, Fraction(1, 10))
    assert load.result.failed == {"timeout": 4}
    assert load.verdict == "saturated"
    assert load.result.response_time_s.censored == 4
    assert load.broken_rule is Rule.TIMED_OUT


# guards -------------------------------------------------------------------------------------------


def test_launches_above_max_in_flight_are_dropped_counted_and_named() -> None:
    load = Load(FakeTarget(service_time_s=1.0), Fraction(1, 10), guard=capped(5))
    result = load.result
    assert result.in_flight_max == 5
    assert result.dropped == result.scheduled - result.started > 0
    assert set(load.guard.dropped) == {"max_in_flight"}
    assert load.guard.dropped["max_in_flight"] == load.supervisor.dropped >= result.dropped
    assert load.verdict == "saturated"
    assert load.reason == Reason(Rule.DROPPED, result.dropped)
    assert result.response_time_s.censored == result.dropped


def test_a_dropped_launch_is_never_started() -> None:
    load = Load(FakeTarget(service_time_s=1.0), Fraction(1, 10), guard=capped(5))
    log = load.trial.log
    dropped = [row for row, outcome in enumerate(log.outcome) if outcome == Outcome.DROPPED]
    assert dropped
    assert {log.started_ns[row] for row in dropped} == {-1}


def low_memory(load: list[FakeSupervisor], at_ns: int, available_bytes: float) -> Callable[[], Sample]:
    def sample() -> Sample:
        low = load and load[0].now_ns() >= at_ns
        return Sample(memory_available_bytes=available_bytes if low else math.inf)

    return sample


def run_guarded(available_bytes: float, step: Fraction = Fraction(1, 10)) -> tuple[Trial, Guard]:
    """Run a load of launches of 1 s on a host whose memory runs low at 3.05 s."""
    supervisor = supervise(FakeTarget(service_time_s=1.0))
    sample = low_memory([supervisor], 3050 * MS, available_bytes)
    guard = Guard(Cap(UNLIMITED, Bound.NOT_SOUGHT), 1000, sample)
    return LoadGenerator(supervisor, LoadPlan(step), guard).run(), guard


def test_low_memory_drops_launches_and_spares_those_in_flight() -> None:
    trial, guard = run_guarded(80)
    counts = trial.counts()
    assert counts[Outcome.DROPPED]
    assert counts[Outcome.KILLED] == 0
    assert set(guard.dropped) == {"memory"}


def test_a_memory_emergency_ends_what_is_in_flight_as_killed() -> None:
    trial, _ = run_guarded(20)
    killed = [row for row, outcome in enumerate(trial.log.outcome) if outcome == Outcome.KILLED]
    assert killed
    assert all(trial.log.exited_ns[row] <= 3050 * MS + LOOK_EVERY_NS + 100 * MS for row in killed)


def test_an_emergency_is_seen_between_two_slow_launches() -> None:
    trial, _ = run_guarded(20, step=Fraction(4, 5))
    killed = [row for row, outcome in enumerate(trial.log.outcome) if outcome == Outcome.KILLED]
    assert [trial.log.scheduled_ns[row] - LEAD_NS for row in killed] == [2400 * MS]
    assert trial.log.exited_ns[killed[0]] <= 3050 * MS + LOOK_EVERY_NS


# a generator that can't keep up -------------------------------------------------------------------


def test_a_generator_slower_than_the_step_is_generator_bound() -> None:
    load = Load(FakeTarget(service_time_s=0.001, spawn_s=0.015), Fraction(1, 100))
    assert load.verdict == "generator-bound"
    assert load.broken_rule is Rule.NOT_STARTED
    assert load.result.scheduled == 400


def test_launches_that_could_not_be_tried_within_the_drain_time_out_are_dropped() -> None:
    load = Load(FakeTarget(spawn_s=1.0), Fraction(1, 100), drain_timeout_s=10.0)
    assert load.result.scheduled == 400 == len(scheduled_in_window(load.trial))
    assert load.result.dropped == load.guard.dropped["generator"] == load.supervisor.dropped > 300
    assert load.verdict == "saturated"


# interruption -------------------------------------------------------------------------------------


@pytest.mark.parametrize("at_s", [0.0, 0.5, 1.001, 1.5, 3.0, 4.99, 5.5, 7.0])
def test_an_interrupted_load_is_a_consistent_trial(at_s: float) -> None:
    load = Load(
        FakeTarget(service_time_s=0.8), Fraction(1, 10), interrupted=lambda sup: sup.now_ns() >= at_s * S
    )
    trial = load.trial
    assert list(trial.rows) == scheduled_in_window(trial)
    assert load.supervisor.in_flight == 0
    assert trial.end_ns >= trial.begin_ns
    result = load.result  # nothing divides by an empty window
    assert result.scheduled == result.completed + sum(result.failed.values()) + result.unfinished


def test_an_interruption_cuts_the_window_to_what_was_measured() -> None:
    load = Load(
        FakeTarget(service_time_s=0.8), Fraction(1, 10), interrupted=lambda sup: sup.now_ns() >= 3.05 * S
    )
    assert load.trial.begin_ns == LEAD_NS + 1600 * MS
    assert load.trial.end_ns == LEAD_NS + 3100 * MS  # when the next launch would have been due
    assert load.result.unfinished == 7
    assert load.result.achieved_rate_hz == pytest.approx(10, rel=0.1)


@pytest.mark.parametrize("at_s", [2.0, 2.3, 3.0, 3.7, 5.99])
def test_an_interruption_leaves_no_part_of_a_step_for_which_rates_would_be_too_high(at_s: float) -> None:
    """Two launches in the time of one, for example."""
    load = Load(FakeTarget(), Fraction(1), interrupted=lambda sup: sup.now_ns() >= LEAD_NS + at_s * S)
    assert (load.result.achieved_rate_hz or 0) <= 1
    assert (load.result.throughput_hz or 0) <= 1
    assert list(load.trial.rows) == scheduled_in_window(load.trial)


def test_a_load_interrupted_at_once_has_no_cohort() -> None:
    load = Load(FakeTarget(), Fraction(1, 10), interrupted=lambda _: True)
    assert len(load.trial.log) == len(load.trial.rows) == 0
    assert load.result.throughput_hz is None


# progress -----------------------------------------------------------------------------------------


def test_progress_is_shown_in_the_order_of_the_phases_and_several_times_a_second() -> None:
    load = Load(FakeTarget(service_time_s=1.5), Fraction(1), window_s=4.0)
    phases = [progress.PHASES[int(each.phase)] for each in load.shown]
    assert list(dict.fromkeys(phases)) == ["warm-up", "window", "cool-down", "drain"]
    assert len(load.shown) > 5 * 5
    assert load.shown[-1].in_flight == 0


def test_progress_is_shown_while_the_generator_catches_up() -> None:
    """Launches that are due lag behind the clock then; the live line must not."""
    seen_ns: list[int] = []
    supervisor = supervise(FakeTarget(spawn_s=0.02))
    LoadGenerator(
        supervisor,
        LoadPlan(Fraction(1, 100)),
        open_guard(),
        show=lambda _: seen_ns.append(supervisor.now_ns()),
    ).run()
    assert max(later - earlier for earlier, later in itertools.pairwise(seen_ns)) <= 150 * MS


# any scenario -------------------------------------------------------------------------------------

times_s = st.sampled_from([0.0, 0.001, 0.03, 0.2, 1.0, 3.0])
scenarios = st.fixed_dictionaries(
    {},
    optional={
        "service_time_s": times_s,
        "servers": st.integers(1, 5),
        "stall": st.tuples(times_s, times_s),
        "spawn_s": st.sampled_from([0.0, 0.0001, 0.05, 0.3]),
        "spawn_stall": st.tuples(times_s, times_s),
        "fail_every": st.integers(1, 9),
        "fail_as": st.sampled_from([each.reason for each in FAILURES if each is not Outcome.TIMEOUT]),
        "never_exits_every": st.integers(1, 9),
        "long_lived": st.booleans(),
        "timeout_s": st.sampled_from([0.02, 0.5, 10.0]),
    },
)


@settings(max_examples=150, deadline=None)
@given(
    scenario=scenarios,
    step=st.sampled_from([Fraction(1), Fraction(1, 3), Fraction(1, 40)]),
    arrivals=st.sampled_from(["fixed", "poisson"]),
    cap=st.sampled_from([UNLIMITED, 1, 7]),
    drain_timeout_s=st.sampled_from([0.0, 0.5, 20.0]),
    interrupted_s=st.sampled_from([math.inf, math.inf, 2.0, 5.0]),
)
def test_every_launch_of_any_load_is_accounted_for(
    *,
    scenario: dict[str, Any],
    step: Fraction,
    arrivals: str,
    cap: int,
    drain_timeout_s: float,
    interrupted_s: float,
) -> None:
    load = Load(
        FakeTarget(**scenario),
        step,
        seed=3,
        guard=capped(cap),
        arrivals=arrivals,
        max_warmup_s=3.0,
        drain_timeout_s=drain_timeout_s,
        interrupted=lambda supervisor: supervisor.now_ns() >= interrupted_s * S,
    )
    trial, log, result = load.trial, load.trial.log, load.result
    assert load.supervisor.in_flight == 0
    assert list(trial.rows) == scheduled_in_window(trial)
    ended = result.completed + sum(result.failed.values()) + result.unfinished
    assert result.scheduled == ended + result.dropped == len(trial.rows)
    assert result.started == result.scheduled - result.dropped
    assert result.in_flight_max <= cap
    assert result.response_time_s.n == result.completed
    for row in range(len(log)):
        dropped, failed_to_start = (
            log.outcome[row] == each for each in (Outcome.DROPPED, Outcome.SPAWN_ERROR)
        )
        assert (log.started_ns[row] == -1) == dropped
        assert (log.exited_ns[row] == -1) == (dropped or failed_to_start)
        if log.outcome[row] == Outcome.COMPLETED:
            assert log.scheduled_ns[row] <= log.started_ns[row] <= log.ready_ns[row] <= log.exited_ns[row]
    assert log.scheduled_ns.tolist() == sorted(log.scheduled_ns)
    counted = load.supervisor.completed, load.supervisor.failed, load.supervisor.dropped
    completed, dropped_rows = (
        log.outcome.count(each) for each in (int(Outcome.COMPLETED), int(Outcome.DROPPED))
    )
    assert counted == (completed, sum(each >= Outcome.SPAWN_ERROR for each in log.outcome), dropped_rows)


# cold ---------------------------------------------------------------------------------------------


def test_cold_launches_come_one_after_the_other_and_the_first_is_not_measured() -> None:
    supervisor = supervise(FakeTarget(service_time_s=lambda index: 5.0 if index == 0 else 0.1))
    trial = run_cold(supervisor, 10)
    log = trial.log
    assert (len(log), trial.rows) == (11, range(1, 11))
    assert log.scheduled_ns == log.started_ns
    assert all(log.exited_ns[row] <= log.started_ns[row + 1] for row in range(10))
    assert trial.response_ns() == [100 * MS] * 10


def test_a_cold_load_has_no_rates_and_no_lateness() -> None:
    target = FakeTarget(service_time_s=0.1)
    trial = run_cold(supervise(target), 10)
    result = make_result(
        target, [trial], [verdict(trial)], around(mode="cold", time_step_s=None, arrivals=None)
    )
    assert (result.verdict, result.scheduled, result.completed, result.in_flight_max) == ("ok", 10, 10, 1)
    assert (result.time_step_s, result.offered_rate_hz, result.throughput_hz, result.lateness_s) == (
        None,
    ) * 4
    assert result.response_time_s == result.service_time_s


def test_a_cold_launch_that_hangs_is_timed_out_and_the_next_one_follows() -> None:
    trial = run_cold(supervise(FakeTarget(never_exits_every=2, timeout_s=7.0)), 4)
    assert trial.counts() == {Outcome.COMPLETED: 2, Outcome.TIMEOUT: 2}
    assert verdict(trial)[0] == "saturated"


def test_cold_launches_that_fail_to_start_are_counted() -> None:
    trial = run_cold(supervise(FakeTarget(fail_every=1, fail_as="spawn-error")), 4)
    assert trial.counts() == {Outcome.SPAWN_ERROR: 4}
    assert verdict(trial)[0] == "failing"


@pytest.mark.parametrize("after", [0, 1, 3])
def test_an_interrupted_cold_load_keeps_what_was_measured(after: int) -> None:
    supervisor = supervise(FakeTarget(service_time_s=1.0))
    trial = run_cold(supervisor, 10, interrupted=lambda: supervisor.completed >= after)
    assert trial.counts()[Outcome.COMPLETED] == max(0, after - 1)
    assert supervisor.in_flight == 0
    assert (verdict(trial)[0] == "ok") == (after > 1)
