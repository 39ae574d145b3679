"""A load's result: pooled trials, the record's names, JSON."""

from __future__ import annotations

import dataclasses
import json
import re
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.plan.target import Target
from pytest_unikernel.results.launches import LaunchLog
from pytest_unikernel.results.pooling import make_result
from pytest_unikernel.results.result import LoadResult, Surroundings, plain
from pytest_unikernel.results.saved_result import from_json
from pytest_unikernel.results.summary import Summary, summarize
from pytest_unikernel.results.trial import Trial
from pytest_unikernel.results.verdict import Reason, Rule, pooled, verdict

MS = 1_000_000
BEGIN_NS = 5_000 * MS
STEP_NS = 100 * MS

# Source: the design's JSON contract; keys may be added, never renamed or removed.
KEYS = [
    *("schema", "target", "fixture", "variant", "ready"),
    *("mode", "arrivals", "versions", "time_step_s", "offered_rate_hz"),
    *("achieved_rate_hz", "throughput_hz", "throughput_per_core_hz", "warmup_s", "window_s"),
    *("trials", "per_trial"),
    *("scheduled", "started", "completed", "dropped", "unfinished"),
    *("failed", "verdict", "interrupted", "in_flight_max"),
    *("response_time_s", "service_time_s", "lateness_s", "distribution", "intervals_s"),
    *("phases_s", "neighbours_s"),
    *("instance", "generator", "host"),
]


def trial(response_ms: Sequence[float], *, ends: Sequence[Outcome] = (), late_ms: float = 0.0) -> Trial:
    """Return a trial of launches 100 ms apart: the completed launches, then those with other ends."""
    log = LaunchLog()
    for number in range(len(response_ms) + len(ends)):
        due_ns = BEGIN_NS + number * STEP_NS
        index = log.add(due_ns)
        if number < len(response_ms):
            log.started_ns[index] = due_ns + round(late_ms * MS)
            log.ready_ns[index] = log.exited_ns[index] = due_ns + round(response_ms[number] * MS)
            log.outcome[index] = Outcome.COMPLETED
            log.user_s[index], log.system_s[index] = 0.25, 0.5
            log.max_rss_kib[index] = 1000 + number
        else:
            log.outcome[index] = ends[number - len(response_ms)]
            log.tails[index] = f"tail {index}"
            log.status[index] = 3
            if log.outcome[index] != Outcome.DROPPED:
                log.started_ns[index] = due_ns
                log.exited_ns[index] = due_ns + 50 * MS
    length = len(log) * STEP_NS
    return Trial(log.trim(), range(len(log)), BEGIN_NS, BEGIN_NS + length, step_ns=float(STEP_NS))


def around(**changes: Any) -> Surroundings:
    plain_load = Surroundings(
        mode="sweep",
        time_step_s=0.1,
        arrivals="fixed",
        seeds=(),
        warmup_s=1.5,
        cores=2,
        timeout_s=60.0,
        versions={"kernel": "6.1"},
        generator={"realtime": False},
        host={"cpu_percent": 12.5},
        guards={},
    )
    return dataclasses.replace(plain_load, **changes)


def result(*trials: Trial, target: Target | None = None, **changes: Any) -> LoadResult:
    judged = [verdict(each) for each in trials]
    return make_result(target or Target("some", ["true"]), trials, judged, around(**changes))


def test_the_record_has_every_key_of_the_contract_and_is_json() -> None:
    made = result(trial([5.0] * 10))
    record = json.loads(json.dumps(made.as_json(), allow_nan=False))
    assert set(KEYS) <= set(record)
    assert record["response_time_s"]["p50"] == 0.005
    assert "responses_s" not in record


def test_a_result_has_the_records_names_as_attributes() -> None:
    made = result(trial([5.0] * 10))
    assert all(hasattr(made, key) for key in KEYS)
    assert made.response_time_s.p50 == made.response_time_s["p50"] == 0.005
    assert made.response_time_s.p99_9 is made.response_time_s["p99.9"] is None


