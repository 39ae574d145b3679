"""The course of a load over its seconds, against queues whose answers are known."""

from __future__ import annotations

import dataclasses
import json
from fractions import Fraction
from typing import Any

import pytest
from simulated import load as run

from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.results.launches import LaunchLog
from pytest_unikernel.results.over_time import MOST_BINS, over_time
from pytest_unikernel.results.trial import Trial
from pytest_unikernel.testing import FakeTarget

MS = 1_000_000
COLUMNS = (
    *("started", "completed", "failed", "in_flight_max"),
    *("lateness_p50_s", "lateness_max_s", "response_p50_s", "response_max_s"),
)
BEGIN_NS = 7_000 * MS


def course(target: Any, step: Fraction, **plan: Any) -> dict[str, Any]:
    """Return the course of a load in virtual time."""
    found = run(target, step, **plan).over_time
    assert found is not None
    return dict(found)


def trial(*launches: tuple[int, int | None, Outcome], step_ms: int = 100, window_ms: int = 400) -> Trial:
    """A trial of launches one step apart, each started so late and gone after so long (ms), and so ended."""
    log = LaunchLog()
    for number, (late_ms, after_ms, outcome) in enumerate(launches):
        due_ns = BEGIN_NS + number * step_ms * MS
        row = log.add(due_ns)
        log.outcome[row] = outcome
        if outcome != Outcome.DROPPED:
            log.started_ns[row] = due_ns + late_ms * MS
        if after_ms is not None:
            log.exited_ns[row] = due_ns + after_ms * MS
            log.ready_ns[row] = log.exited_ns[row] if outcome is Outcome.COMPLETED else -1
    end_ns = BEGIN_NS + window_ms * MS
    return Trial(log.trim(), range(len(launches)), BEGIN_NS, end_ns, step_ns=step_ms * MS)


def test_a_queue_that_keeps_up_is_the_same_in_each_bin() -> None:
    found = course(FakeTarget(service_time_s=0.03), Fraction(1, 20), window_s=4.0, warmup_s=1.0)
    assert found["begin_s"] == -1.0
    assert (
        found["bin_s"] == 0.1
    )  # two steps: 80 launches of the window and 20 of the warm-up, and their exits
    assert found["window_s"] == 4.0
    assert found["started"][:50] == found["completed"][:50] == [2] * 50
    assert {*found["failed"]} == {0}
    assert {*found["in_flight_max"][:50]} == {1}
    assert {*found["response_p50_s"][:50]} == {*found["response_max_s"][:50]} == {0.03}
    assert {*found["lateness_max_s"][:50]} == {0.0}


