"""The precision that is asked of a figure (``p50:3%``): more trials are run until it is reached."""

from __future__ import annotations

from typing import NamedTuple

from pytest_unikernel.plan.tolerances import share_of

LEAST_TRIALS = 6  # the 95 % interval of fewer has no ends
METRICS = ("p50", "p90", "p99", "throughput")
RULE = f"METRIC:PERCENT such as p50:3% with METRIC one of {', '.join(METRICS)} and PERCENT above 0"


class Precision(NamedTuple):
    """The largest half of a figure's 95 % interval, as a share of the figure: 0.03 is ± 3 %."""

    metric: str
    share: float

    def __str__(self) -> str:
        """Return it as it is written on the command line."""
        return f"{self.metric}:{100 * self.share:g}%"


def read(value: object, name: str = "precision") -> Precision:
    """Return the precision that a text such as ``p50:3%`` asks for.

    Raises:
        ValueError: an unknown metric, or no number of per cent > 0.
    """
    found = share_of(str(value), METRICS)
    if found is None or not found[1]:
        raise ValueError(f"{name} must be {RULE}, got {value!r}")
    return Precision(*found)
