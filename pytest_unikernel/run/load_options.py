"""The options of a load that are not part of its plan."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pytest_unikernel.host.quiet import QuietHost
from pytest_unikernel.host.tuning import Realtime
from pytest_unikernel.plan.target import Target

DEFAULT_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class LoadOptions:
    """How loads are run, whichever target or time step; see ``--help`` for the meaning of each."""

    profile: str = "quick"
    timeout_s: float | None = None
    max_in_flight: int | None = None
    cpus: frozenset[int] | None = None
    realtime: Realtime = "auto"
    quiet_host: QuietHost = "warn"
    output: Path | None = None
    raw: Path | None = None
    keep_output: bool = False

    def time_limit_s(self, target: Target) -> float:
        """Return how long one launch may take."""
        return self.timeout_s or target.timeout_s or DEFAULT_TIMEOUT_S
