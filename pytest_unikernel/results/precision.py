"""How precisely the trials of a load know a figure: the 95 % interval of its typical value. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_unikernel.plan.precision import LEAST_TRIALS, Precision
from pytest_unikernel.results.summary import named_quantile
from pytest_unikernel.results.trial import Trial
from pytest_unikernel.results.verdict import censored
from pytest_unikernel.results.walsh import Location, location

RATE = "throughput"
IN_RECORD = {RATE: "throughput_hz"}  # other figures have their own names there


def is_precise(asked: Precision, trials: Sequence[Trial]) -> bool:
    """Return whether the trials know the figure as precisely as asked."""
    found = interval([_value(trial, asked.metric) for trial in trials])
    return found is not None and half(found) <= asked.share


def _value(trial: Trial, metric: str) -> float | None:
    if metric == RATE:
        return trial.completed_in_window / trial.window_s if trial.window_s > 0 else None
    return named_quantile(trial.ordered_response_ns, censored(trial.counts()), metric)


def interval(values: Sequence[float | None]) -> Location | None:
    """Return a figure's typical value and its interval; None of fewer than six trials, or if one lacks it."""
    known = [math.log(value) for value in values if value]
    if len(known) < max(LEAST_TRIALS, len(values)):
        return None
    return Location(*map(math.exp, location(known)))


def half(found: Location) -> float:
    """Return the larger half of an interval, as a share of the figure."""
    return max(found.high / found.estimate - 1, 1 - found.low / found.estimate)


def as_json(asked: Precision, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a record's ``precision`` by its ``per_trial``."""
    name = IN_RECORD.get(asked.metric, asked.metric)
    found = interval([row[name] for row in rows])
    known = {"estimate": None, "low": None, "high": None} if found is None else found._asdict()
    return {
        "metric": asked.metric,
        "asked_percent": 100 * asked.share,
        "half_width_percent": None if found is None else 100 * half(found),
        **known,
        "reached": found is not None and half(found) <= asked.share,
    }
