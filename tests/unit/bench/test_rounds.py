"""``Bench.sweep`` with several trials: a trial of each step in a round."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from pytest_unikernel import Bench, Target
from pytest_unikernel.errors import SettingError
from pytest_unikernel.testing import FakeTarget

QUICK: dict[str, Any] = {"warmup": 0, "window": 1, "live": False}
STEPS = ["1/8", "1/16"]


def counting(counts: list[int], begins: Callable[[int], None] = lambda _: None) -> Target:
    """Return a target that counts the launches of each trial, and reports which trial begins."""

    def take(launch: int) -> float:
        if launch == 0:
            counts.append(0)
            begins(len(counts))
        counts[-1] += 1
        return 0.01

    return FakeTarget(service_time_s=take)


@pytest.mark.parametrize(
    ("order", "counts"), [({}, [10, 18, 10, 18]), ({"order": "series"}, [10, 10, 18, 18])]
)
def test_the_steps_take_turns(order: dict[str, Any], counts: list[int]) -> None:
    ran: list[int] = []
    with Bench(**QUICK, trials=2, **order) as bench:
        sweep = bench.sweep(counting(ran), STEPS)
    assert ran == counts  # with two launches of warm-up and cool-down
    assert [load.trials for load in sweep] == [2, 2]
    assert [load.verdict for load in sweep] == ["ok", "ok"]
    assert [load.fullname for load in bench.results] == ["fake[0.125s]", "fake[0.0625s]"]


def test_an_overload_ends_the_series_in_each_round() -> None:
    with Bench(**{**QUICK, "window": 20}, trials=2) as bench:
        sweep = bench.sweep(FakeTarget(servers=1, service_time_s=0.1), ["1/8", "1/16", "1/32"])
    assert [(load.verdict, load.trials) for load in sweep] == [("ok", 2), ("saturated", 2)]
    assert [float(skipped.step) for skipped in sweep.skipped] == [1 / 32]


def test_ctrl_c_keeps_the_trials_of_all_steps() -> None:
    def interrupt(number: int) -> None:
        if number == 3:
            os.kill(os.getpid(), signal.SIGINT)

    with Bench(**QUICK, trials=3) as bench:
        with pytest.raises(KeyboardInterrupt):
            bench.sweep(counting([], interrupt), STEPS)
        found = {load.fullname: (load.trials, load.interrupted) for load in bench.results}
    assert found == {"fake[0.125s]": (2, True), "fake[0.0625s]": (1, True)}


def test_a_single_load_has_no_order() -> None:
    with Bench(**QUICK) as bench, pytest.raises(SettingError, match="expected the keywords"):
        bench.load(FakeTarget(), rate_hz=8, order="rounds")


def test_a_precision_adds_trials_until_it_is_reached() -> None:
    steady = FakeTarget(service_time_s=0.01)
    with Bench(**QUICK, precision="p50:3%") as bench:
        sweep = bench.sweep(steady, STEPS)
        single = bench.load(steady, rate_hz=8)
        other = bench.load(steady, rate_hz=8, precision="p50:1%", max_trials=7, trials=7)
    assert [load.trials for load in (*sweep, single, other)] == [6, 6, 6, 7]
    for load in (*sweep, single, other):
        assert load.precision is not None
        assert load.precision["reached"]


def test_a_precision_that_cannot_be_told_is_refused() -> None:
    with Bench(**QUICK) as bench, pytest.raises(SettingError, match="max_trials must be at least 6"):
        bench.sweep(FakeTarget(), STEPS, precision="p50:3%", max_trials=3)
