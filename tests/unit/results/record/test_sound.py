"""The sound part of a damaged record, with null or empty values for the rest."""

from __future__ import annotations

from random import Random
from typing import Any

import damage
import finishedrun
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_unikernel.results.record.check import faults
from pytest_unikernel.results.record.sound import sound

WHOLE = finishedrun.search().as_json()


def test_a_record_that_says_next_to_nothing_has_every_key() -> None:
    found = sound({"target": "x"})
    assert found.keys() == sound(WHOLE).keys()
    assert (found["target"], found["mode"], found["variant"], found["host"]) == ("x", "sweep", {}, None)
    assert found["response_time_s"]["p99.9"] is None
    assert set(found["response_time_s"]) >= {"n", "censored", "min", "mean", "max", "stddev", "p50"}


@pytest.mark.parametrize(
    ("key", "value", "left"),
    [
        ("window_s", "4", None),
        ("window_s", float("nan"), None),
        ("window_s", 10**400, None),
        ("host", 3, None),
        ("failed", [1], None),
        ("failed", {"timeout": 3, "signal": "x", "killed": -1}, {"timeout": 3}),
        ("seeds", [1, "x", None], [1, None]),
        ("variant", None, {}),
        ("knee", {"loads": 7}, None),
        ("knee", {**WHOLE["knee"], "upper_hz": "x"}, None),
        ("knee", {**WHOLE["knee"], "loads": [*WHOLE["knee"]["loads"], 7]}, None),
        ("slo", {"p50": {}}, {}),
    ],
)
def test_what_does_not_fit_is_unknown(key: str, value: Any, left: Any) -> None:
    assert sound({**WHOLE, key: value})[key] == left


def test_of_a_part_only_what_does_not_fit_is_unknown() -> None:
    found = sound(
        {**WHOLE, "phases_s": {"a": None, "b": {"mean": "x", "n": 3}}, "per_trial": [None, {"p50": 1.0}]}
    )
    assert list(found["phases_s"]) == ["b"]
    assert (found["phases_s"]["b"]["n"], found["phases_s"]["b"]["mean"]) == (3, None)
    assert [trial["p50"] for trial in found["per_trial"]] == [1.0]
    pairs = sound({**WHOLE, "distribution": {"response_time_s": [[1], "x", None, [1, 2]]}})["distribution"]
    assert pairs["response_time_s"] == [[1, 2]]


def test_what_is_not_known_to_the_schema_stays() -> None:
    later = sound({**WHOLE, "planets": 3, "host": {**WHOLE["host"], "temperature_k": 300}})
    assert (later["planets"], later["host"]["temperature_k"]) == (3, 300)


def test_a_cold_start_has_no_time_step() -> None:
    found = sound({"mode": "cold", "time_step_s": 3, "knee": WHOLE["knee"]})
    assert (found["mode"], found["time_step_s"], found["knee"]) == ("cold", None, None)


@settings(max_examples=100, derandomize=True, deadline=None, database=None)
@given(st.integers(0, 2**32), st.integers(1, 3))
def test_what_is_left_is_right_but_for_what_nobody_knows(seed: int, changes: int) -> None:
    """Required keys may be missing, but no value in the result is wrong."""
    random, ways, record = Random(seed), list(damage.places(WHOLE)), WHOLE  # noqa: S311
    for _ in range(changes):
        record = damage.altered(random, record, ways)
    wrong = [fault for fault in faults(sound(record)) if fault.value is not None]
    assert wrong == []
    assert sound(sound(record)) == sound(record)
