"""The spread between the trials of a load."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

SPREAD = ("throughput_hz", "p50", "p99")


def spread(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float | None]]:
    """Return the spread of the trials by figure, over the trials that have it: a comparison's noise floor."""
    return {name: _spread([row[name] for row in rows if row[name] is not None]) for name in SPREAD}


def _spread(values: Sequence[float]) -> dict[str, float | None]:
    """Return the extremes, the standard deviation (with n - 1) and the coefficient of variation."""
    ends = {"min": min(values, default=None), "max": max(values, default=None)}
    stddev = statistics.stdev(values) if len(values) > 1 else None
    mean = statistics.fmean(values) if values else 0.0
    return {
        "n": len(values),
        **ends,
        "stddev": stddev,
        "cv": stddev / mean if stddev is not None and mean else None,
    }
