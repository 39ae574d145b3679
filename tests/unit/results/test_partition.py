"""The service time taken apart: means over the same launches, whose sum is their mean service time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from eventtrials import MS, trial
from hypothesis import given
from hypothesis import strategies as st

from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.plan.target import Target
from pytest_unikernel.results.partition import partition
from pytest_unikernel.results.trial import Trial

# Every launch of a trial is due at 0, started at 1 ms, ready at 5 ms, gone at 6 ms.
PHASES = {
    "boot": ("started", "kernel"),
    "init": ("kernel", "ready"),
    "end": ("ready", "exited"),
    "run": ("kernel", "exited"),
    "removal": ("exited", "gone"),
    "user": ("kernel", "init"),
    "rest": ("init", "exited"),
}


def of(names: Sequence[str], *trials: Trial) -> dict[str, Any]:
    found = partition(Target("vm", ["true"], phases=PHASES, partition=names), trials)
    assert found is not None
    before = [each["before_ready_s"] for each in found["phases"]]
    assert found["n"] == 0 or sum(before) + found["other_s"] == pytest.approx(found["service_time_s"])
    assert [each["name"] for each in found["phases"]] == list(names)
    return found


def before_ms(found: dict[str, Any]) -> list[float]:
    return [round(each["before_ready_s"] * 1e3, 6) for each in found["phases"]]


def after_ms(found: dict[str, Any]) -> list[float]:
    return [round(each["after_ready_s"] * 1e3, 6) for each in found["phases"]]


def test_phases_up_to_ready_and_the_remainder_are_the_mean_service_time() -> None:
    found = of(["boot", "init", "end"], trial({"kernel": 3}, {"kernel": 4}))
    assert (before_ms(found), after_ms(found)) == ([2.5, 1.5, 0], [0, 0, 1])
    assert (found["n"], found["left_out"], found["other_s"], found["service_time_s"]) == (2, 0, 0, 0.004)


@pytest.mark.parametrize(
    ("names", "other_ms"), [(["init"], 2), (["boot"], 2), (["end"], 4), (["removal"], 4)]
)
def test_what_no_phase_holds_is_the_remainder(names: list[str], other_ms: float) -> None:
    assert of(names, trial({"kernel": 3, "gone": 9}))["other_s"] == pytest.approx(other_ms / 1e3)


def test_a_phase_in_which_an_instance_gets_ready_is_divided_there() -> None:
    found = of(["boot", "run", "removal"], trial({"kernel": 3, "gone": 9}))
    assert (before_ms(found), after_ms(found)) == ([2, 2, 0], [0, 1, 3])
    late = of(["user", "rest"], trial({"kernel": 5, "init": 6}))
    assert (before_ms(late), after_ms(late)) == ([0, 0], [1, 0])


def test_means_are_over_the_same_launches_and_the_others_are_counted() -> None:
    slow = trial(
        {"kernel": 3}, {}, {"kernel": 0}, {"kernel": 7}
    )  # all, none, before the start, after the exit
    slow.log.ready_ns[1] = slow.log.exited_ns[1] = 9_000 * MS
    found = of(["boot", "run"], slow)
    assert (found["n"], found["left_out"], found["service_time_s"]) == (1, 3, 0.004)
    assert before_ms(found) == [2, 2]


def test_a_launch_that_lacks_one_event_is_in_no_mean() -> None:
    found = of(["boot", "user", "rest"], trial({"kernel": 3, "init": 4}, {"kernel": 2}, {"init": 2}))
    assert (found["n"], found["left_out"], before_ms(found)) == (1, 2, [2, 1, 1])


def test_trials_are_pooled_and_launches_that_did_not_complete_are_not_left_out_but_no_part_of_it() -> None:
    found = of(["boot", "init"], trial({"kernel": 3}), trial({"kernel": 2}, {"kernel": 3}))
    assert (found["n"], before_ms(found)) == (3, [1.666667, 2.333333])
    failed = of(["boot", "init"], trial({"kernel": 3}, outcome=Outcome.TIMEOUT))
    assert (failed["n"], failed["left_out"]) == (0, 0)


def test_without_a_launch_nothing_is_known() -> None:
    found = of(["boot", "init"], trial({}))
    nothing = {"before_ready_s": None, "after_ready_s": None}
    assert found == {
        "n": 0,
        "left_out": 1,
        "service_time_s": None,
        "other_s": None,
        "phases": [{"name": "boot", **nothing}, {"name": "init", **nothing}],
    }


def test_a_target_without_one_has_none() -> None:
    assert partition(Target("vm", ["true"], phases=PHASES), [trial({"kernel": 3})]) is None


def test_where_ready_was_moved_the_phase_that_it_would_turn_around_is_empty() -> None:
    phases = {"a": ("started", "kernel"), "b": ("kernel", "ready"), "c": ("ready", "exited")}
    target = Target("vm", ["true"], phases=phases, partition=["a", "b", "c"])
    ran = trial({"kernel": 3})
    ran.log.ready_ns[0] = 2 * MS  # before the kernel
    found = partition(target, [ran])
    assert found is not None
    assert (before_ms(found), after_ms(found)) == ([1, 0, 0], [1, 0, 3])
    phases = {"a": ("started", "ready"), "b": ("ready", "kernel")}
    ran.log.ready_ns[0] = 5 * MS  # after it
    found = partition(Target("vm", ["true"], phases=phases, partition=["a", "b"]), [ran])
    assert found is not None
    assert (before_ms(found), after_ms(found), found["other_s"]) == ([2, 0], [0, 0], pytest.approx(0.002))


def test_after_a_clock_was_set_launches_with_stamps_of_both_are_left_out() -> None:
    told, moved = trial({"kernel": 3}), trial({"kernel": 4})
    for each in (told, moved):
        each.log.wall_clock.add("kernel")
    moved.log.wall_clock_moved = True
    found = of(["boot", "init"], told, moved)
    assert (found["n"], found["left_out"], before_ms(found)) == (1, 1, [2, 2])
    assert of(["end"], moved)["n"] == 1  # of our own clock alone


instants = st.lists(st.integers(-2, 12), min_size=3, max_size=3)


@given(st.lists(st.tuples(instants, st.integers(1, 9), st.integers(0, 4)), min_size=1, max_size=6))
def test_whatever_happens_the_stack_up_to_ready_is_the_mean_service_time_of_its_launches(
    launches: list[tuple[list[int], int, int]],
) -> None:
    ran = trial(*(dict(zip(("kernel", "init", "gone"), each[0], strict=True)) for each in launches))
    for row, (_, ready_ms, lingers_ms) in enumerate(launches):
        ran.log.ready_ns[row] = ready_ms * MS
        ran.log.exited_ns[row] = (ready_ms + lingers_ms) * MS
    for names in (["boot", "init", "end", "removal"], ["boot", "run", "removal"], ["user", "rest"]):
        found = of(names, ran)
        assert found["n"] + found["left_out"] == len(launches)
        values = [found["other_s"], *(each[key] for each in found["phases"] for key in each if key != "name")]
        assert all(value is None or value >= 0 for value in values)
