"""The profiles: named sets of values for the settings that nothing else sets."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from pytest_unikernel.plan.schedule import FASTEST_STEP, SLOWEST_STEP, halving

# Source: paper: the kernel-benchmark scripts' run_benchmarks.sh (120 s + 60 s from 4 s on).
PROFILES: Mapping[str, Mapping[str, Any]] = {
    "quick": {
        "time_steps": halving(Fraction(1), FASTEST_STEP),
        "warmup": 1.0,
        "window": 4.0,
        "min_launches": 10,
        "trials": 1,
    },
    "paper": {
        "time_steps": halving(SLOWEST_STEP, FASTEST_STEP),
        "warmup": 120.0,
        "window": 60.0,
        "min_launches": 1,
        "trials": 3,
    },
}
MAX_WARMUP_S = {"quick": 60.0, "paper": 300.0}
