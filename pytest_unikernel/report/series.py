"""Loads in order: each target's, from the slowest time step to the fastest. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any, Literal

from pytest_unikernel.report.load import ReportedLoad, clean
from pytest_unikernel.results.comparison import Comparison
from pytest_unikernel.results.knee import Knee, cores_of, find_knee

Run = Literal["current", "baseline"]
CLOSE = 1 + 1e-9  # rates with a smaller ratio count as equal


@dataclass(frozen=True)
class Document:
    """A file of results, or one pytest run.

    Attributes:
        label: the file's name in the report.
        when: the date in the file; empty if there is none.
        machine: pytest-benchmark's ``machine_info``.
        damages: the damaged values in its records, which count as unknown.
    """

    label: str
    loads: Sequence[ReportedLoad]
    when: str = ""
    machine: Mapping[str, Any] = field(default_factory=dict)
    damages: Sequence[str] = ()


@dataclass(frozen=True)
class ReportedSeries:
    """The sweep of one target, or its cold start as a series of one load.

    Attributes:
        label: the target's name, with its file or test if other series have the same name.
        loads: the loads, slow to fast.
    """

    label: str
    run: Run
    source: str
    loads: Sequence[ReportedLoad]

    @property
    def knee(self) -> Knee | None:
        """The knee; None if no step has a verdict, as in imported figures."""
        rows = self._judged()
        return find_knee(rows) if rows else None

    @property
    def cores(self) -> float | None:
        """The number of CPUs that the throughput per core refers to."""
        rates = ("throughput_hz", "throughput_per_core_hz")
        return cores_of(each.record for each in self.loads if all(each.positive(key) for key in rates))

    def _judged(self) -> list[Mapping[str, Any]]:
        return [each.record for each in self.loads if each.verdict and each.positive("offered_rate_hz")]

    def fastest_ok(self) -> ReportedLoad | None:
        """Return the load at the knee, or the fastest load that is known to be below it."""
        knee = self.knee
        if knee is not None and knee.searched is not None:
            return next(each for each in self.loads if each.record.get("knee") is knee.searched)
        rate_hz = 0.0 if knee is None else knee.fastest_ok_hz or 0.0
        below = [each for each in self.loads if (each.positive("offered_rate_hz") or inf) <= rate_hz * CLOSE]
        return max(below, key=lambda each: each.positive("offered_rate_hz") or 0.0, default=None)

    def knee_load(self) -> ReportedLoad | None:
        """Return the load at the knee; None if the knee is unknown because no faster rate was run."""
        knee = self.knee
        return self.fastest_ok() if knee is not None and knee.first_not_ok_hz is not None else None


@dataclass(frozen=True)
class Results:
    """All results that a report shows.

    Attributes:
        comparison: the judged changes from the baseline to the current run.
    """

    current: Sequence[Document]
    baseline: Sequence[Document] = ()
    comparison: Comparison | None = None

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "sweeps", [*self._of("current", cold=False), *self._of("baseline", cold=False)]
        )
        object.__setattr__(self, "colds", [*self._of("current", cold=True), *self._of("baseline", cold=True)])

    sweeps: list[ReportedSeries] = field(init=False)
    colds: list[ReportedSeries] = field(init=False)

    def _of(self, run: Run, *, cold: bool) -> Iterator[ReportedSeries]:
        documents = self.current if run == "current" else self.baseline
        return labelled(documents, run, cold=cold)

    @property
    def labels(self) -> list[str]:
        """Every label once, in the order of the colours: sweeps first, the current run first."""
        return list(dict.fromkeys(each.label for each in (*self.sweeps, *self.colds)))

    @property
    def documents(self) -> list[tuple[Run, Document]]:
        """All documents, each with its run."""
        return [
            *(("current", each) for each in self.current),
            *(("baseline", each) for each in self.baseline),
        ]

    @property
    def compared(self) -> bool:
        """Whether there is a baseline."""
        return any(each.run == "baseline" for each in (*self.sweeps, *self.colds))

    def only_baseline(self, series: ReportedSeries) -> bool:
        """Return whether a series of the baseline has none of the current run beside it."""
        among = self.colds if series.loads[0].is_cold else self.sweeps
        return series.run == "baseline" and all(
            each.run == "baseline" for each in among if each.label == series.label
        )

    def baseline_of(self, series: ReportedSeries) -> ReportedSeries | None:
        """Return the baseline's series with the same label."""
        among = self.colds if series.loads[0].is_cold else self.sweeps
        return next((each for each in among if each.run == "baseline" and each.label == series.label), None)


def labelled(documents: Sequence[Document], run: Run, *, cold: bool) -> Iterator[ReportedSeries]:
    """Yield the sweeps or the cold starts of a run, each with a unique label."""
    groups: dict[tuple[int, str, str], list[ReportedLoad]] = defaultdict(list)
    for number, document in enumerate(documents):
        for load in document.loads:
            if load.is_cold is cold and (cold or load.step_s):
                groups[number, load.target, load.series].append(load)
    taken: set[str] = set()
    for (number, target, series), loads in groups.items():
        name = _full_name(groups, (number, target, series), documents[number].label)
        label = next(each for each in _numbered(name) if each not in taken)
        taken.add(label)
        ordered = sorted(_each_once(loads), key=lambda load: -(load.step_s or 0.0))
        yield ReportedSeries(label, run, documents[number].label, ordered)


def _each_once(loads: Sequence[ReportedLoad]) -> list[ReportedLoad]:
    """Return each load of a series once, including loads that only a search's record holds.

    A search's record repeats its fastest ok load and adds the ``knee``; it takes the place of that load.
    """
    found = [load for load in loads if not load.record.get("knee")]
    for search in (load for load in loads if load.record.get("knee")):
        held = [
            ReportedLoad(search.fullname, search.series, record, is_search=True)
            for record in search.record["knee"]["loads"]
        ]
        found += [load for load in held if not any(_is_same(load, each) for each in found)]
        place = next((at for at, load in enumerate(found) if _is_same(load, search)), None)
        if place is None:
            found.append(replace(search, is_search=True))
        else:
            about = {key: search.record.get(key) for key in ("knee", "slo")}
            found[place] = replace(found[place], record={**found[place].record, **about})
    return found


def _is_same(one: ReportedLoad, other: ReportedLoad) -> bool:
    """Return whether two records describe the same load."""
    keys = ("time_step_s", "scheduled", "per_trial", "response_time_s")
    return all(one.record.get(key) == other.record.get(key) for key in keys)


def _full_name(groups: Iterable[tuple[int, str, str]], key: tuple[int, str, str], source: str) -> str:
    """Return the target's name, with its file and its test if other series have the same name."""
    number, target, series = key
    alike = [each for each in groups if each[1] == target]
    more = [source] if len({each[0] for each in alike}) > 1 else []
    if sum(each[0] == number for each in alike) > 1:
        more.append(series.rpartition("::")[2])
    return clean(f"{target} ({', '.join(more)})") if more else target


def _numbered(name: str) -> Iterator[str]:
    yield name
    number = 2
    while True:
        yield f"{name} #{number}"
        number += 1
