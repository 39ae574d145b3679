"""Complete records: with every key of the current version, so that a run can be resumed from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_unikernel.results.record.parts import (
    Count,
    Distribution,
    Failure,
    FleetHost,
    Number,
    Part,
    Signed,
    Whole,
    WholeTimes,
    WholeTrial,
)
from pytest_unikernel.results.record.schema import Cold, Knee, LoadSchema, Sweep
from pytest_unikernel.results.record.surroundings import Generator, Guards, Host, Usage


class WholeKnee(Knee, kw_only=True):
    """The result of a search for the knee, with complete records of its loads."""

    loads: list[WholeSweep]  # type: ignore[assignment]


class WholeHost(FleetHost, kw_only=True):
    """One of several hosts, with every key of the current version."""

    name: str
    cpus: Number
    versions: dict[str, str]
    clock_error_s: Number | None
    window_skew_s: Signed | None
    skewed: bool
    scheduled: Count
    started: Count
    completed: Count
    dropped: Count
    unfinished: Count
    failed: dict[str, Count]
    throughput_hz: Number | None
    response_time_s: WholeTimes
    service_time_s: WholeTimes
    lateness_s: WholeTimes
    verdict: str | None
    verdict_reason: str
    interrupted: bool
    lost: str


class WholeLoad(LoadSchema, kw_only=True):
    """A load with every key that all versions have measured."""

    schema: Count
    fixture: str
    ready: str
    seeds: list[Whole | None]
    versions: dict[str, Any]
    achieved_rate_hz: Number | None
    warmup_s: Number
    window_s: Number
    trials: Count
    per_trial: list[WholeTrial]  # type: ignore[assignment]
    scheduled: Count
    started: Count
    completed: Count
    dropped: Count
    unfinished: Count
    failed: dict[str, Count]
    failures: list[Failure]
    verdict: str
    verdict_reason: str
    interrupted: bool
    in_flight_max: Count
    timeout_s: Number
    response_time_s: WholeTimes
    service_time_s: WholeTimes
    lateness_s: WholeTimes | None
    distribution: Distribution
    intervals_s: dict[str, WholeTimes]  # type: ignore[assignment]
    phases_s: dict[str, WholeTimes]  # type: ignore[assignment]
    neighbours_s: dict[str, WholeTimes]  # type: ignore[assignment]
    instance: Usage
    generator: Generator
    host: Host
    guards: Guards
    hosts: list[WholeHost] | None = None  # type: ignore[assignment]


class WholeSweep(WholeLoad, Sweep, kw_only=True):
    """One load at a time step."""

    knee: WholeKnee | None = None


class WholeCold(WholeLoad, Cold, kw_only=True):
    """Launches one after the other."""


Samples = list[Number]


class Step(Part):
    """A line of a journal: a finished step.

    Attributes:
        fullname: the test's node id.
        record: the load's record.
        responses_s: the response times of its completed launches, in the order of the schedule.
    """

    fullname: str
    record: dict[str, Any]
    responses_s: Samples


WHOLE: Mapping[str, type[LoadSchema]] = {"sweep": WholeSweep, "cold": WholeCold}
