"""Faults: each is made to happen to one target, and has an expected outcome."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from realloads import cold_plan, loading

from pytest_unikernel.errors import UnikernelError
from pytest_unikernel.plan.load_plan import LoadPlan
from pytest_unikernel.plan.target import Target
from pytest_unikernel.run.session import Session

COMPLETED, UNAVAILABLE = "completed", "unavailable"


@dataclass(frozen=True)
class Fault:
    """A row of the table.

    Attributes:
        kind: what goes wrong.
        target: the target that it happens to.
        make: returns the target, given an empty directory.
        expected: ``completed``, a reason of the record's ``failed``, a verdict other than ok,
            ``unavailable``, or the class of an error.
        words: part of the instance's last words, of the verdict's reason, or of the refusal.
        status: the exit status, the signal or errno in the record.
        around: the surroundings in which it happens, given the directory.
        timeout_s: the limit of the launch.
        step: the time step of a load; None launches one instance.
        by_hand: it takes longer than a second; run where UNIKERNEL_BY_HAND is set.
    """

    kind: str
    target: str
    make: Callable[[Path], Target]
    expected: str
    words: str = ""
    status: int | None = None
    around: Callable[[Path], contextlib.AbstractContextManager[object]] = contextlib.nullcontext
    timeout_s: float = 30.0
    step: Fraction | None = None
    by_hand: bool = False

    @property
    def id(self) -> str:
        """The row's name among tests."""
        return f"{self.target}: {self.kind}"

    @property
    def row(self) -> str:
        """The row in the documentation's table: target, fault, outcome."""
        status = "" if self.status is None else f", {self.status}"
        by_hand = " (by hand)" if self.by_hand else ""
        return f"| `{self.target}` | {self.kind}{by_hand} | {self.expected}{status} |"


class Happened(NamedTuple):
    """The outcome of a fault."""

    outcome: str
    status: int | None
    words: str


def happened(fault: Fault, session: Session, place: Path) -> Happened:
    """Make a fault happen as in a load: the target is described, probed and launched."""
    with fault.around(place):
        try:
            target = fault.make(place)
            missing = None if target.probe is None else target.probe()
            if missing is not None:
                return Happened(UNAVAILABLE, None, str(missing))
            return _launched(fault, session, target)
        except UnikernelError as error:
            return Happened(type(error).__name__, None, str(error))


def _launched(fault: Fault, session: Session, target: Target) -> Happened:
    with loading(session) as loads:
        if fault.step is not None:
            plan = LoadPlan(fault.step, window_s=float(20 * fault.step), warmup_s=0.0, max_warmup_s=0.0)
            result = loads.sweep(target, plan).result
            return Happened(result.verdict, None, result.verdict_reason)
        result = loads.cold(target, cold_plan(1, timeout_s=fault.timeout_s)).result
    if not result.failures:
        return Happened(COMPLETED if result.completed == 1 else "unfinished", None, "")
    first = result.failures[0]
    return Happened(first["reason"], first["status"], first["output_tail"])
