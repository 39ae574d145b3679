"""One benchmark in one of the two runs: its record, and a row per trial. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from pytest_unikernel.plan.statistics import QUANTILES
from pytest_unikernel.results.comparable import COMPARED_TAIL, differences
from pytest_unikernel.results.comparison import FAILURES, LATENCIES, RATE
from pytest_unikernel.results.knee import cores_of, verdict_of
from pytest_unikernel.results.record import Record
from pytest_unikernel.results.summary import enough

OK = "ok"
METRICS = (RATE, *LATENCIES, FAILURES)


@dataclass(frozen=True)
class Side:
    """A benchmark in one run, or in several that were made in turn with those of the other side.

    Attributes:
        records: of one run each; all measured under the same conditions.
    """

    fullname: str
    records: Sequence[Record]

    @property
    def load(self) -> Record:
        """The first record: what is the same in all of them."""
        return self.records[0]

    @property
    def imported(self) -> bool:
        """Whether other programs have measured it, which give no verdict."""
        return bool(self.load.get("source"))

    @property
    def rows(self) -> list[Record]:
        """A row per trial, in the order in which they were run."""
        return [row for record in self.records for row in record.get("per_trial") or ()]

    @property
    def verdict(self) -> str:
        """The verdict of most trials; of one record its own."""
        verdicts = [verdict_of(record) for record in self.records]
        return max(verdicts, key=lambda each: (verdicts.count(each), each != "ok"))

    def values(self, metric: str) -> list[float | None]:
        """Return a metric's value in each trial."""
        if metric == RATE:
            return [row.get("throughput_hz") for row in self.rows]
        if metric == OK:
            return [float(row.get("verdict") == "ok") for row in self.rows]
        return [row.get(metric) for row in self.rows]

    @property
    def spawns_s(self) -> list[float | None]:
        """What the generator's start of a process took in each trial, the median; unknown in old records."""
        return [spawn_s for record in self.records for spawn_s in _spawns_s(record)]

    def typical(self, metric: str) -> float | None:
        """Return a metric of the pooled trials; of several runs the median of the trials'."""
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
        """The record as tables show it: with the figures of all runs."""
        if len(self.records) == 1:
            return self.load
        counts = [record["response_time_s"] for record in self.records]
        totals = {key: sum(each[key] or 0 for each in counts) for key in ("n", "censored")}
        quantiles = {name: self.typical(name) for name in LATENCIES}
        response = {**self.load["response_time_s"], **totals, **quantiles}
        return {**self.load, "throughput_hz": self.typical(RATE), "response_time_s": response}

    def carries(self, quantile: str) -> bool:
        """Whether there were enough launches to compare this quantile."""
        counts = [record["response_time_s"] for record in self.records]
        return enough(
            sum((each["n"] or 0) + (each["censored"] or 0) for each in counts),
            QUANTILES[quantile],
            COMPARED_TAIL,
        )

    @property
    def others_percent(self) -> float | None:
        """How much of the host's CPU time went to what is neither the load's nor the generator's."""
        known = [share for record in self.records if (share := others_percent(record)) is not None]
        return fmean(known) if known else None


def _spawns_s(load: Record) -> list[float | None]:
    rows = load.get("per_trial") or []
    if len(rows) == 1:
        return [rows[0].get("spawn_s") or (load.get("generator") or {}).get("spawn_s")]
    return [row.get("spawn_s") for row in rows]


def failure_rate(load: Record) -> float | None:
    """Return the share of the cohort that didn't complete."""
    due, done = load.get("scheduled"), load.get("completed")
    return None if not due or done is None else 1 - done / due


def others_percent(load: Record) -> float | None:
    """Return how much of all CPU time others had during a load; None where that isn't known.

    What an engine does for the target, as a daemon or when it removes what is left, is seen as the work of
    others: then nothing is known.
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
    """Return what some runs hold together, by full name.

    A benchmark is taken of those runs only in which it was measured as in the first; one that was
    interrupted counts as not run.
    """
    found: dict[str, list[Record]] = {}
    for run in runs:
        for fullname, record in run.items():
            known = found.setdefault(fullname, [])
            if not record.get("interrupted") and not (known and differences(record, known[0])):
                known.append(record)
    return {fullname: Side(fullname, records) for fullname, records in found.items() if records}


def interrupted(runs: Iterable[Mapping[str, Record]]) -> set[str]:
    """Return the full names of what was cut short."""
    return {name for run in runs for name, record in run.items() if record.get("interrupted")}


def searched(side: Side) -> dict[float, Side]:
    """Return the loads of a search for the knee by their time steps; of several runs' searches none.

    The steps that runs try depend on what they find, so that they can't be added up.
    """
    loads = [load for record in side.records for load in (record.get("knee") or {}).get("loads") or ()]
    if len(side.records) > 1:
        return {}
    return {load["time_step_s"]: Side(side.fullname, [load]) for load in loads if not load.get("interrupted")}