def test_a_record_can_be_read_back() -> None:
    made = result(trial([5.0, 7.0, 6.0], ends=[Outcome.TIMEOUT]))
    again = from_json(json.loads(json.dumps(made.as_json())), made.responses_s)
    assert again.as_json() == json.loads(json.dumps(made.as_json()))
    assert isinstance(again.response_time_s, Summary)
    assert list(again.responses_s) == [0.005, 0.007, 0.006]


def test_counts_follow_the_identity_and_name_only_the_reasons_that_occurred() -> None:
    ends = [Outcome.TIMEOUT, Outcome.EXIT_CODE, Outcome.EXIT_CODE, Outcome.UNFINISHED, Outcome.DROPPED]
    made = result(trial([5.0] * 10, ends=ends))
    assert (made.scheduled, made.started, made.completed) == (15, 14, 10)
    assert (made.dropped, made.unfinished, made.failed) == (1, 1, {"exit-code": 2, "timeout": 1})
    assert made.scheduled == made.completed + sum(made.failed.values()) + made.unfinished + made.dropped


def test_censored_launches_are_time_outs_unfinished_and_dropped() -> None:
    ends = [Outcome.TIMEOUT, Outcome.EXIT_CODE, Outcome.UNFINISHED, Outcome.DROPPED]
    made = result(trial([5.0] * 2, ends=ends))
    assert (made.response_time_s.n, made.response_time_s.censored) == (2, 3)
    assert made.response_time_s.p50 is None  # it falls on a censored value
    assert made.response_time_s.max == 0.005
    assert made.lateness_s is not None
    assert (made.lateness_s.n, made.lateness_s.censored) == (5, 0)
    assert made.distribution["censored"] == 3


def test_rates_are_totals_over_the_total_window() -> None:
    made = result(trial([5.0] * 10), trial([5.0] * 30, ends=[Outcome.TIMEOUT] * 20))
    assert made.window_s * made.trials == pytest.approx(6.0)
    assert made.achieved_rate_hz == pytest.approx(60 / 6.0)
    assert made.throughput_hz == pytest.approx(40 / 6.0)
    assert made.throughput_per_core_hz == pytest.approx(40 / 6.0 / 2)
    assert made.offered_rate_hz == 10.0


def test_samples_of_trials_are_pooled_and_their_spread_is_kept() -> None:
    made = result(trial([1.0, 2.0, 3.0]), trial([11.0, 12.0, 13.0, 14.0]))
    assert (made.response_time_s.n, made.response_time_s.p50) == (7, 0.011)
    assert [row["p50"] for row in made.per_trial] == [0.002, 0.0125]
    assert set(made.per_trial[0]) >= {"throughput_hz", "achieved_rate_hz", "p50", "p99", "verdict"}


def test_a_trials_row_has_what_a_comparison_needs() -> None:
    [row] = result(trial([5.0] * 20, ends=[Outcome.TIMEOUT, *[Outcome.EXIT_CODE] * 4])).per_trial
    assert (row["scheduled"], row["completed"], row["censored"]) == (25, 20, 1)
    assert row["failure_rate"] == pytest.approx(0.2)
    assert (row["p50"], row["p90"], row["p99"]) == (0.005, 0.005, None)  # too few launches for a p99


def test_a_trials_row_has_the_median_of_what_its_own_starts_took() -> None:
    made = [trial([5.0] * 3), trial([5.0] * 2, ends=[Outcome.EXIT_CODE]), trial([], ends=[Outcome.TIMEOUT])]
    for each, spawns_us in zip(made, ([100, 900, 300], [200, 400, 9999], [7]), strict=True):
        each.log.spawn_ns[: len(spawns_us)] = array("q", [1000 * us for us in spawns_us])
    assert [row["spawn_s"] for row in result(*made).per_trial] == [0.0003, 0.0003, None]


def test_the_trials_vote_and_the_reason_is_one_of_the_majority() -> None:
    fine, timed_out = trial([5.0] * 10), trial([5.0] * 10, ends=[Outcome.TIMEOUT])
    ok, saturated = verdict(fine), verdict(timed_out)
    assert pooled([ok, saturated, ok]) == ("ok", None)
    assert pooled([ok, saturated]) == ("saturated", Reason(Rule.TIMED_OUT, 1, 11))
    made = result(fine, timed_out, verdict_reason="because")
    assert (made.verdict, made.verdict_reason) == ("saturated", "because")
    assert [row["verdict"] for row in made.per_trial] == ["ok", "saturated"]


