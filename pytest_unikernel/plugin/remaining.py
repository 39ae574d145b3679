"""Estimates how long the rest of the run takes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from pytest_unikernel.text.units import duration_text

EXPECTED_DRAIN_S = 1.0  # of a series whose service time isn't known yet


class PlannedStep(NamedTuple):
    """A time step that is to be run: ``trials`` times a warm-up, a window and a drain. 0 is a search."""

    series: str
    step_s: float
    trials: int
    warmup_s: float
    window_s: float

    def expected_s(self, longest_service_s: float | None) -> float:
        """Return how long it will take; the longest service time seen lengthens warm-up and drain."""
        if longest_service_s is None:
            return self.trials * (self.warmup_s + self.window_s + EXPECTED_DRAIN_S)
        warmup_s = max(self.warmup_s, 2 * longest_service_s)
        return self.trials * (warmup_s + self.window_s + longest_service_s)


def remaining_s(
    planned: Iterable[PlannedStep],
    done: Collection[tuple[str, float]] = (),
    longest_service_s: Mapping[str, float] | None = None,
) -> float:
    """Return the expected seconds of the steps that are not done.

    Args:
        planned: the steps of all series.
        done: series and time step of each that was run or skipped.
        longest_service_s: the longest service time of each series so far.
    """
    known = longest_service_s or {}
    left = (step for step in planned if (step.series, step.step_s) not in done)
    return sum(step.expected_s(known.get(step.series)) for step in left)


def place_text(
    planned: Collection[PlannedStep],
    now: tuple[str, float],
    done: Collection[tuple[str, float]] = (),
    longest_service_s: Mapping[str, float] | None = None,
) -> str:
    """Return where a run stands when the step ``now`` begins: ``step 3 of 13, up to about 41 min left``.

    The steps counted are those of its series; the time is the whole run's, if each series goes on to its end.
    """
    steps = [step.step_s for step in planned if step.series == now[0]]
    left_s = remaining_s(planned, done, longest_service_s)
    left = f"{round(left_s / 60)} min" if 120 <= left_s < 3600 else duration_text(round(left_s))
    return f"step {steps.index(now[1]) + 1} of {len(steps)}, up to about {left} left"
