"""The measured parts of a record, as types, and the kinds of their values."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

LARGEST = 10**15  # largest number of seconds, hertz or bytes: its square can still be summed
SMALLEST = 1e-15  # smallest divisor

Number = Annotated[float, Meta(ge=0, le=LARGEST, title="a number >= 0")]
Positive = Annotated[float, Meta(ge=SMALLEST, le=LARGEST, title="a number > 0")]
Signed = Annotated[float, Meta(ge=-LARGEST, le=LARGEST, title="a number")]
Share = Annotated[float, Meta(ge=0, le=1, title="a share from 0 to 1")]
Count = Annotated[int, Meta(ge=0, le=LARGEST, title="a whole number >= 0")]
Whole = Annotated[int, Meta(title="a whole number")]
Code = Annotated[int, Meta(ge=-LARGEST, le=LARGEST, title="a whole number")]


class Part(Struct, kw_only=True):
    """An object with declared keys; other keys are ignored."""


class Times(Part, rename={"p99_9": "p99.9"}):
    """A quantity of launches, in seconds.

    Attributes:
        n: the number of measured values; ``min``, ``mean``, ``max`` and ``stddev`` cover these.
        censored: the number of further values, known only to be larger; quantiles count them as +inf.
        min: the smallest value.
        mean: the arithmetic mean.
        max: the largest value.
        stddev: the standard deviation, with n - 1.
        p50: the median; null if it falls on a censored value.
        p90: the 90 % quantile (Hyndman and Fan, type 7); null also for too few values.
        p95: the 95 % quantile, likewise.
        p99: the 99 % quantile, likewise.
        p99_9: the 99.9 % quantile, likewise.
    """

    n: Count | None = None
    censored: Count | None = None
    min: Number | None = None
    mean: Number | None = None
    max: Number | None = None
    stddev: Number | None = None
    p50: Number | None = None
    p90: Number | None = None
    p95: Number | None = None
    p99: Number | None = None
    p99_9: Number | None = None


class FleetHost(Part):
    """One of several hosts that made a load's launches together.

    Attributes:
        name: its name in this run.
        cpus: the CPUs that its instances could use.
        versions: the versions of the target's programs there, of the kernel, Python and this package.
        clock_error_s: the bound of the error with which its clock is known; 0 where it is this host's own.
        window_skew_s: the time by which its window began after the agreed instant, the largest of its trials.
        skewed: whether that is more than 10 ms or 5 % of the window.
        scheduled: launches of the cohort that belonged to it.
        started: launches of its that were started.
        completed: launches of its that completed.
        dropped: launches of its that a guard prevented.
        unfinished: launches of its that were alive when the load ended, or were lost with it.
        failed: launches of its that failed, by reason.
        throughput_hz: its successful completions in the windows, per second.
        response_time_s: as in the record, of its launches.
        service_time_s: likewise.
        lateness_s: likewise.
        verdict: the verdict on its launches alone; null if it was lost in every trial.
        verdict_reason: the reason of the verdict.
        interrupted: whether its load was cut short.
        lost: why it was lost in mid-load; empty if it wasn't.
    """

    name: str | None = None
    cpus: Number | None = None
    versions: dict[str, str] | None = None
    clock_error_s: Number | None = None
    window_skew_s: Signed | None = None
    skewed: bool | None = None
    scheduled: Count | None = None
    started: Count | None = None
    completed: Count | None = None
    dropped: Count | None = None
    unfinished: Count | None = None
    failed: dict[str, Count] | None = None
    throughput_hz: Number | None = None
    response_time_s: Times | None = None
    service_time_s: Times | None = None
    lateness_s: Times | None = None
    verdict: str | None = None
    verdict_reason: str | None = None
    interrupted: bool | None = None
    lost: str | None = None


class StepKnee(Part):
    """A knee between two time steps, as far as the series has been run.

    Attributes:
        fastest_ok_hz: the fastest rate that was ok, before the first that was not; null if none was.
        fastest_ok_step_s: the time step of that load; null for a rate that a search narrowed down.
        first_not_ok_hz: the first rate that was not ok; null if every one was.
        first_not_ok_step_s: the time step of that load.
        verdict_of_first_not_ok: the verdict there; ``interrupted`` for a load that was cut short or lost.
        lower_bound: whether more than ``fastest_ok_hz`` may be sustained.
    """

    fastest_ok_hz: Number | None = None
    fastest_ok_step_s: Number | None = None
    first_not_ok_hz: Number | None = None
    first_not_ok_step_s: Number | None = None
    verdict_of_first_not_ok: str | None = None
    lower_bound: bool | None = None


class HostKnee(StepKnee):
    """The knee of one of several hosts, by its own launches; rates are those that it was offered.

    Attributes:
        name: its name in this run.
    """

    name: str | None = None


class Knees(Part):
    """The knees of a series that several hosts run: by its loads up to this one.

    Attributes:
        fleet: the knee of all hosts together; rates are ``offered_rate_hz``, or those of the search.
        hosts: the knee of each host.
    """

    fleet: StepKnee | None = None
    hosts: list[HostKnee] | None = None


class MeanTime(Times, kw_only=True):
    """A quantity of launches, in seconds; at least ``mean`` is present, possibly null."""

    mean: Number | None


class ComparedTimes(MeanTime, kw_only=True):
    """A quantity of launches, in seconds; at least the keys that comparisons need are present."""

    n: Count | None
    censored: Count | None
    min: Number | None
    p50: Number | None
    p90: Number | None
    p99: Number | None


class WholeTimes(ComparedTimes, kw_only=True):
    """A quantity of launches, in seconds, with every key of the current version."""

    n: Count
    censored: Count
    max: Number | None
    stddev: Number | None
    p95: Number | None
    p99_9: Number | None


class Trial(Part):
    """A trial of a load.

    Attributes:
        throughput_hz: successful completions in the window, per second.
        achieved_rate_hz: starts in the window, per second.
        p50: the median response time, in seconds.
        p90: the 90 % quantile of the response time, in seconds.
        p99: the 99 % quantile of the response time, in seconds.
        verdict: the trial's own verdict.
        scheduled: launches that were due in the window (the cohort).
        completed: launches of the cohort that completed.
        censored: launches of the cohort that timed out, did not finish or were dropped.
        failure_rate: the share of the cohort that did not complete.
        spawn_s: the median time in which the generator started a process.
    """

    throughput_hz: Number | None = None
    achieved_rate_hz: Number | None = None
    p50: Number | None = None
    p90: Number | None = None
    p99: Number | None = None
    verdict: str | None = None
    scheduled: Count | None = None
    completed: Count | None = None
    censored: Count | None = None
    failure_rate: Share | None = None
    spawn_s: Number | None = None


class WholeTrial(Trial, kw_only=True):
    """A trial of a load, with every key of the current version."""

    throughput_hz: Number | None
    verdict: str | None


class Failure(Part, kw_only=True):
    """A failed launch whose output was kept.

    Attributes:
        trial: the trial's number, from 0.
        launch: the launch's number in the trial, from 0, in the order of the schedule.
        reason: the reason of the failure, as in ``failed``.
        status: the exit status; negative for a signal; the errno for a ``spawn-error``.
        output_tail: the end of the launch's output.
    """

    trial: Count
    launch: Count
    reason: str
    status: Code
    output_tail: str


class Distribution(Part):
    """Histograms of the pooled launches; they can be merged by adding counts.

    Attributes:
        scheme: ``logarithmic``: bucket i holds base^(i-1) < x <= base^i units.
        base: the ratio of neighbouring bounds.
        unit_s: the unit of the bounds.
        censored: launches known only to have taken longer than any other.
        response_time_s: index and count of each bucket that is not empty.
        service_time_s: likewise, for the service time.
        lateness_s: likewise, for the lateness.
    """

    scheme: str | None = None
    base: Number | None = None
    unit_s: Number | None = None
    censored: Count | None = None
    response_time_s: list[tuple[Code, Count]] | None = None
    service_time_s: list[tuple[Code, Count]] | None = None
    lateness_s: list[tuple[Code, Count]] | None = None


class Stamps(Part):
    """Defects of the stamps in a log; empty where the target has no log.

    Attributes:
        missing: launches without one of the two stamps, by interval or phase.
        out_of_order: launches with the second stamp before the first, by interval or phase.
        of_others: stamps of other instances than ours.
        foreign: lines of the log that are no stamps.
    """

    missing: dict[str, Count] | None = None
    out_of_order: dict[str, Count] | None = None
    of_others: Count | None = None
    foreign: Count | None = None


class PartitionPhase(Part, kw_only=True):
    """A phase of a partition: its mean times, in seconds.

    Attributes:
        name: the phase's name.
        before_ready_s: the part of it before the instance was ready; null for no launch.
        after_ready_s: the part of it from then on.
    """

    name: str
    before_ready_s: Number | None
    after_ready_s: Number | None


class Partition(Part, kw_only=True):
    """The mean service time, taken apart into phases that don't overlap; in seconds.

    Attributes:
        n: completed launches that have every event of the partition, in order: all means are theirs.
        left_out: the other completed launches.
        service_time_s: their mean service time: the sum of the phases before ready, and of ``other_s``.
        other_s: the part of it that belongs to no phase.
        phases: the phases in order.
    """

    n: Count
    left_out: Count
    service_time_s: Number | None
    other_s: Number | None
    phases: list[PartitionPhase]


class OverTime(Part, kw_only=True):
    """The course of the worst trial from its first launch on: 100 equal bins or fewer, each a value per list.

    The worst trial has the largest share of launches that did not complete; of equal ones, the longest mean
    response time. A bin is a whole number of time steps. Bins end with the last exit, or where the time since
    the last launch is as long as the time before it.

    Attributes:
        trial: the trial's number, from 0.
        begin_s: the beginning of the first bin, counted from the beginning of the window: negative.
        bin_s: the length of a bin.
        window_s: the length of the window, which begins at 0.
        started: launches that were started in the bin, in or outside the cohort.
        completed: launches that completed in the bin.
        failed: launches that failed in the bin, or were due in it and dropped.
        in_flight_max: the largest number of instances alive at once in the bin.
        lateness_p50_s: the median lateness of the launches that were due in the bin; null for none.
        lateness_max_s: the largest lateness of these launches.
        response_p50_s: the median response time of these launches; null if most never completed.
        response_max_s: the longest response time of those that completed.
    """

    trial: Count
    begin_s: Signed
    bin_s: Positive
    window_s: Number
    started: list[Count]
    completed: list[Count]
    failed: list[Count]
    in_flight_max: list[Count]
    lateness_p50_s: list[Number | None]
    lateness_max_s: list[Number | None]
    response_p50_s: list[Number | None]
    response_max_s: list[Number | None]
