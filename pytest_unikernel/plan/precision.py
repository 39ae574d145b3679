"""The precision that is asked of a figure (``p50:3%``): more trials are run until it is reached."""

from __future__ import annotations

import re
from typing import NamedTuple

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
    match = re.fullmatch(r"\s*([a-z0-9]+)\s*:\s*([0-9]{1,3}(?:\.[0-9]{1,6})?)\s*%?\s*", str(value))
    if match is None or match[1] not in METRICS or not float(match[2]):
        raise ValueError(f"{name} must be {RULE}, got {value!r}")
    return Precision(match[1], float(match[2]) / 100)
