"""pytest-unikernel: how long one instance takes to come up, and how many per second a host can start."""

import importlib
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from pytest_unikernel.bench.bench import Bench
    from pytest_unikernel.bench.targets import target
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


LATE = {
    "Bench": "pytest_unikernel.bench.bench",
    "LoadResult": "pytest_unikernel.results.result",
    "Summary": "pytest_unikernel.results.summary",
    "target": "pytest_unikernel.bench.targets",
}


def __getattr__(name: str) -> Any:
    """Import what only loads and results need when it is asked for: collecting tests needs none of it."""
    if name in LATE:
        return getattr(importlib.import_module(LATE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
