"""The log of launches: compact columns that grow."""

from __future__ import annotations

from array import array

import pytest

from pytest_unikernel.plan.outcome import FAILURES, Outcome
from pytest_unikernel.results.launches import CHUNK, NONE_NS, LaunchLog


def columns(log: LaunchLog) -> dict[str, array[int]]:
    return {name: value for name, value in vars(log).items() if isinstance(value, array)}


def test_the_reasons_of_failures_are_those_of_the_contract() -> None:
    assert [outcome.reason for outcome in FAILURES] == [
        *("spawn-error", "exit-code", "signal", "not-ready", "timeout"),
        *("guest-panic", "kvm-error", "daemon-error", "killed"),
    ]


@pytest.mark.parametrize("launches", [0, 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_a_trimmed_log_has_one_row_per_launch_in_every_column(launches: int) -> None:
    log = LaunchLog()
    assert [log.add(7 * number) for number in range(launches)] == list(range(launches))
    assert log.trim() is log
    assert {name: len(column) for name, column in columns(log).items()} == dict.fromkeys(
        columns(log), launches
    )
    assert len(log) == launches
    assert log.scheduled_ns.tolist() == [7 * number for number in range(launches)]


def test_instants_that_never_came_are_marked_also_where_the_log_has_grown() -> None:
    log = LaunchLog()
    for _ in range(2 * CHUNK + 5):
        log.add(0)
    log.trim()
    for column in (log.started_ns, log.ready_ns, log.exited_ns):
        assert set(column) == {NONE_NS}
    assert set(log.outcome) == {Outcome.UNFINISHED}
    assert set(log.max_rss_kib) == set(log.status) == {0}


def test_a_trimmed_log_can_still_grow() -> None:
    log = LaunchLog()
    log.add(1)
    log.trim()
    index = log.add(2)
    log.started_ns[index] = 3
    assert log.trim().scheduled_ns.tolist() == [1, 2]
    assert log.started_ns.tolist() == [NONE_NS, 3]


def test_a_launch_takes_at_most_300_bytes() -> None:
    assert sum(column.itemsize for column in columns(LaunchLog()).values()) <= 300


def test_outcomes_are_counted_over_the_rows_asked_for() -> None:
    log = LaunchLog()
    for outcome in (Outcome.TIMEOUT, Outcome.COMPLETED, Outcome.COMPLETED, Outcome.SIGNAL, Outcome.TIMEOUT):
        log.outcome[log.add(0)] = outcome
    assert log.counts(range(1, 4)) == {Outcome.COMPLETED: 2, Outcome.SIGNAL: 1}
    assert log.counts(range(0)) == {}


def test_failures_are_found_with_their_reasons() -> None:
    log = LaunchLog()
    for outcome in Outcome:
        log.outcome[log.add(0)] = outcome
    assert list(log.failures(range(len(log)))) == [(int(outcome), outcome) for outcome in FAILURES]
    assert list(log.failures(range(5))) == [(3, Outcome.SPAWN_ERROR), (4, Outcome.EXIT_CODE)]
