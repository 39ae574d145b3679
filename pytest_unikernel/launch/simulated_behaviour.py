"""The behaviour of simulated instances, and the manual clock they live by."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from dataclasses import dataclass

from pytest_unikernel.clock import nanoseconds
from pytest_unikernel.errors import TargetError
from pytest_unikernel.plan.numeric import is_number, is_whole
from pytest_unikernel.plan.outcome import OUTCOME_OF_REASON
from pytest_unikernel.plan.schedule import LONGEST_S

Interval = tuple[float, float]


class ManualClock:
    """A clock that only ``advance`` moves."""

    def __init__(self, now_ns: int = 0) -> None:
        self._now_ns = now_ns

    def now_ns(self) -> int:
        """Return the present instant."""
        return self._now_ns

    def advance(self, duration_ns: int) -> None:
        """Let time pass.

        Raises:
            ValueError: the duration is negative; monotonic clocks don't go back.
        """
        if duration_ns < 0:
            raise ValueError(f"ManualClock.advance: expected a duration >= 0 ns, got {duration_ns!r}")
        self._now_ns += duration_ns


@dataclass(frozen=True)
class Behaviour:
    """The behaviour of simulated instances; see ``FakeTarget`` for the meaning of each field."""

    service_time_s: float | Callable[[int], float] = 0.01
    servers: int | None = None
    stall: Interval | None = None
    spawn_s: float = 0.0
    spawn_stall: Interval | None = None
    fail_every: int | None = None
    fail_as: str = "exit-code"
    never_exits_every: int | None = None
    linger_s: float = 0.0

    def __post_init__(self) -> None:
        for name in ("servers", "fail_every", "never_exits_every"):
            value = getattr(self, name)
            if value is not None and not (is_whole(value) and 1 <= value <= sys.maxsize):
                raise TargetError(f"FakeTarget: {name} must be an integer >= 1 or None, got {value!r}")
        for name in ("service_time_s", "spawn_s", "linger_s"):
            value = getattr(self, name)
            if not callable(value) and not _is_duration(value):
                raise TargetError(f"FakeTarget: {name} must be a finite number >= 0, got {value!r}")
        for name in ("stall", "spawn_stall"):
            value = getattr(self, name)
            if value is not None and not _is_interval(value):
                raise TargetError(f"FakeTarget: {name} must be two finite numbers >= 0, got {value!r}")
        if (
            not isinstance(self.fail_as, str)
            or self.fail_as not in OUTCOME_OF_REASON
            or self.fail_as == "timeout"
        ):
            reasons = ", ".join(reason for reason in OUTCOME_OF_REASON if reason != "timeout")
            raise TargetError(
                f"FakeTarget: fail_as must be one of {reasons}, got {self.fail_as!r}; "
                "for time-outs use never_exits_every="
            )

    def changed(self) -> dict[str, object]:
        """Return the fields that differ from the defaults."""
        values = {
            field.name: (getattr(self, field.name), field.default) for field in dataclasses.fields(self)
        }
        return {name: value for name, (value, default) in values.items() if value != default}

    def service_ns(self, index: int) -> int:
        """Return how long a server works on the launch of that row."""
        time_s = self.service_time_s
        return nanoseconds(time_s(index) if callable(time_s) else time_s)

    def fails(self, index: int) -> bool:
        """Return whether the launch of that row fails."""
        return is_nth(index, self.fail_every)


def _is_interval(value: object) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and all(map(_is_duration, value))


def _is_duration(value: object) -> bool:
    return is_number(value) and 0 <= value <= LONGEST_S


def is_nth(index: int, every: int | None) -> bool:
    """Return whether the row is a multiple of ``every``, counting from 1."""
    return every is not None and (index + 1) % every == 0
