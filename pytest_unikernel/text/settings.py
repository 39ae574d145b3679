"""The settings of a sweep in words: each value with its origin."""

from __future__ import annotations

from typing import Any

from pytest_unikernel.plan.option_table import OPTIONS, Option
from pytest_unikernel.plan.origins import Origin
from pytest_unikernel.plan.precision import Precision
from pytest_unikernel.plan.settings import SweepSettings
from pytest_unikernel.plan.step_names import step_text

OF_HOSTS = {"spread", "hosts_lost", "hosts_python"}  # mean something beside hosts only


def values_by_origin(settings: SweepSettings) -> dict[Origin, list[str]]:
    """Return the values in words by their origins: ``window 2 s``; what is unset is left out."""
    shown: dict[Origin, list[str]] = {}
    for option in OPTIONS:
        value = getattr(settings, option.field)
        idle = (option.name in OF_HOSTS and not settings.hosts) or (
            option.name == "max_trials" and settings.precision is None
        )
        if value not in (None, frozenset(), (), "") and value is not False and not idle:
            label = f"{option.name.replace('_', ' ')} {_text(option, value)}"
            shown.setdefault(settings.origins[option.name], []).append(label)
    return shown


def _text(option: Option, value: Any) -> str:
    if option.is_switch:
        return "on"
    if option.name == "time_steps":
        ends = dict.fromkeys(step_text(float(step)) for step in (value[0], value[-1]))
        return " ... ".join(ends) + (f" ({len(value)})" if len(value) > 1 else "")
    if isinstance(value, Precision):
        return str(value)
    if isinstance(value, (frozenset, tuple)):
        return ",".join(map(str, sorted(value)))
    return f"{value:g} s" if option.field.endswith("_s") else str(value)
