"""pytest-unikernel: how long one instance takes to come up, and how many per second a host can start."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_unikernel.bench.bench import Bench
    from pytest_unikernel.bench.targets import target
    from pytest_unikernel.errors import (
        BuildError,
        LoadError,
        SessionError,
        SettingError,
        TargetError,
        UnavailableError,
        UnikernelError,
    )
    from pytest_unikernel.plan.readiness import Event, Exit, Http, Line, Port
    from pytest_unikernel.plan.stamps import Stamp, StampLog, Stamps
    from pytest_unikernel.plan.target import Target
    from pytest_unikernel.plan.target_fields import Instance, Place, Unavailable
    from pytest_unikernel.results.result import LoadResult
    from pytest_unikernel.results.summary import Summary

__all__ = [
    "Bench",
    "BuildError",
    "Event",
    "Exit",
    "Http",
    "Instance",
    "Line",
    "LoadError",
    "LoadResult",
    "Place",
    "Port",
    "SessionError",
    "SettingError",
    "Stamp",
    "StampLog",
    "Stamps",
    "Summary",
    "Target",
    "TargetError",
    "Unavailable",
    "UnavailableError",
    "UnikernelError",
    "target",
]
__version__ = "0.1.0"


MODULES = {
    "pytest_unikernel.bench.bench": ("Bench",),
    "pytest_unikernel.bench.targets": ("target",),
    "pytest_unikernel.errors": (
        "BuildError",
        "LoadError",
        "SessionError",
        "SettingError",
        "TargetError",
        "UnavailableError",
        "UnikernelError",
    ),
    "pytest_unikernel.plan.readiness": ("Event", "Exit", "Http", "Line", "Port"),
    "pytest_unikernel.plan.stamps": ("Stamp", "StampLog", "Stamps"),
    "pytest_unikernel.plan.target": ("Target",),
    "pytest_unikernel.plan.target_fields": ("Instance", "Place", "Unavailable"),
    "pytest_unikernel.results.result": ("LoadResult",),
    "pytest_unikernel.results.summary": ("Summary",),
}
LATE = {name: module for module, names in MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a name's module when it is asked for: helper processes and collected tests need few of them."""
    if name in LATE:
        return getattr(importlib.import_module(LATE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the names that completion offers."""
    return sorted({*globals(), *__all__})