def test_durations_for_pytest_benchmark_are_in_the_order_of_the_schedule() -> None:
    made = result(trial([9.0, 1.0, 5.0]), trial([2.0]))
    assert made.responses_s == [0.009, 0.001, 0.005, 0.002]


def test_the_distribution_is_of_pooled_samples_and_merges_by_adding() -> None:
    one, both = result(trial([5.0] * 10)), result(trial([5.0] * 10), trial([5.0] * 4))
    [[index, count]] = plain(one.distribution["response_time_s"])
    assert count == 10
    assert plain(both.distribution["response_time_s"]) == [[index, 14]]
    base, unit_s = one.distribution["base"], one.distribution["unit_s"]
    assert base ** (index - 1) * unit_s < 0.005 <= base**index * unit_s


def test_usage_is_that_of_completed_launches() -> None:
    made = result(trial([5.0] * 3, ends=[Outcome.TIMEOUT]), own_rss_kib=900)
    assert made.instance == {"user_s": 0.25, "system_s": 0.5, "max_rss_bytes": 1002 * 1024}


def test_a_resident_set_not_above_our_own_is_unknown() -> None:
    """The ru_maxrss of a short-lived child is its parent's, because vfork shares the memory."""
    assert result(trial([5.0] * 3), own_rss_kib=1002).instance["max_rss_bytes"] is None


def test_usage_that_nobody_can_see_is_unknown_not_zero() -> None:
    seen, unseen = trial([5.0] * 3), trial([5.0] * 3)
    unseen.log.usage_known = False
    for trials in ([unseen], [seen, unseen]):
        made = result(*trials, own_rss_kib=900)
        assert made.instance == {"user_s": None, "system_s": None, "max_rss_bytes": None}


def test_a_load_without_completions_has_a_record_all_the_same() -> None:
    made = result(trial([], ends=[Outcome.EXIT_CODE] * 4))
    assert (made.completed, made.verdict, made.responses_s) == (0, "failing", [])
    assert made.instance == {"user_s": None, "system_s": None, "max_rss_bytes": None}
    assert json.loads(json.dumps(made.as_json(), allow_nan=False))["response_time_s"]["mean"] is None


def test_failures_are_shown_with_the_end_of_their_output() -> None:
    made = result(trial([5.0], ends=[Outcome.DROPPED, Outcome.EXIT_CODE]))
    assert list(made.failures) == [
        {"trial": 0, "launch": 2, "reason": "exit-code", "status": 3, "output_tail": "tail 2"}
    ]


def test_a_cold_load_is_not_scheduled() -> None:
    cold = dataclasses.replace(trial([5.0] * 10), step_ns=None)
    made = result(cold, mode="cold", time_step_s=None, arrivals=None)
    nulls = (made.time_step_s, made.offered_rate_hz, made.throughput_hz, made.lateness_s, made.arrivals)
    assert nulls == (None,) * 5
    assert made.response_time_s.n == 10


def test_a_target_is_named_with_its_variant() -> None:
    target = Target("some", ["true"], naming={"timeout_s": lambda value: f"{value} s"})(timeout_s=2)
    made = result(trial([5.0]), target=target)
    assert (made.target, made.fixture, made.variant, made.ready) == (
        "some[2 s]",
        "some",
        {"timeout_s": 2},
        "exit",
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ((1, 2.5, None, True, "x"), [1, 2.5, None, True, "x"]),
        ({Path("/a"): {"b": b"\xffz"}}, {"/a": {"b": "\ufffdz"}}),
        (re.compile("a+"), "a+"),
        (frozenset({3}), [3]),
        (summarize([1]), summarize([1]).as_json()),
        (trial, f"{__name__}.trial"),
        (1j, "1j"),
    ],
)
def test_what_json_does_not_know_is_shown_as_text(value: object, expected: object) -> None:
    assert plain(value) == expected
    json.dumps(plain(value))
