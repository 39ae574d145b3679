"""The marker ``load_sweep``: one test item per time step.

The closest of several markers applies, as usual in pytest: function before class before module, and the lower
of two markers on one function. Keywords of the other markers are not merged into it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast

import pytest

from pytest_unikernel.plan import readers
from pytest_unikernel.plan.option_table import OPTIONS
from pytest_unikernel.plan.origins import Origin, Source
from pytest_unikernel.plan.schedule import halving
from pytest_unikernel.plan.settings import Layer, SweepSettings
from pytest_unikernel.plan.step_names import series_of, step_id
from pytest_unikernel.plugin.options import SOURCES
from pytest_unikernel.plugin.usage_error import SweepUsageError
from pytest_unikernel.text.settings import values_by_origin

NAME = "load_sweep"
ARGUMENT = "timestep"
KNEE_ID = "knee"
READERS: dict[str, readers.Reader] = {
    "start": readers.end_of_steps("start"),
    "stop": readers.end_of_steps("stop"),
    **{option.name: option.read for option in OPTIONS if option.in_marker},
}
WINDOW = next(option for option in OPTIONS if option.name == "window")
# The text of ``pytest --markers``: a call before the first colon, then the meaning of its keywords.
KEYWORDS = {
    "start": "the slowest time step, halved from there on (default: the first of the time steps)",
    "stop": "the fastest time step (default: the last of the time steps)",
    **{option.name: f"{option.help} (default: {option.shown})" for option in OPTIONS if option.in_marker},
}
CALL = f"{NAME}({', '.join(f'{name}=...' for name in READERS)})"
RULE = (
    "run the test once per time step, from slow to fast; a keyword that is left out has the value of its "
    "option --sweep-..., or of the profile"
)
LINES = (
    "\n    ".join((f"{CALL}: {RULE}", *(f"{name}: {text}" for name, text in KEYWORDS.items()))),
    "sweep: every test that load_sweep made; select them with -m sweep.",
    "cold: a test that launches one instance after the other on an otherwise idle host (cold_start).",
)
SWEPT = pytest.StashKey[dict[str, SweepSettings]]()


class SearchStep(float):
    """The ``timestep`` of an item that searches for the knee: the fastest step of a search."""


@dataclass(frozen=True)
class ItemSweep:
    """A time step of a swept test, or the search for its knee.

    Attributes:
        settings: the settings of this test.
        step: the exact time step in seconds; for a search, the sweep's fastest step.
        series: the test's node id without the time step; equal for all steps of one variant.
        searches: whether the item searches for the knee.
    """

    settings: SweepSettings
    step: Fraction
    series: str
    searches: bool = False


def register(config: pytest.Config) -> None:
    """Register the markers with pytest."""
    config.stash[SWEPT] = {}
    for line in LINES:
        config.addinivalue_line("markers", line)


def generate(metafunc: pytest.Metafunc) -> None:
    """Parametrize a marked test over ``timestep``, slow to fast, with the search for the knee last.

    Raises:
        SweepUsageError: the marker's values break a rule.
    """
    found = next(metafunc.definition.iter_markers_with_node(NAME), None)
    if found is None:
        return
    _refuse_own_steps(metafunc)
    node, mark = found
    settings = _settings(metafunc.config, mark, Origin(Source.MARKER, node.nodeid))
    metafunc.config.stash[SWEPT][metafunc.definition.nodeid] = settings
    if ARGUMENT not in metafunc.fixturenames:  # the test need not request it; load_step finds the step itself
        metafunc.fixturenames.append(ARGUMENT)
    metafunc.parametrize(ARGUMENT, list(_parameters(settings)))


def _parameters(settings: SweepSettings) -> Iterator[Any]:
    for step in settings.time_steps:
        yield pytest.param(float(step), id=step_id(step), marks=pytest.mark.sweep)
    if settings.knee:
        fastest = SearchStep(settings.time_steps[-1])
        yield pytest.param(fastest, id=KNEE_ID, marks=pytest.mark.sweep)


def _refuse_own_steps(metafunc: pytest.Metafunc) -> None:
    for mark in metafunc.definition.iter_markers("parametrize"):
        names = mark.args[0] if mark.args else mark.kwargs.get("argnames", "")
        if ARGUMENT in (names.replace(",", " ").split() if isinstance(names, str) else names):
            raise SweepUsageError(
                f"{NAME}: {ARGUMENT} is parametrized by the marker, got another parametrize of it; "
                f"use {NAME}(time_steps=[...]) (marker on {metafunc.definition.nodeid})"
            )


def _settings(config: pytest.Config, mark: pytest.Mark, where: Origin) -> SweepSettings:
    try:
        settings = config.stash[SOURCES].settings(parse(mark, where))
    except ValueError as error:
        raise SweepUsageError(f"{NAME}: {error} ({where})") from error
    try:
        settings.check_window()
    except ValueError as error:
        source = settings.origins["window"].source
        name = {Source.COMMAND_LINE: WINDOW.flag, Source.INI_FILE: WINDOW.ini}.get(source, NAME)
        raise SweepUsageError(f"{name}: {error} ({where})") from error
    return settings


def parse(mark: pytest.Mark, where: Origin) -> Layer:
    """Return the marker's values, checked.

    Raises:
        ValueError: a positional argument, an unknown keyword, a wrong value, contradictory keywords.
    """
    known = ", ".join(READERS)
    if mark.args:
        raise ValueError(f"takes keywords only ({known}), got positional {', '.join(map(repr, mark.args))}")
    unknown = [f"{name}={value!r}" for name, value in mark.kwargs.items() if name not in READERS]
    if unknown:
        raise ValueError(f"unknown keyword, known are {known}; got {', '.join(unknown)}")
    given = {name: READERS[name](value) for name, value in mark.kwargs.items()}
    _check_ends(given)
    return Layer(where, given)


def _check_ends(given: dict[str, Any]) -> None:
    ends = [f"{name}={given[name]}" for name in ("start", "stop") if name in given]
    if "time_steps" in given and ends:
        raise ValueError(f"time_steps excludes start and stop, got time_steps and {' and '.join(ends)}")
    if len(ends) == 2:
        halving(given["start"], given["stop"])  # checked even if --sweep-time-steps overrides the marker


def sweep_of(item: pytest.Item) -> ItemSweep | None:
    """Return the time step and the settings of a swept test's item; None for every other item."""
    if not isinstance(item, pytest.Function) or not hasattr(item, "callspec") or item.parent is None:
        return None
    settings = item.config.stash[SWEPT].get(f"{item.parent.nodeid}::{item.originalname}")
    if settings is None:
        return None
    timestep = cast("float", item.callspec.params[ARGUMENT])
    step, searches = settings.step_of(timestep), isinstance(timestep, SearchStep)
    return ItemSweep(settings, step, series_of(item.nodeid, timestep), searches)


def effective_lines(items: Iterable[pytest.Item]) -> list[str]:
    """Return lines that list the settings of the sweeps among the items, by origin."""
    found: dict[Origin, dict[str, None]] = {}
    for sweep in filter(None, map(sweep_of, items)):
        for origin, labels in values_by_origin(sweep.settings).items():
            found.setdefault(origin, {}).update(dict.fromkeys(labels))
    lines = (f"sweep, {origin}: {', '.join(labels)}" for origin, labels in found.items())
    return [part for line in lines for part in textwrap.wrap(line, 80, subsequent_indent="    ")]
