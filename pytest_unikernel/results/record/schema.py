"""The record of a load, ``extra_info["load"]``, as types: the one place that says what each key may hold.

Whatever reads records checks them against these types (``check.py``); the published JSON Schema and
the reference are made of them (``json_schema.py``). Units are in the names: seconds, hertz, bytes. Null is
unknown.

Keys may be added, never renamed or removed. So a key is required only if every version has written it and
comparisons need it, and a key that isn't declared here is of a later version and ignored. Results that others
measured (``source``) know little: most of their keys are null.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pytest_unikernel.results.record.parts import (
    ComparedTimes,
    Count,
    Distribution,
    Failure,
    MeanTime,
    Number,
    Part,
    Positive,
    Stamps,
    Times,
    Trial,
    Whole,
)
from pytest_unikernel.results.record.surroundings import (
    Generator,
    Guards,
    Host,
    Quiescence,
    Settings,
    Source,
    Usage,
)


class Interval(Part, kw_only=True):
    """An interval of rates that a search has narrowed down.

    Attributes:
        rate_hz: the rate to quote: the geometric middle, or ``lower_hz`` if that is a lower bound.
        lower_hz: the fastest rate that was borne.
        upper_hz: the slowest faster rate that was not; null if there was none.
        lower_bound: whether the target may be able to do more.
        upper_verdict: the verdict at ``upper_hz``.
        upper_reason: that verdict's reason.
        ratio: ``upper_hz`` / ``lower_hz``.
        narrow: whether the interval is as narrow as a search makes it.
    """

    rate_hz: Number | None
    lower_hz: Number | None
    upper_hz: Number | None
    lower_bound: bool | None
    upper_verdict: str | None = None
    upper_reason: str | None = None
    ratio: Number | None = None
    narrow: bool | None = None


class Knee(Interval, kw_only=True):
    """What a search for the knee has found.

    Attributes:
        per_core_hz: ``rate_hz`` per CPU that instances could use.
        lower_per_core_hz: likewise of ``lower_hz``.
        upper_per_core_hz: likewise of ``upper_hz``.
        interrupted: whether the search was cut short.
        between_hz: the two rates that the search began with.
        loads: the whole record of each load of the search.
    """

    per_core_hz: Number | None
    upper_verdict: str | None
    upper_reason: str | None
    narrow: bool | None
    interrupted: bool | None
    loads: list[Sweep]
    lower_per_core_hz: Number | None = None
    upper_per_core_hz: Number | None = None
    between_hz: list[Number | None] | None = None


class Objective(Part, kw_only=True):
    """Whether a load met an objective.

    Attributes:
        limit_s: the objective.
        value_s: the statistic of the response time; null if it is beyond the time-out.
        met: whether it was met; null if it can't be told.
        launches: launches in the window.
        launches_needed: as many are needed to tell.
        interval: of a search, up to which rate it is met.
    """

    limit_s: Number
    value_s: Number | None
    met: bool | None
    launches: Count
    launches_needed: Count
    interval: Interval | None = None


class Spread(Part, kw_only=True):
    """How far the trials lie apart in one figure, in the figure's unit.

    Attributes:
        n: trials that have the figure.
        min: the smallest.
        max: the largest.
        stddev: the standard deviation, with n - 1.
        cv: the standard deviation divided by the mean.
    """

    n: Count | None
    min: Number | None
    max: Number | None
    stddev: Number | None
    cv: Number | None


class Spreads(Part, kw_only=True):
    """How far the trials lie apart.

    Attributes:
        throughput_hz: in their throughput.
        p50: in the median of their response times, in seconds.
        p99: in the 99 % quantile of their response times, in seconds.
    """

    throughput_hz: Spread
    p50: Spread
    p99: Spread


class LoadSchema(Part, kw_only=True):
    """One load; seconds, hertz, bytes; null is unknown.

    Attributes:
        schema: the number of the layout that the record was written in.
        target: the variant's name: ``linux_vm[kvm]``.
        fixture: the target's name without the variant.
        variant: every parameter that isn't the target's default.
        ready: what counts as up.
        mode: ``sweep``: launches on a schedule; ``cold``: one after the other.
        arrivals: ``fixed`` or ``poisson``; null in a cold start.
        seeds: the seed of each trial's arrivals.
        versions: what was really used: QEMU, accelerator, kernel ...
        time_step_s: the spacing of scheduled launches.
        offered_rate_hz: launches asked for per second.
        achieved_rate_hz: starts in the windows, per second.
        throughput_hz: successful completions in the windows, per second.
        throughput_per_core_hz: likewise, per CPU of affinity and cgroup quota.
        warmup_s: the longest warm-up, as it turned out.
        window_s: the mean length of the trials' windows.
        trials: windows that were measured.
        per_trial: each trial's own figures.
        scheduled: launches that were due in the windows: the cohort.
        started: those of them that were started.
        completed: those of them that completed.
        dropped: those of them that a guard kept from being started.
        unfinished: those of them that were alive when the load ended.
        failed: those of them that failed, by reason.
        failures: the first failures of each trial.
        verdict: ``ok``, ``generator-bound``, ``saturated`` or ``failing``: that of most trials.
        verdict_reason: why.
        interrupted: whether the load was cut short.
        in_flight_max: the most instances alive at once in a window.
        timeout_s: the limit of one launch.
        response_time_s: from the instant at which a launch was due to the instant at which it was ready.
        service_time_s: from the start of a launch to the instant at which it was ready.
        lateness_s: from the instant at which a launch was due to its start.
        distribution: the histograms of these three.
        intervals_s: times between the events that the target declares, ``A->B``.
        phases_s: times between the events that the target names.
        neighbours_s: times between events that followed one another, ``A->B``, where a log holds them.
        stamps: what was wrong with such a log.
        instance: what an instance used.
        generator: what the generator cost, and how precise it was.
        host: the host meanwhile.
        guards: what kept launches from being started.
        settings: what was asked for.
        knee: of a search, what it found; the record itself is that of the fastest load that was ok.
        slo: whether the objectives were met, by their statistic.
        spread: how far the trials lie apart.
        quiescence: how the host was waited for; null if nobody waited.
        source: where an imported record comes from; others don't have the key.
    """

    target: str
    variant: dict[str, Any]
    ready: str | None
    mode: Literal["sweep", "cold"]
    arrivals: str | None
    time_step_s: Positive | None
    offered_rate_hz: Positive | None
    throughput_hz: Number | None
    throughput_per_core_hz: Number | None
    window_s: Number | None
    per_trial: list[Trial] | None
    verdict: str | None
    interrupted: bool | None
    timeout_s: Number | None
    response_time_s: ComparedTimes
    service_time_s: MeanTime
    settings: Settings
    schema: Count | None = None
    fixture: str | None = None
    seeds: list[Whole | None] | None = None
    versions: dict[str, Any] | None = None
    achieved_rate_hz: Number | None = None
    warmup_s: Number | None = None
    trials: Count | None = None
    scheduled: Count | None = None
    started: Count | None = None
    completed: Count | None = None
    dropped: Count | None = None
    unfinished: Count | None = None
    failed: dict[str, Count] | None = None
    failures: list[Failure] | None = None
    verdict_reason: str | None = None
    in_flight_max: Count | None = None
    lateness_s: Times | None = None
    distribution: Distribution | None = None
    intervals_s: dict[str, Times] | None = None
    phases_s: dict[str, Times] | None = None
    neighbours_s: dict[str, Times] | None = None
    stamps: Stamps | None = None
    instance: Usage | None = None
    generator: Generator | None = None
    host: Host | None = None
    guards: Guards | None = None
    knee: Knee | None = None
    slo: dict[str, Objective] | None = None
    spread: Spreads | None = None
    quiescence: Quiescence | None = None
    source: Source | None = None


class Sweep(LoadSchema, kw_only=True):
    """One load at a time step."""

    mode: Literal["sweep"]
    time_step_s: Positive
    offered_rate_hz: Positive


class Cold(LoadSchema, kw_only=True):
    """Launches one after the other, without contention."""

    mode: Literal["cold"]
    time_step_s: None
    offered_rate_hz: None
    knee: None = None


BY_MODE: Mapping[str, type[LoadSchema]] = {"sweep": Sweep, "cold": Cold}
