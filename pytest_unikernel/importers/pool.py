"""Readings of the same target at the same time step become one: latency here, throughput there. Pure."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from pytest_unikernel.errors import ResultFileError
from pytest_unikernel.importers.readings import Launches, Reading, Subject
from pytest_unikernel.plan.step_names import step_text

Key = tuple[str, Fraction | None]


@dataclass(frozen=True)
class Pooled:
    """All that is known of a target at a time step, and by which formats."""

    reading: Reading
    formats: tuple[str, ...]

    @property
    def subject(self) -> Subject:
        """The subject of the readings."""
        return self.reading.subject


def pool(readings: Iterable[tuple[str, Reading]]) -> list[Pooled]:
    """Return readings, each with its format's name, by target and slow to fast.

    Launches and windows are put together, as trials are. A mean can't be.

    Raises:
        ResultFileError: two files report the same subject in ways that can't be pooled.
    """
    pooled: dict[Key, Pooled] = {}
    for name, reading in readings:
        key = (reading.subject.target, reading.time_step)
        known = pooled.get(key)
        pooled[key] = Pooled(reading, (name,)) if known is None else _both(known, name, reading)
    order = {target: number for number, target in enumerate(dict.fromkeys(target for target, _ in pooled))}
    return sorted(pooled.values(), key=lambda each: (order[each.subject.target], *_slow_first(each.reading)))


def _slow_first(reading: Reading) -> tuple[bool, Fraction]:
    return reading.time_step is None, -(reading.time_step or Fraction(0))


def _both(known: Pooled, name: str, new: Reading) -> Pooled:
    old = known.reading
    _refuse_two(old, new, "latency", [old.latency_s, old.launches], [new.latency_s, new.launches])
    _refuse_two(old, new, "throughput", [old.throughput_hz, old.windows], [new.throughput_hz, new.windows])
    _refuse_two(old, new, "intervals", [old.neighbours_s or None, ()], [new.neighbours_s or None, ()])
    both = replace(
        old,
        files=[*old.files, *new.files],
        launches=_all_launches(old.launches, new.launches),
        windows=(*old.windows, *new.windows),
        latency_s=_either(old.latency_s, new.latency_s),
        throughput_hz=_either(old.throughput_hz, new.throughput_hz),
        neighbours_s=old.neighbours_s or new.neighbours_s,
        notes=list(dict.fromkeys([*old.notes, *new.notes])),
    )
    return Pooled(both, tuple(dict.fromkeys([*known.formats, name])))


def _refuse_two(old: Reading, new: Reading, what: str, was: list[Any], now: list[Any]) -> None:
    """Refuse a mean beside anything else for the same quantity; the first of each pair is the mean."""
    mean_twice = (was[0] is not None and any(_is_there(each) for each in now)) or (
        now[0] is not None and any(_is_there(each) for each in was)
    )
    if mean_twice:
        step = "without contention" if old.time_step is None else f"at {step_text(float(old.time_step))}"
        raise ResultFileError(
            f"{new.files[0]}: expected one {what} of {old.subject.target} {step}, got a second one, after "
            f"that of {old.files[0]}; import them separately"
        )


def _is_there(value: Any) -> bool:
    return value is not None and value != ()


def _either(first: float | None, second: float | None) -> float | None:
    return second if first is None else first


def _all_launches(first: Launches | None, second: Launches | None) -> Launches | None:
    if first is None or second is None:
        return first or second
    return Launches(
        array("q", [*first.starts_unix_ns, *second.starts_unix_ns]),
        array("q", [*first.latencies_ns, *second.latencies_ns]),
        _sum(first.failed, second.failed),
        first.unfinished + second.unfinished,
    )


def _sum(first: Mapping[str, int], second: Mapping[str, int]) -> Mapping[str, int]:
    return Counter(first) + Counter(second)
