"""The settings of ``Bench``: keywords with the names and checks of the marker and the options."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from pytest_unikernel.bench.option_values import check_usable, located
from pytest_unikernel.bench.wording import Wording
from pytest_unikernel.errors import SettingError
from pytest_unikernel.plan import readers
from pytest_unikernel.plan.durations import NOT_A_NUMBER, exact
from pytest_unikernel.plan.load_plan import ColdPlan
from pytest_unikernel.plan.option_table import OPTIONS, Option
from pytest_unikernel.plan.schedule import halving, parse_step
from pytest_unikernel.plan.settings import Layer, Sources, SweepSettings

ENDS: Mapping[str, readers.Reader] = {name: readers.end_of_steps(name) for name in ("start", "stop")}
KNOWN: Mapping[str, Option] = {option.name: option for option in OPTIONS if not option.pytest_only}
OF_SWEEPS = frozenset((*KNOWN, *ENDS))
OF_LOADS = OF_SWEEPS - {"time_steps", "knee", "order", *ENDS}
OF_COLD_STARTS = frozenset(
    name for name, option in KNOWN.items() if option.field in ColdPlan.__dataclass_fields__
)
Named = Callable[[str], str]


class Settings:
    """The settings of a ``Bench``; a single load's keywords take precedence over them."""

    def __init__(self, given: Mapping[str, Any], wording: Wording) -> None:
        self._wording = wording
        self._own = Layer(wording.origin, checked(given, wording.call("")))

    def of(
        self, given: Mapping[str, Any], call: str, known: Collection[str], steps: Iterable[Fraction] = ()
    ) -> SweepSettings:
        """Return the settings of a load.

        Args:
            given: the keywords of the call.
            call: the method, for errors.
            known: the names that mean something there.
            steps: the time steps, if the call has them in another form.

        Raises:
            SettingError: a name is unknown, a value is wrong, or values contradict each other.
        """
        where = self._wording.call(call)
        values = checked(given, where, known=known)
        if steps := tuple(steps):
            values["time_steps"] = steps
        try:
            settings = Sources(Layer(self._wording.origin_of_call, values), self._own).settings()
            settings.check()
        except ValueError as error:
            raise SettingError(f"{where}: {error}") from error
        return settings


def checked(
    given: Mapping[str, Any], where: str, named: Named | None = None, known: Collection[str] = OF_SWEEPS
) -> dict[str, Any]:
    """Return checked values by their names.

    Args:
        given: values of any kind, by name.
        where: the call that they were given to.
        named: returns what a name is called where it was given; None: it is a keyword.
        known: the names that mean something there.

    Raises:
        SettingError: a name is unknown, or a value is wrong.
    """
    unknown = [f"{name}={value!r}" for name, value in given.items() if name not in known]
    if unknown:
        names = ", ".join(name for name in (*KNOWN, *ENDS) if name in known)
        raise SettingError(f"{where}: expected the keywords {names}, got {', '.join(unknown)}")
    values = {
        name: _read(name, value, where if named is None else named(name)) for name, value in given.items()
    }
    _check_ends(values, where)
    return values


def _check_ends(values: Mapping[str, Any], where: str) -> None:
    ends = [name for name in ENDS if name in values]
    if "time_steps" in values and ends:
        raise SettingError(f"{where}: expected time_steps, or start and stop, got both")
    if len(ends) == len(ENDS):
        try:
            halving(values["start"], values["stop"])
        except ValueError as error:
            raise SettingError(f"{where}: {error}") from error


def _read(name: str, value: object, where: str) -> Any:
    try:
        return ENDS[name](value) if name in ENDS else read_option(KNOWN[name], value)
    except ValueError as error:
        raise SettingError(f"{where}: {error}") from error
    except OSError as error:  # a path that is too long, or a loop of links
        raise SettingError(f"{where}: {error.strerror}, got {value!r}") from error


def read_option(option: Option, value: object) -> Any:
    """Return the value of an option, checked; raise a ValueError or an OSError if it is wrong."""
    read = option.read(_as_text(option, value))
    if option.name == "cpus":
        check_usable(read, value)
    return located(option, read) if isinstance(read, Path) else read


def _as_text(option: Option, value: object) -> object:
    """Return a path, or a collection of CPUs, as the readers of text take it."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if option.name == "cpus" and isinstance(value, Iterable) and not isinstance(value, str):
        return ",".join(map(str, value))
    return value


def one_step(rate_hz: object, time_step: object, wording: Wording) -> Fraction:
    """Return the time step of a load that is given by its rate or its time step.

    Raises:
        SettingError: neither or both are given, or the value is wrong.
    """
    where, (rate_name, step_name) = wording.call("load"), wording.load_names
    if (rate_hz is None) is (time_step is None):
        got = "neither" if rate_hz is None else "both"
        raise SettingError(
            f"{where}: expected {rate_name} (launches per second) or {step_name} (seconds), got {got}"
        )
    if rate_hz is None:
        return _step(time_step, where)
    try:
        rate = exact(rate_hz)
        if rate <= 0:
            raise ValueError(rate)
    except NOT_A_NUMBER as error:
        raise SettingError(
            f"{where}: {rate_name} must be a finite number of launches per second > 0, got {rate_hz!r}"
        ) from error
    return _step(1 / rate, where)


def _step(value: object, where: str) -> Fraction:
    try:
        return parse_step(value)
    except ValueError as error:
        raise SettingError(f"{where}: {error}") from error
