"""What a saved record must look like to be calculated with: others may have made it, or a hand. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

LARGEST = 1e15  # of seconds and hertz; what is more can't be squared and added up
SHOWN = 40


class Kind(NamedTuple):
    """One value's kind: how it is told, and what to call it."""

    holds: Callable[[Any], bool]
    name: str


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= LARGEST


def _is_share(value: object) -> bool:
    return _is_number(value) and value <= 1  # type: ignore[operator]


def _is_rate(value: object) -> bool:
    return _is_number(value) and value > 0 and math.isfinite(1 / value)  # type: ignore[operator]


NUMBER = Kind(lambda value: value is None or _is_number(value), "a number >= 0, or null")
SHARE = Kind(lambda value: value is None or _is_share(value), "a share from 0 to 1, or null")
RATE = Kind(_is_rate, "a number > 0")
TEXT = Kind(lambda value: value is None or isinstance(value, str), "a text, or null")
NAME = Kind(lambda value: isinstance(value, str), "a text")
NOTHING = Kind(lambda value: value is None, "null in a cold start")
MODE = Kind(lambda value: value in ("sweep", "cold"), "sweep or cold")
SWEEP = Kind(lambda value: value == "sweep", "sweep")
FLAG = Kind(lambda value: value is None or isinstance(value, bool), "true, false or null")

Shape = Kind | Mapping[str, "Shape"] | list["Shape"]
# Those of a record, and of a quantity in it, that must be there; of a mapping null stands for an empty one.
NEEDED = (
    *("target", "variant", "ready", "mode", "arrivals", "time_step_s", "offered_rate_hz", "throughput_hz"),
    *("window_s", "per_trial", "response_time_s", "service_time_s", "verdict", "interrupted", "settings"),
    *("throughput_per_core_hz", "timeout_s"),
)
NEEDED_TIMES = ("n", "censored", "min", "mean", "p50", "p90", "p99")
NEEDED_OF_KNEE = (
    *("rate_hz", "per_core_hz", "lower_hz", "upper_hz", "lower_bound", "narrow", "loads"),
    *("interrupted", "upper_verdict", "upper_reason"),
)
TIMES: Shape = dict.fromkeys((*NEEDED_TIMES, "max", "stddev", "p95", "p99.9"), NUMBER)
TRIAL: Shape = {
    **dict.fromkeys(("throughput_hz", "achieved_rate_hz", "p50", "p90", "p99", "spawn_s"), NUMBER),
    **dict.fromkeys(("scheduled", "completed", "censored"), NUMBER),
    "verdict": TEXT,
    "failure_rate": SHARE,
}
KNEE: Shape = {
    **dict.fromkeys(("rate_hz", "per_core_hz", "lower_hz", "upper_hz"), NUMBER),
    **dict.fromkeys(("upper_verdict", "upper_reason"), TEXT),
    **dict.fromkeys(("lower_bound", "narrow", "interrupted"), FLAG),
}
RECORD: Mapping[str, Shape] = {
    "target": NAME,
    "mode": MODE,
    **dict.fromkeys(("ready", "arrivals", "verdict", "verdict_reason"), TEXT),
    "interrupted": FLAG,
    **dict.fromkeys(("achieved_rate_hz", "throughput_hz", "throughput_per_core_hz", "window_s"), NUMBER),
    **dict.fromkeys(("time_step_s", "offered_rate_hz", "timeout_s", "scheduled", "completed"), NUMBER),
    "per_trial": [TRIAL],
    "variant": {},
    "settings": dict.fromkeys(("warmup_s", "max_warmup_s"), NUMBER),
    "response_time_s": TIMES,
    "service_time_s": {"mean": NUMBER},
    "phases_s": {},
    "instance": dict.fromkeys(("user_s", "system_s"), NUMBER),
    "generator": dict.fromkeys(("cpu_s_per_launch", "spawn_s"), NUMBER),
    "host": dict.fromkeys(("cpu_percent", "cpu_count"), NUMBER),
}
NEEDED_IN: Mapping[str, tuple[str, ...]] = {"response_time_s": NEEDED_TIMES, "service_time_s": ("mean",)}
REQUIRED = ("variant", "settings", "response_time_s", "service_time_s")  # that null can't stand for


def fault(record: Any) -> str:
    """Return what is wrong with a record, in words; empty if calculations can use it."""
    if not isinstance(record, Mapping):
        return _wrong("it", "a record", record)
    return next(filter(None, _faults(record)), "")


def _faults(record: Mapping[str, Any]) -> Any:
    yield _missing(record, NEEDED, "")
    for key, shape in RECORD.items():
        yield _fault(record.get(key), shape, key)
    for key in REQUIRED:
        if not isinstance(record[key], Mapping):
            yield _wrong(key, "a mapping", record[key])
    for key, needed in NEEDED_IN.items():
        yield _missing(record[key], needed, f"{key}.")
    for key in ("time_step_s", "offered_rate_hz"):
        yield _fault(record[key], RATE if record["mode"] == "sweep" else NOTHING, key)
    yield knee_fault(record.get("knee"))


def knee_fault(knee: Any) -> str:
    """Return what is wrong with the record of a search, in words; empty if nothing is, or there is none."""
    if knee is None:
        return ""
    if not isinstance(knee, Mapping):
        return _wrong("knee", "a mapping or null", knee)
    known = _missing(knee, NEEDED_OF_KNEE, "knee.") or _fault(knee, KNEE, "knee")
    if known or not isinstance(knee["loads"], list):
        return known or _wrong("knee.loads", "a list", knee["loads"])
    told = (
        (number, fault(load) or _fault(load["mode"], SWEEP, "mode"))
        for number, load in enumerate(knee["loads"])
    )
    return next((f"knee.loads[{number}]: {text}" for number, text in told if text), "")


def _missing(mapping: Mapping[str, Any], keys: tuple[str, ...], where: str) -> str:
    return next((f"{where}{key} is missing" for key in keys if key not in mapping), "")


def _fault(value: Any, shape: Shape, where: str) -> str:
    if isinstance(shape, Kind):
        return "" if shape.holds(value) else _wrong(where, shape.name, value)
    if value is None:
        return ""
    if isinstance(shape, list):
        if not isinstance(value, list):
            return _wrong(where, "a list", value)
        told = (_fault(each, shape[0], f"{where}[{number}]") for number, each in enumerate(value))
        nulls = (
            _wrong(f"{where}[{number}]", "a mapping", each)
            for number, each in enumerate(value)
            if each is None
        )
        return next(filter(None, (*told, *nulls)), "")
    if not isinstance(value, Mapping):
        return _wrong(where, "a mapping", value)
    told = (_fault(value.get(key), inner, f"{where}.{key}") for key, inner in shape.items())
    return next(filter(None, told), "")


def _wrong(where: str, expected: str, value: object) -> str:
    return f"{where} should be {expected}, is {_shown(value)}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
