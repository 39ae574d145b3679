"""The record of a load, ``extra_info["load"]``, as types: the only definition of its keys and their values.

Every reader of records checks them against these types (``check.py``). The published JSON Schema and the
reference are made from them (``json_schema.py``). Units are in the names: seconds, hertz, bytes. Null is
unknown.

Keys may be added, never renamed or removed. A key is therefore required only if every version has written it
and comparisons need it. An undeclared key belongs to a later version and is ignored. Most keys of imported
results (``source``) are null.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pytest_unikernel.results.record.parts import (
    ComparedTimes,
    Count,
    Distribution,
    Failure,
    FleetHost,
    Knees,
    MeanTime,
    Number,
    OverTime,
    Part,
    Partition,
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
    Origin,
    Quiescence,
    Settings,
    Source,
    Usage,
)


class Interval(Part, kw_only=True):
    """An interval of rates that a search narrowed down.

    Attributes:
        rate_hz: the rate to quote: the geometric middle, or ``lower_hz`` if that is a lower bound.
        lower_hz: the fastest rate that was sustained.
        upper_hz: the slowest faster rate that was not sustained; null if there was none.
        lower_bound: whether the target may sustain more.
        upper_verdict: the verdict at ``upper_hz``.
        upper_reason: the reason of ``upper_verdict``.
        ratio: ``upper_hz`` / ``lower_hz``.
        narrow: whether the search reached its final width.
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
    """The result of a search for the knee.

    Attributes:
        per_core_hz: ``rate_hz`` per CPU that instances could use.
        lower_per_core_hz: ``lower_hz`` per CPU.
        upper_per_core_hz: ``upper_hz`` per CPU.
        interrupted: whether the search was cut short.
        between_hz: the two rates that the search began with.
        loads: the complete record of each load of the search.
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
    """The result of an objective for a load.

    Attributes:
        limit_s: the objective's limit.
        value_s: the statistic of the response time; null if it is beyond the time-out.
        met: whether launches prove at 95 % confidence that it is met (true) or not (false); null if neither.
        launches: launches in the window that completed, timed out, were unfinished or dropped.
        beyond: the largest number of them that can have taken longer than the limit.
        launches_needed: the number of launches that would prove it met, with no more of them beyond.
        interval: for a search, the interval of rates up to which the objective is met.
    """

    limit_s: Number
    value_s: Number | None
    met: bool | None
    launches: Count
    launches_needed: Count
    beyond: Count | None = None
    interval: Interval | None = None


class PreciseFigure(Part, kw_only=True):
    """How precisely the trials know a figure.

    Attributes:
        metric: the figure, in the unit that it has elsewhere.
        asked_percent: the largest half of its 95 % interval that was asked for, in per cent of the figure.
        half_width_percent: the larger half of the interval; null of fewer than six trials.
        estimate: the figure's typical value: the median of the averages of all pairs of trials.
        low: the lower end of the interval.
        high: the upper end.
        reached: whether the interval is as narrow as asked.
    """

    metric: str
    asked_percent: Positive
    half_width_percent: Number | None
    estimate: Number | None
    low: Number | None
    high: Number | None
    reached: bool


class Spread(Part, kw_only=True):
    """The spread of the trials in one figure, in the figure's unit.

    Attributes:
        n: the number of trials that have the figure.
        min: the smallest value.
        max: the largest value.
        stddev: the standard deviation, with n - 1.
        cv: the standard deviation divided by the mean.
    """

    n: Count | None
    min: Number | None
    max: Number | None
    stddev: Number | None
    cv: Number | None


class Spreads(Part, kw_only=True):
    """The spread of the trials.

    Attributes:
        throughput_hz: the spread of the throughput.
        p50: the spread of the median response time, in seconds.
        p99: the spread of the 99 % quantile of the response time, in seconds.
    """

    throughput_hz: Spread
    p50: Spread
    p99: Spread


class LoadSchema(Part, kw_only=True):
    """A load; seconds, hertz, bytes; null is unknown.

    Attributes:
        schema: the version of the record's layout.
        target: the variant's name: ``linux_vm[kvm]``.
        fixture: the target's name without the variant.
        variant: every parameter that differs from the target's default.
        ready: the event that counts as ready.
        mode: ``sweep`` for launches on a schedule; ``cold`` for launches one after the other.
        arrivals: ``fixed`` or ``poisson``; null in a cold start.
        seeds: the seed of each trial's arrivals.
        versions: the versions of QEMU, accelerator, kernel ... that were really used.
        time_step_s: the spacing of scheduled launches.
        offered_rate_hz: launches asked for per second.
        achieved_rate_hz: starts in the windows, per second.
        throughput_hz: successful completions in the windows, per second.
        throughput_per_core_hz: ``throughput_hz`` per CPU of affinity and cgroup quota.
        warmup_s: the longest warm-up of a trial.
        window_s: the mean length of the trials' windows as measured: at fixed arrivals whole time steps.
        trials: the number of windows that were measured.
        per_trial: the figures of each trial.
        scheduled: launches that were due in the windows (the cohort).
        started: launches of the cohort that were started.
        completed: launches of the cohort that completed.
        dropped: launches of the cohort that a guard prevented.
        unfinished: launches of the cohort that were alive when the load ended.
        failed: launches of the cohort that failed, by reason.
        failures: the first failures of each trial.
        verdict: ``ok``, ``generator-bound``, ``saturated`` or ``failing``: the verdict of most trials.
        verdict_reason: the reason of the verdict; empty for ok.
        interrupted: whether the load was cut short.
        in_flight_max: the largest number of instances alive at once in a window.
        timeout_s: the limit of one launch.
        response_time_s: from the instant at which a launch was due to the instant at which it was ready.
        service_time_s: from the start of a launch to the instant at which it was ready.
        lateness_s: from the instant at which a launch was due to its start.
        distribution: the histograms of response time, service time and lateness.
        intervals_s: times between two declared events, by ``A->B``.
        phases_s: times between two declared events, by the phase's name.
        partition: the mean service time, divided into phases that do not overlap; null without any.
        over_time: the course of the worst trial over its seconds; null for cold starts.
        neighbours_s: times between consecutive events of a log, by ``A->B``.
        stamps: defects of the stamps in such a log.
        instance: the resources that an instance used.
        generator: the costs and the precision of the generator.
        host: the state of the host during the load.
        guards: the limits on launches, and the launches that they prevented.
        settings: the requested settings.
        knee: the result of a search; the record itself then describes the fastest ok load.
        slo: the results of the objectives, by statistic.
        spread: the spread of the trials.
        quiescence: the waits for a quiet host; null if there were none.
        series: the test's node id without the time step; null in cold mode.
        first_attempt: the record of the first attempt, if the step was repeated; other keys are the second's.
        run: the run that measured it: its command line, and the plugin's version.
        hosts: the hosts that made the launches together; records of one host lack this key.
        knees: the knees of all hosts together and of each; records of one host lack this key.
        precision: how precisely a figure is known; only where that was asked for.
        source: the origin of an imported record; other records lack this key.
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
    partition: Partition | None = None
    over_time: OverTime | None = None
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
    series: str | None = None
    first_attempt: Sweep | None = None
    run: Origin | None = None
    hosts: list[FleetHost] | None = None
    knees: Knees | None = None
    precision: PreciseFigure | None = None
    source: Source | None = None


class Sweep(LoadSchema, kw_only=True):
    """A load at a time step."""

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
