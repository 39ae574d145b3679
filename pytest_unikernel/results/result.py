"""The result of a load: attributes for tests, JSON for pytest-benchmark.

The JSON's history, by ``schema``:

1   the first.
2   ``per_trial`` gained the keys that comparisons need: ``p90``, ``scheduled``, ``completed``,
    ``censored``, ``failure_rate``, ``spawn_s``; ``host`` gained ``cpu_count``, the base of
    ``cpu_percent``. New: ``knee``, ``slo``, ``spread``, ``quiescence``; later ``partition``, ``over_time``
    and ``run``.
3   only of loads that several hosts made: ``hosts``, a row each, and ``knees``; ``offered_rate_hz`` is then
    the rate of them all. Records of one host still are of layout 2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pytest_unikernel.results.summary import Summary
from pytest_unikernel.results.verdict import Verdict

SCHEMA = 2
SCHEMA_OF_HOSTS = 3

JsonDict = dict[str, Any]


@dataclass(frozen=True)
class Surroundings:
    """The facts about a load besides its launches; see :class:`LoadResult` for the names.

    Attributes:
        verdict_reason: the reason in words; ``text/`` makes them.
    """

    mode: Literal["sweep", "cold"]
    time_step_s: float | None
    arrivals: str | None
    seeds: Sequence[int | None]
    warmup_s: float
    cores: float
    timeout_s: float
    versions: Mapping[str, str]
    generator: Mapping[str, float | bool | None]
    host: Mapping[str, Any]
    guards: Mapping[str, Any]
    settings: Mapping[str, Any] = field(default_factory=dict)
    verdict_reason: str = ""
    interrupted: bool = False
    own_rss_kib: int = 0
    quiescence: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class LoadResult:
    """A load: the same names as in ``extra_info["load"]``; seconds, hertz, bytes, None for unknown.

    Quantities such as ``response_time_s`` have ``n``, ``censored``, ``min``, ``mean``, ``max``, ``stddev``,
    ``p50``, ``p90``, ``p95``, ``p99`` and ``p99_9`` as attributes, also ``["p99.9"]``.

    Attributes:
        schema: the version of this layout.
        target: the variant's name: ``"rust_kernel[kvm]"``.
        fixture: the target's name: ``"rust_kernel"``.
        variant: every changed parameter, with its value.
        ready: the event that counts as ready: ``"exit"``, ``"line b'…'"`` …
        mode: ``"sweep"`` or ``"cold"``.
        arrivals: ``"fixed"`` or ``"poisson"``; null in cold mode.
        seeds: the seed of each trial's Poisson arrivals; empty for fixed ones.
        versions: the versions of QEMU, accelerator, kernel, engine … that were really used.
        time_step_s: the spacing of scheduled launches; null in cold mode.
        offered_rate_hz: 1 / ``time_step_s``; null in cold mode.
        achieved_rate_hz: starts in the window (of any launch) ÷ window; null in cold mode.
        throughput_hz: successful completions in the window ÷ window; null in cold mode.
        throughput_per_core_hz: ``throughput_hz`` ÷ the CPUs of affinity and cgroup quota.
        warmup_s: the longest warm-up of a trial.
        window_s: the length of one trial's window as measured: at fixed arrivals whole time steps.
            ``settings`` has the requested length.
        trials: the number of windows measured.
        per_trial: for each trial ``throughput_hz``, ``achieved_rate_hz``, ``p50``, ``p90`` and ``p99`` of the
            response time, ``verdict``, ``scheduled``, ``completed``, ``censored``, ``failure_rate``, and
            ``spawn_s``, the median time in which a process was started.
        scheduled: launches of the cohort: completed + failed + unfinished + dropped.
        started: launches of the cohort that were started: scheduled - dropped.
        completed: launches of the cohort that succeeded.
        dropped: launches of the cohort that ``max_in_flight`` or a guard refused.
        unfinished: launches of the cohort still alive when the drain time-out or the session ended.
        failed: failed launches of the cohort by reason; only reasons that occurred.
        failures: the first failures of each trial: ``trial``, ``launch``, ``reason``, ``status``,
            ``output_tail``.
        verdict: ``"ok"``, ``"saturated"``, ``"generator-bound"`` or ``"failing"``.
        verdict_reason: the figures that led to a verdict other than ok; empty for ok.
        interrupted: the load was cut short, by Ctrl-C for example.
        in_flight_max: the largest number of instances alive at once.
        timeout_s: the limit of one launch.
        response_time_s: ready - scheduled; pytest-benchmark's ``stats`` hold these values.
        service_time_s: ready - started.
        lateness_s: started - scheduled; null in cold mode.
        distribution: the three quantities above as logarithmic buckets 2 % apart: ``scheme``, ``base``,
            ``unit_s``, ``censored``, and a list of [bucket, count] each; merged by adding counts.
        intervals_s: ``"A->B"``: the time between two declared events, where the target has any.
        phases_s: the time between two events by its name: ``"network"``.
        partition: the mean service time, divided into phases that do not overlap; null where the target
            declares none. ``n`` completed launches have every event of it, in order; ``left_out`` is the
            number of the other completed ones. ``service_time_s`` is the mean of those n, and the sum of
            ``other_s`` and of each phase's ``before_ready_s``. ``phases``, in order, have ``name``,
            ``before_ready_s`` and ``after_ready_s``.
        over_time: the course of the worst trial (the largest share of launches that did not complete; of
            equal ones the longest mean response time) from its first launch, in at most 100 equal bins:
            ``trial``, ``begin_s`` of the first bin, counted from the window's beginning, ``bin_s``,
            ``window_s``, and a list each: ``started``, ``completed`` and ``failed`` (or dropped) launches,
            ``in_flight_max``, and of the launches due in the bin ``lateness_p50_s``, ``lateness_max_s``,
            ``response_p50_s``, ``response_max_s``; null in cold mode.
        neighbours_s: ``"A->B"``: the time between two consecutive events.
        stamps: for events read from a log: the numbers of launches that lack an event of an interval
            (``missing``) or have its events in the wrong order (``out_of_order``), by interval; the number
            of stamps ``of_others``; the number of ``foreign`` lines, that is, lines that are no stamps.
        instance: the mean CPU time of one instance, ``user_s`` and ``system_s``, and the largest resident
            set, ``max_rss_bytes`` (null unless above the generator's own).
        generator: the error bounds of the measurement. ``cpu_s_per_launch`` is the CPU time of pytest's own
            process; ``spawn_s``, ``spawn_p99_s``, ``spawn_max_s`` are posix_spawn's duration;
            ``loop_turn_s``, ``loop_turn_p99_s``, ``loop_turn_max_s`` bound the error of a stamp;
            ``ready_resolution_s`` is the longest time for which a launch can have been ready before a probe
            saw it (99 % quantile), null where nothing was probed;
            ``realtime`` is whether it had real-time priority, ``realtime_refused`` whether the host refused.
        host: the host during the load: ``cpu_percent``, ``steal_percent``,
            ``memory_available_begin_bytes``, ``memory_available_min_bytes``, ``load1_max``,
            ``processes_max``, pressure in per cent (``psi_cpu``, ``psi_memory``, ``psi_io``), ``cpu_count``,
            ``swapped_bytes``, ``governors``, ``container_daemons`` that ran,
            ``container_daemons_needed`` by the target, and ``busy_before_percent``, the CPU time that others
            used just before.
        guards: ``max_in_flight`` and its origin (``max_in_flight_from``); ``dropped`` launches by guard.
        settings: the requested settings, and ``argv``.
        knee: for a search for the knee, else null: ``rate_hz``, the number to quote, with its interval
            ``lower_hz`` to ``upper_hz`` and their ``ratio``; ``per_core_hz``, ``lower_per_core_hz`` and
            ``upper_per_core_hz``; ``lower_bound``, true if the upper end says nothing about the target;
            ``narrow``, true if the search reached its final width; ``upper_verdict``, ``upper_reason``,
            ``interrupted``; and ``loads``, the complete record of each load of the search.
        slo: for each objective ``limit_s``, ``value_s``, ``met`` (null: the launches prove neither),
            ``launches``, those ``beyond`` the limit, and ``launches_needed`` to prove it met; for a search
            also its ``interval``.
        series: the test's node id without the time step; null in cold mode.
        spread: between trials, for ``throughput_hz``, ``p50`` and ``p99``: ``n``, ``min``, ``max``,
            ``stddev``, ``cv``.
        quiescence: the waits for a quiet host before the load's trials: ``waits``, ``waited_s``, ``bound_s``,
            ``bound_hit``, and the ``reasons``; null if there were none.
        first_attempt: the complete record of the first attempt, if the step was repeated because one or two
            late launches of fewer than 200 had made it generator-bound. All other keys are the second's.
        run: the run that measured it: its ``command_line``, and the ``plugin_version``.
        hosts: for a load that several hosts made (``--sweep-hosts``), a row for each: its ``name``, ``cpus``,
            ``versions``, ``clock_error_s``, ``window_skew_s``, counts, times and ``verdict``, and why it was
            ``lost``. The record of one host lacks this key.
        knees: for such a load, the knee of the ``fleet`` and that of each of ``hosts``, by the series' loads
            up to this one: ``fastest_ok_hz``, ``first_not_ok_hz``, their time steps,
            ``verdict_of_first_not_ok`` and ``lower_bound``. The last load of a series has them whole.
        precision: for ``--sweep-precision``, the ``metric``, ``asked_percent``, the 95 % interval from
            ``low`` to ``high`` around the ``estimate`` (null of fewer than six trials), its larger
            ``half_width_percent``, and whether that is ``reached``. Other records lack this key.
        responses_s: the cohort's completed response times, for pytest-benchmark; not part of the record.
    """

    schema: int
    target: str
    fixture: str
    variant: Mapping[str, Any]
    ready: str
    mode: Literal["sweep", "cold"]
    arrivals: str | None
    seeds: Sequence[int | None]
    versions: Mapping[str, str]
    time_step_s: float | None
    offered_rate_hz: float | None
    achieved_rate_hz: float | None
    throughput_hz: float | None
    throughput_per_core_hz: float | None
    warmup_s: float
    window_s: float
    trials: int
    per_trial: Sequence[Mapping[str, Any]]
    scheduled: int
    started: int
    completed: int
    dropped: int
    unfinished: int
    failed: Mapping[str, int]
    failures: Sequence[Mapping[str, Any]]
    verdict: Verdict
    verdict_reason: str
    interrupted: bool
    in_flight_max: int
    timeout_s: float
    response_time_s: Summary
    service_time_s: Summary
    lateness_s: Summary | None
    distribution: Mapping[str, Any]
    intervals_s: Mapping[str, Summary]
    phases_s: Mapping[str, Summary]
    neighbours_s: Mapping[str, Summary]
    stamps: Mapping[str, Any]
    instance: Mapping[str, float | None]
    generator: Mapping[str, float | bool | None]
    host: Mapping[str, Any]
    guards: Mapping[str, Any]
    settings: Mapping[str, Any]
    knee: Mapping[str, Any] | None = None
    slo: Mapping[str, Any] | None = None
    spread: Mapping[str, Mapping[str, float | None]] | None = None
    quiescence: Mapping[str, Any] | None = None
    partition: Mapping[str, Any] | None = None
    over_time: Mapping[str, Any] | None = None
    series: str | None = None
    first_attempt: Mapping[str, Any] | None = None
    run: Mapping[str, Any] | None = None
    hosts: Sequence[Mapping[str, Any]] | None = None
    knees: Mapping[str, Any] | None = None
    precision: Mapping[str, Any] | None = None
    responses_s: Sequence[float] = field(default=(), repr=False)

    def as_json(self) -> JsonDict:
        """Return the record, ready for JSON, without the samples: pytest-benchmark keeps those."""
        left_out = {"responses_s"} if self.hosts is not None else {"responses_s", "hosts", "knees"}
        left_out |= set() if self.precision is not None else {"precision"}
        names = [name for name in LoadResult.__dataclass_fields__ if name not in left_out]
        return {name: plain(getattr(self, name)) for name in names}

    def to_pandas(self) -> Any:
        """Return the single values of the record as a ``DataFrame`` of one row; see ``bench`` for launches.

        Raises:
            LoadError: pandas is not installed.
        """
        from pytest_unikernel.results.flat import data_frame, flat  # noqa: PLC0415 - where it is asked for

        return data_frame([flat(self.as_json())])


def plain(value: Any) -> Any:
    """Return a value as JSON types; values of other types become text."""
    if isinstance(value, Summary):
        return value.as_json()
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(each) for each in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return _text(value)


def _text(value: Any) -> str:
    if isinstance(value, re.Pattern):
        value = value.pattern
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return f"{value.__module__}.{value.__qualname__}" if hasattr(value, "__qualname__") else str(value)
