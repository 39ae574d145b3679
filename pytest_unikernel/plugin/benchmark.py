"""Knows pytest-benchmark, as ``saving.py`` does: recorded durations are replayed through its public API.

``stats`` hold the response times; everything else is in ``extra_info["load"]``. Tried with 5.2 and 5.3.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from pytest_unikernel.plugin.usage_error import SweepUsageError

if TYPE_CHECKING:
    from pytest_unikernel.results.result import LoadResult

PLUGIN = "benchmark"
REPLAY = pytest.StashKey["Replay"]()
BASELINE = pytest.StashKey["BaselineRun"]()
NOTHING = "nothing completed (0 is no figure)"
DELIVERED = pytest.StashKey[list[tuple[str, dict[str, Any]]]]()


class BaselineRun(NamedTuple):
    """The run compared with: its records by full name, when it was, its ``machine_info``."""

    records: dict[str, dict[str, Any]]
    when: str
    machine: Mapping[str, Any]


class Replay:
    """A timer for pytest-benchmark that replays recorded durations.

    It is read before and after each round: the first reading is 0, the second the round's duration.
    """

    __name__ = "unikernel_replay"

    def __init__(self) -> None:
        self._readings: Iterator[float] = iter(())

    def load(self, durations_s: Sequence[float]) -> None:
        """Take the durations of the rounds to come."""
        self._readings = (reading for duration_s in durations_s for reading in (0.0, duration_s))

    def __call__(self) -> float:
        """Return the next reading."""
        for reading in self._readings:
            return reading
        pytest.fail(
            "benchmark: in a test with a load, the fixture gets the durations of the load and can't time "
            "other code; time that code in another test",
            pytrace=False,
        )


class NoStats:
    """The stats of a load in which nothing completed, in place of pytest-benchmark's.

    They are false, so that no table, histogram or comparison of a run shows them. A saved run has to have
    every figure, for ``pytest-benchmark compare`` knows no null: all are 0, after 0 rounds.
    """

    def __init__(self, zeros: Mapping[str, Any]) -> None:
        self.data: list[float] = []
        self._figures = {**zeros, "rounds": 0}

    def __bool__(self) -> bool:
        return False

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["_figures"][name]
        except KeyError:
            raise AttributeError(name) from None

    def as_dict(self) -> dict[str, Any]:
        """Return every figure by its name."""
        return dict(self._figures)


def has_benchmark(config: pytest.Config) -> bool:
    """Return whether pytest-benchmark is installed and active."""
    return config.pluginmanager.hasplugin(PLUGIN)


def prepare(item: pytest.Item) -> None:
    """Put our timer on the item, once, before pytest-benchmark makes its fixture of the item's marks.

    Raises:
        SweepUsageError: the test names a timer of its own.
    """
    if REPLAY in item.stash:
        return
    existing = item.get_closest_marker("benchmark")
    keywords = dict(existing.kwargs) if existing else {}
    if "timer" in keywords:
        raise SweepUsageError(
            "benchmark(timer=...): expected no timer in a test with a load, because pytest-benchmark gets "
            f"recorded durations, got timer={keywords['timer']!r}; remove it (marker on {item.nodeid})"
        )
    replay = item.stash[REPLAY] = Replay()
    item.add_marker(pytest.mark.benchmark(**keywords, timer=replay), append=False)


def deliver(item: pytest.Item, benchmark: Any, result: LoadResult) -> None:
    """Hand a result to pytest-benchmark.

    A load without a completion has no figure: pytest-benchmark's tables leave it out, and in its JSON it is
    in a group of its own, after 0 rounds.
    """
    durations_s = list(result.responses_s)
    item.stash[REPLAY].load(durations_s or [0.0])
    record = benchmark.extra_info["load"] = result.as_json()
    if not durations_s:
        benchmark.group = f"{benchmark.group}: {NOTHING}" if benchmark.group else NOTHING
    benchmark.pedantic(_nothing, setup=_nothing, rounds=len(durations_s) or 1, iterations=1)
    if not durations_s and benchmark.stats is not None:
        benchmark.stats.stats = NoStats(benchmark.stats.stats.as_dict())
    # A copy, because plugins may change the record before it is saved.
    item.config.stash.setdefault(DELIVERED, []).append((item.nodeid, result.as_json()))
    _drop_incomparable(item, record)


def delivered(config: pytest.Config) -> Sequence[tuple[str, Mapping[str, Any]]]:
    """Return the name and the record of every load that pytest-benchmark was given."""
    return config.stash.get(DELIVERED, [])


def _drop_incomparable(item: pytest.Item, record: dict[str, Any]) -> None:
    """Take away baselines that were measured otherwise: pytest-benchmark goes by names alone."""
    from pytest_unikernel.results.comparable import differences  # noqa: PLC0415 - loads only, not collection

    session = getattr(item.config, "_benchmarksession", None)
    for known in (getattr(session, "compared_mapping", None) or {}).values():
        was = _record(known.get(item.nodeid, {}))
        if was is not None and (record["interrupted"] or differences(record, was) or _has_no_latency(was)):
            del known[item.nodeid]


def _has_no_latency(record: dict[str, Any]) -> bool:
    """Return whether a record has no latency: nothing completed, or none was published."""
    return record["service_time_s"]["mean"] is None


def _nothing() -> None:
    """The function that is "timed" in a replay."""


def pass_by(benchmark: Any) -> None:
    """Use the fixture up without a record, or pytest-benchmark would warn that it was never used.

    The test may have used it up itself.
    """
    from pytest_benchmark.fixture import FixtureAlreadyUsed  # noqa: PLC0415 - tests that fail only

    benchmark.disabled = True
    with contextlib.suppress(FixtureAlreadyUsed):
        benchmark.pedantic(_nothing)


def is_disabled(benchmark: Any) -> bool:
    """Return whether ``--benchmark-disable`` asks for one launch instead of a measurement."""
    return not benchmark.enabled


def add_machine_info(machine_info: dict[str, Any]) -> None:
    """Add our facts; the same at every call, so that pytest-benchmark sees no difference."""
    from pytest_unikernel.host import facts  # noqa: PLC0415 - only saved and compared runs need it

    machine_info["unikernel"] = facts.facts()


def read_baseline(config: pytest.Config, compared: dict[str, Any]) -> None:
    """Keep the records of the run compared with.

    Interrupted records are left out: they are no baseline. Malformed ones are left out too, with a warning.
    """
    from pytest_unikernel.results import saved_file  # noqa: PLC0415 - compared runs only

    compared["benchmarks"] = [each for each in compared["benchmarks"] if _is_baseline(config, each)]
    run = BaselineRun({}, str(compared.get("datetime") or ""), saved_file.machine_info(compared))
    known = config.stash.setdefault(BASELINE, run).records
    for each in compared["benchmarks"]:
        record = _record(each)
        if record is not None:
            known[each["fullname"]] = record


def _record(saved: dict[str, Any]) -> Any:
    extra = saved.get("extra_info")
    return extra.get("load") if isinstance(extra, dict) else extra


def _is_baseline(config: pytest.Config, saved: Any) -> bool:
    name, record = (saved.get("fullname"), _record(saved)) if isinstance(saved, dict) else (None, saved)
    wrong = _malformed(name, record)
    if wrong:
        text = f"--benchmark-compare: {name}: not compared, because its saved record is malformed: {wrong}"
        config.issue_config_time_warning(pytest.PytestWarning(text), stacklevel=2)
    return not wrong and not (record or {}).get("interrupted")


def _malformed(name: Any, record: Any) -> str:
    """Return why a saved benchmark can't be a baseline; empty if its record is sound or it has no load."""
    from pytest_unikernel.results.record.check import Fault, checked  # noqa: PLC0415 - compared runs only

    found = None if record is None else checked(record)
    if isinstance(found, Fault):
        return str(found)
    return "" if isinstance(name, str) else "its test has no fullname"