def test_a_queue_offered_twice_what_it_serves_grows_by_half_of_what_comes() -> None:
    """Launch i is due at 50 i ms and ready at 100 (i + 1) ms: its response time is 100 + 50 i ms."""
    found = course(FakeTarget(servers=1, service_time_s=0.1), Fraction(1, 20), window_s=4.0, warmup_s=1.0)
    steps = round(found["bin_s"] / 0.05)
    launches = round((4.0 - found["begin_s"]) / 0.05)
    for number in range(launches // steps):
        last = steps * (number + 1) - 1
        assert found["started"][number] == steps
        assert found["response_max_s"][number] == pytest.approx(0.1 + 0.05 * last, rel=1e-3)
        assert found["response_p50_s"][number] == pytest.approx(
            0.1 + 0.05 * (steps * number + last) / 2, rel=1e-3
        )
        alive = last + 1 - (50 * last) // 100  # those due so far, without those served: one each 100 ms
        assert found["in_flight_max"][number] == alive
    assert sum(found["completed"][1:11]) == pytest.approx(steps * 10 / 2, abs=1)
    assert found["in_flight_max"][-1] < max(found["in_flight_max"])  # it drains


def test_late_launches_are_late_where_they_were_due() -> None:
    done = Outcome.COMPLETED
    found = over_time([trial((0, 10, done), (250, 260, done), (150, 160, done), (50, 60, done))])
    assert found is not None
    assert found["begin_s"] == 0.0
    assert found["lateness_max_s"] == [0.0, 0.25, 0.15, 0.05]
    assert found["lateness_p50_s"] == found["lateness_max_s"]
    assert found["response_max_s"] == [0.01, 0.26, 0.16, 0.06]
    assert found["started"] == [1, 0, 0, 3]
    assert found["completed"] == [1, 0, 0, 3]


def test_failures_count_when_they_end_and_dropped_launches_when_they_were_due() -> None:
    found = over_time(
        [
            trial(
                (0, 10, Outcome.COMPLETED),
                (0, 190, Outcome.EXIT_CODE),
                (0, None, Outcome.DROPPED),
                (0, None, Outcome.SPAWN_ERROR),
                (0, 150, Outcome.TIMEOUT),
            )
        ]
    )
    assert found is not None
    assert found["failed"] == [0, 0, 2, 1, 0, 1]
    assert found["response_p50_s"] == [0.01, None, None, None, None, None]


def test_instances_that_never_exit_stay_in_flight() -> None:
    found = over_time([trial(*[(0, None, Outcome.UNFINISHED)] * 4)])
    assert found is not None
    assert found["in_flight_max"] == [1, 2, 3, 4]
    assert found["failed"] == [0, 0, 0, 0]


@pytest.mark.parametrize("step", [Fraction(1, 1024), Fraction(1, 30), Fraction(1, 7), Fraction(3)])
@pytest.mark.parametrize("servers", [1, None])
def test_the_course_has_few_bins_of_whole_steps_with_a_value_each(
    step: Fraction, servers: int | None
) -> None:
    found = course(FakeTarget(servers=servers, service_time_s=0.3), step, window_s=10.0)
    lengths = {len(found[name]) for name in COLUMNS}
    assert len(lengths) == 1
    assert 1 <= lengths.pop() <= MOST_BINS
    steps = found["bin_s"] / float(step)
    assert steps == pytest.approx(round(steps))
    assert {*found["started"][: int(10 / found["bin_s"])]} == {round(steps)}


def test_a_long_drain_does_not_widen_the_bins() -> None:
    stuck = [(0, 10, Outcome.COMPLETED)] * 50 + [(0, 60_000, Outcome.TIMEOUT)]
    found = over_time([trial(*stuck, window_ms=5_000)])
    assert found is not None
    assert found["bin_s"] == 0.2  # two steps: 5 s of launches and 5 s more
    assert sum(found["started"]) == 51


def test_the_worst_trial_is_shown() -> None:
    good = trial(*[(0, 10, Outcome.COMPLETED)] * 4)
    slow = trial(*[(0, 90, Outcome.COMPLETED)] * 4)
    failed = trial(*[(0, 10, Outcome.COMPLETED)] * 3, (0, 10, Outcome.EXIT_CODE))
    for trials, worst in (([good, slow, good], 1), ([good, good], 0), ([failed, slow], 0)):
        found = over_time(trials)
        assert found is not None
        assert found["trial"] == worst


def test_cold_starts_and_loads_of_nothing_have_none() -> None:
    cold = dataclasses.replace(trial((0, 10, Outcome.COMPLETED)), step_ns=None)
    assert over_time([cold]) is None
    assert over_time([Trial(LaunchLog().trim(), range(0), 0, 0, step_ns=1e8)]) is None


def test_a_load_without_a_window_has_a_course_up_to_its_end() -> None:
    cut = dataclasses.replace(
        trial(*[(0, 10, Outcome.COMPLETED)] * 4), rows=range(4, 4), begin_ns=BEGIN_NS + 350 * MS
    )
    found = over_time([dataclasses.replace(cut, end_ns=cut.begin_ns)])
    assert found is not None
    assert sum(found["started"]) == sum(found["completed"]) == 4


def test_its_size_does_not_grow_with_the_load() -> None:
    """As pytest-benchmark writes it, with a line per number: less than the samples of 1,000 launches."""
    found = course(FakeTarget(servers=2, service_time_s=0.0123), Fraction(1, 1024), window_s=20.0)
    assert sum(found["started"]) > 20_000
    text = json.dumps({"benchmarks": [{"extra_info": {"load": {"over_time": found}}}]}, indent=4)
    assert len(text) < 36_000
