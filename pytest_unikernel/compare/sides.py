"""A benchmark in one of the two runs: its record, and a row per trial. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from pytest_unikernel.plan.statistics import QUANTILES
from pytest_unikernel.results.comparable import COMPARED_TAIL, differences
from pytest_unikernel.results.comparison import FAILURES, LATENCIES, RATE
from pytest_unikernel.results.knee import cores_of, verdict_of, verdict_on
from pytest_unikernel.results.record import Record
from pytest_unikernel.results.summary import enough

OK = "ok"
METRICS = (RATE, *LATENCIES, FAILURES)


@dataclass(frozen=True)
class Side:
    """A benchmark in one run, or in several runs that were made in turn with those of the other side.

    Attributes:
        records: a record per run; all measured under the same conditions.
    """

    fullname: str
    records: Sequence[Record]

    @property
    def load(self) -> Record:
        """The first record, for the values that all records share."""
        return self.records[0]

    @property
    def imported(self) -> bool:
        """Whether other programs measured the benchmark; they give no verdict."""
        return bool(self.load.get("source"))

    @property
    def rows(self) -> list[Record]:
        """A row per trial, in the order in which they were run."""
        return [row for record in self.records for row in record.get("per_trial") or ()]

    @property
    def verdict(self) -> str:
        """The most frequent verdict of the records; a tie goes to a verdict other than ok."""
        verdicts = [verdict_of(record) for record in self.records]
        return max(verdicts, key=lambda each: (verdicts.count(each), each != "ok"))

    def values(self, metric: str) -> list[float | None]:
        """Return a metric's value in each trial."""
        if metric == RATE:
            return [row.get("throughput_hz") for row in self.rows]
        if metric == OK:
            return [float(verdict_on(row.get("verdict"), row.get("completed")) == OK) for row in self.rows]
        return [row.get(metric) for row in self.rows]

    @property
    def spawns_s(self) -> list[float | None]:
        """The median spawn time of the generator in each trial; unknown in old records."""
        return [spawn_s for record in self.records for spawn_s in _spawns_s(record)]

    @property
    def speeds(self) -> list[float] | None:
        """The logarithm of what a start of a process took in each trial; None unless all know it."""
        known = self.spawns_s
        return [math.log(spawn_s) for spawn_s in known if spawn_s] if known and all(known) else None

    def typical(self, metric: str) -> float | None:
        """Return a metric of the pooled trials; of several runs, the median over their trials."""
        if len(self.records) > 1:
            known = [value for value in self.values(metric) if value is not None]
            return median(known) if known else None
        if metric == RATE:
            return self.load.get("throughput_hz")
        if metric == FAILURES:
            return failure_rate(self.load)
        found: float | None = self.load["response_time_s"].get(metric)
        return found

    @property
    def shown(self) -> Record:
        """The record for tables, with the figures of all runs."""
        if len(self.records) == 1:
            return self.load
        counts = [record["response_time_s"] for record in self.records]
        totals = {key: sum(each[key] or 0 for each in counts) for key in ("n", "censored")}
        quantiles = {name: self.typical(name) for name in LATENCIES}
        response = {**self.load["response_time_s"], **totals, **quantiles}
        return {**self.load, "throughput_hz": self.typical(RATE), "response_time_s": response}

    def carries(self, quantile: str) -> bool:
        """Return whether there were enough launches to compare this quantile."""
        counts = [record["response_time_s"] for record in self.records]
        return enough(
            sum((each["n"] or 0) + (each["censored"] or 0) for each in counts),
            QUANTILES[quantile],
            COMPARED_TAIL,
        )

    @property
    def others_percent(self) -> float | None:
        """The share of the host's CPU time that neither the load nor the generator used, in per cent."""
        known = [share for record in self.records if (share := others_percent(record)) is not None]
        return fmean(known) if known else None


def slowdown(was: Side, now: Side) -> float | None:
    """Return the change of the time to start a process, on a logarithmic scale; None if unknown."""
    old, new = was.speeds, now.speeds
    return median(new) - median(old) if old and new else None


def _spawns_s(load: Record) -> list[float | None]:
    rows = load.get("per_trial") or []
    if len(rows) == 1:
        return [rows[0].get("spawn_s") or (load.get("generator") or {}).get("spawn_s")]
    return [row.get("spawn_s") for row in rows]


def failure_rate(load: Record) -> float | None:
    """Return the share of the cohort that did not complete."""
    due, done = load.get("scheduled"), load.get("completed")
    return None if not due or done is None else 1 - done / due


def others_percent(load: Record) -> float | None:
    """Return the CPU time of others during a load, in per cent of all CPU time; None if unknown.

    An engine's work for the target (its daemon, the removal of containers) can't be separated from other
    work; then the result is None.
    """
    host, instance, generator = (load.get(key) or {} for key in ("host", "instance", "generator"))
    busy = host.get("cpu_percent")
    parts_s = [instance.get("user_s"), instance.get("system_s"), generator.get("cpu_s_per_launch")]
    own_s = [part_s for part_s in parts_s if part_s is not None]
    rate_hz, cpus = load.get("achieved_rate_hz"), host.get("cpu_count") or cores_of([load])
    engine = host.get("container_daemons_needed") or "removal" in (load.get("phases_s") or {})
    if busy is None or engine or len(own_s) < len(parts_s):
        return None
    return max(0.0, float(busy) - 100 * rate_hz * sum(own_s) / cpus) if rate_hz and cpus else None


def sides(runs: Iterable[Mapping[str, Record]]) -> dict[str, Side]:
    """Return the benchmarks of several runs together, by full name.

    A run contributes a benchmark only if it was measured under the same conditions as in the first run.
    Interrupted benchmarks count as not run.
    """
    found: dict[str, list[Record]] = {}
    for run in runs:
        for fullname, record in run.items():
            known = found.setdefault(fullname, [])
            if not record.get("interrupted") and not (known and differences(record, known[0])):
                known.append(record)
    return {fullname: Side(fullname, records) for fullname, records in found.items() if records}


def interrupted(runs: Iterable[Mapping[str, Record]]) -> set[str]:
    """Return the full names of interrupted benchmarks."""
    return {name for run in runs for name, record in run.items() if record.get("interrupted")}


def searched(side: Side) -> dict[float, Side]:
    """Return the loads of a search for the knee by time step; of several runs' searches none.

    The steps of a search depend on its results, so searches of several runs can't be combined.
    """
    loads = [load for record in side.records for load in (record.get("knee") or {}).get("loads") or ()]
    if len(side.records) > 1:
        return {}
    return {load["time_step_s"]: Side(side.fullname, [load]) for load in loads if not load.get("interrupted")}
