"""pytest-unikernel: how long one instance takes to come up, and how many per second a host can start."""

from typing import TYPE_CHECKING, Any

from pytest_unikernel.errors import (
    BuildError,
    LoadError,
    SessionError,
    TargetError,
    UnikernelError,
)
from pytest_unikernel.plan.readiness import Event, Exit, Http, Line, Port
from pytest_unikernel.plan.stamps import Stamp, StampLog, Stamps
from pytest_unikernel.plan.target import Target
from pytest_unikernel.plan.target_fields import Instance, Place, Unavailable

if TYPE_CHECKING:
    from pytest_unikernel.results.result import LoadResult
    from pytest_unikernel.results.summary import Summary

__all__ = [
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
    "Stamp",
    "StampLog",
    "Stamps",
    "Summary",
    "Target",
    "TargetError",
    "Unavailable",
    "UnikernelError",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import the classes of results when they are asked for: collecting tests needs none of them."""
    if name == "LoadResult":
        from pytest_unikernel.results.result import LoadResult  # noqa: PLC0415

        return LoadResult
    if name == "Summary":
        from pytest_unikernel.results.summary import Summary  # noqa: PLC0415

        return Summary
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
