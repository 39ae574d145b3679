"""The plan of a load, with every value decided and no defaults left."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from fractions import Fraction
from pathlib import Path
from typing import Any

from pytest_unikernel.plan import schedule
from pytest_unikernel.plan.precision import Precision
from pytest_unikernel.plan.share import Share
from pytest_unikernel.plan.target_fields import TargetFields

BACKLOG_RISE_SHARE = 0.05
DEFAULT_TIMEOUT_S = 60.0
RAW_FORMATS = ("csv", "parquet")  # of raw data; the first is the usual one


@dataclass(frozen=True, kw_only=True)
class LaunchConditions:
    """The conditions of launches, in a sweep and in a cold start; ``pytest --help`` explains each.

    Two plans are equal if their loads measure the same: where results go, for example, is not compared.

    Attributes:
        timeout_s: limit of one launch in seconds; None leaves it to the target.
        max_in_flight: instances alive at once; None derives it from the limits found.
        cpus: CPUs that instances are held to; None means all.
        profile: the profile that values came from; it bounds the wait for a quiet host.
        keep_output: whether the output of every instance is kept, and not only of those that failed.
    """

    timeout_s: float | None = None
    max_in_flight: int | None = None
    cpus: frozenset[int] | None = None
    profile: str = field(default="quick", compare=False)
    realtime: str = field(default="auto", compare=False)
    quiet_host: str = field(default="warn", compare=False)
    output: Path | None = field(default=None, compare=False)
    raw: Path | None = field(default=None, compare=False)
    raw_format: str | None = field(default=None, compare=False)
    keep_output: bool = field(default=False, compare=False)

    def time_limit_s(self, target: TargetFields) -> float:
        """Return how long one launch may take."""
        return self.timeout_s or target.timeout_s or DEFAULT_TIMEOUT_S

    def as_json(self) -> dict[str, Any]:
        """Return the compared values, for a record's ``settings``."""
        compared = {each.name: getattr(self, each.name) for each in fields(self) if each.compare}
        return {**compared, "cpus": None if self.cpus is None else sorted(self.cpus)}


@dataclass(frozen=True)
class LoadPlan(LaunchConditions):
    """A load at one time step.

    Attributes:
        step: spacing of scheduled launches in seconds, exact.
        profile: as in :class:`LaunchConditions`; compared here, for it bounds the warm-up too.
        warmup_s: the least warm-up; long launches lengthen it up to ``max_warmup_s``.
        window_s: length of the window that is asked for; :attr:`window_ns` is the one measured.
        trials: windows that are measured.
        precision: of a figure; more trials are run until it is known so well, ``max_trials`` at most.
        order: whether trials follow one another (``series``) or go in rounds of all loads (``rounds``).
        arrivals: ``fixed`` or ``poisson``; ``seed`` makes the latter reproducible.
        drain_timeout_s: how long after the window its launches may take.
        longest_service_s: the longest service time seen in this series so far.
        backlog_share: share of the launches that the backlog may rise by in the window.
        hosts: the hosts that make its launches, as ``--sweep-hosts`` names them; empty: this one.
        spread: whether they share the rate (split), or each makes the whole of it (each).
        share: the launches that this host makes of them; None: it makes all of them by itself.
    """

    step: Fraction
    warmup_s: float = 1.0
    max_warmup_s: float = 60.0
    window_s: float = 4.0
    profile: str = field(default="quick", kw_only=True)
    trials: int = 1
    precision: Precision | None = None
    max_trials: int = 30
    order: str = "series"
    arrivals: str = "fixed"
    seed: int | None = None
    drain_timeout_s: float = 60.0
    longest_service_s: float = field(default=0.0, compare=False)
    backlog_share: float = BACKLOG_RISE_SHARE
    hosts: str = ""
    spread: str = "split"
    share: Share | None = field(default=None, compare=False)

    @property
    def window_ns(self) -> int:
        """The length of the window that is measured; at fixed arrivals whole time steps."""
        return schedule.window_ns(self.window_s, self.step, self.arrivals)

    @property
    def agreed_warmup_s(self) -> float:
        """The warm-up that hosts agree on ahead: none of them can wait for the launches of the others."""
        return min(self.max_warmup_s, max(self.warmup_s, 2 * self.longest_service_s))

    def as_json(self) -> dict[str, Any]:
        """Return the compared values but the step; those of hosts and of a search only where they apply."""
        compared = super().as_json()
        del compared["step"]  # a key of the record itself
        if not self.hosts:
            del compared["hosts"], compared["spread"]
        if self.precision is None:
            del compared["precision"], compared["max_trials"]
        else:
            compared["precision"] = str(self.precision)
        if self.backlog_share == BACKLOG_RISE_SHARE:
            del compared["backlog_share"]
        return compared


@dataclass(frozen=True)
class ColdPlan(LaunchConditions):
    """Cold starts, one after the other.

    Attributes:
        launches: how many are measured.
        unmeasured: how many are launched before them.
    """

    launches: int
    unmeasured: int = field(default=1, compare=False)
