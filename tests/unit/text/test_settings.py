from __future__ import annotations

from fractions import Fraction

from pytest_unikernel.plan.origins import COMMAND_LINE, DEFAULT, Origin, Source
from pytest_unikernel.plan.settings import Layer, Sources
from pytest_unikernel.text.settings import values_by_origin

MARKER = Origin(Source.MARKER, "x.py::test")


def test_people_are_told_each_value_and_its_origin() -> None:
    line = {"window": 2.0, "cpus": frozenset({3, 0}), "time_steps": (Fraction(1), Fraction(1, 2))}
    settings = Sources(Layer(COMMAND_LINE, line)).settings(Layer(MARKER, {"trials": 3, "knee": True}))
    told = values_by_origin(settings)
    assert told[COMMAND_LINE] == ["time steps 1 s ... 1/2 s (2)", "window 2 s", "cpus 0,3"]
    assert told[MARKER] == ["trials 3", "knee on"]
    assert told[DEFAULT._replace(profile="quick")] == ["warmup 1 s", "min launches 10"]