def baseline(config: pytest.Config, fullname: str) -> dict[str, Any] | None:
    """Return the record of the same test in the run compared with."""
    return baselines(config).get(fullname)


def baselines(config: pytest.Config) -> dict[str, dict[str, Any]]:
    """Return the records of the run compared with, by full name."""
    run = baseline_run(config)
    return {} if run is None else run.records


def baseline_run(config: pytest.Config) -> BaselineRun | None:
    """Return the run compared with; None where there is none."""
    return config.stash.get(BASELINE, None)


def other_machine(config: pytest.Config) -> bool:
    """Return whether the run compared with was made on another machine, or with another kernel."""
    from pytest_unikernel.compare.saved_run import machine_differences  # noqa: PLC0415 - compared runs only
    from pytest_unikernel.host import facts  # noqa: PLC0415 - compared runs only

    run = baseline_run(config)
    return run is not None and bool(machine_differences(run.machine, {"unikernel": facts.facts()}))


def compares(config: pytest.Config) -> bool:
    """Return whether ``--benchmark-compare`` was given."""
    return bool(config.getoption("benchmark_compare", False))


class WithoutBenchmark:
    """The stand-in for pytest-benchmark where it is missing; it reports that."""

    @pytest.fixture
    def benchmark(self) -> None:
        """Fail, naming the missing package and how to install it."""
        pytest.fail(
            "load_step and cold_start need pytest-benchmark, which is not loaded; "
            "install it, or remove -p no:benchmark",
            pytrace=False,
        )


def saves(config: pytest.Config) -> bool:
    """Whether the run is saved, so that later ones can be compared with it."""
    names = ("benchmark_autosave", "benchmark_save", "benchmark_json")
    return any(config.getoption(name, None) for name in names)
