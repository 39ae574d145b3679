"""The plan of a load as a value: copied once from the settings, compared for resume."""

from __future__ import annotations

from dataclasses import fields
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from pytest_unikernel.plan.load_plan import ColdPlan, LoadPlan
from pytest_unikernel.plan.origins import COMMAND_LINE
from pytest_unikernel.plan.settings import Layer, Sources, SweepSettings
from pytest_unikernel.plan.target import Target

STEP = Fraction(1, 2)


def settings_of(**line: Any) -> SweepSettings:
    return Sources(Layer(COMMAND_LINE, line)).settings()


def test_every_field_of_a_plan_is_a_setting_of_the_same_name_or_known_to_a_load_only() -> None:
    settings = {field.name for field in fields(SweepSettings)}
    own = {"step", "longest_service_s", "backlog_share", "keep_output", "share"}
    assert {field.name for field in fields(LoadPlan)} - settings == own
    assert {field.name for field in fields(ColdPlan)} - settings == {"launches", "unmeasured", "keep_output"}


def test_a_plan_has_the_values_of_the_settings() -> None:
    plan = settings_of(warmup=2.0, cpus=frozenset({1}), timeout=7.0, arrivals="poisson").load_plan(STEP)
    assert (plan.step, plan.warmup_s, plan.cpus, plan.timeout_s) == (STEP, 2.0, frozenset({1}), 7.0)
    assert (plan.arrivals, plan.window_s) == ("poisson", 5.0)  # ten launches


@pytest.mark.parametrize(
    "line",
    [{"raw": Path("x")}, {"output": Path("x")}, {"realtime": "off"}, {"quiet_host": "off"}],
)
def test_plans_that_measure_the_same_are_equal(line: dict[str, Any]) -> None:
    assert settings_of(**line).load_plan(STEP, longest_service_s=3.0) == settings_of().load_plan(STEP)
    assert settings_of(**line).cold_plan(3) == settings_of().cold_plan(3)


@pytest.mark.parametrize(
    "line",
    [
        *({"window": 3.0}, {"warmup": 3.0}, {"trials": 2}, {"order": "rounds"}, {"seed": 3}),
        *({"arrivals": "poisson"}, {"timeout": 3.0}, {"max_in_flight": 3}, {"cpus": frozenset({0})}),
        *({"drain_timeout": 3.0}, {"profile": "paper"}),
    ],
)
def test_plans_that_measure_otherwise_are_not(line: dict[str, Any]) -> None:
    changed, usual = settings_of(**line).load_plan(STEP), settings_of().load_plan(STEP)
    assert changed != usual
    assert changed.as_json() != usual.as_json()


def test_a_record_holds_what_is_compared() -> None:
    plan = settings_of().load_plan(STEP)
    assert set(plan.as_json()) == {
        *("timeout_s", "max_in_flight", "cpus", "profile", "warmup_s", "max_warmup_s", "window_s"),
        *("trials", "order", "arrivals", "seed", "drain_timeout_s"),
    }
    assert settings_of().load_plan(STEP, backlog_share=0.025).as_json()["backlog_share"] == 0.025
    assert set(settings_of().cold_plan(3).as_json()) == {"launches", "timeout_s", "max_in_flight", "cpus"}


def test_processors_are_recorded_in_order() -> None:
    assert settings_of(cpus=frozenset({9, 1, 4})).load_plan(STEP).as_json()["cpus"] == [1, 4, 9]


def test_a_launch_may_take_what_was_asked_for_or_what_the_target_says() -> None:
    quick, slow = Target("quick", ["/bin/true"]), Target("slow", ["/bin/true"], timeout_s=90.0)
    limits_s = [LoadPlan(STEP).time_limit_s(target) for target in (quick, slow)]
    assert limits_s == [60.0, 90.0]
    assert LoadPlan(STEP, timeout_s=5.0).time_limit_s(slow) == 5.0
