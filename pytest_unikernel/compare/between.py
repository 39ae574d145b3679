"""Two targets of the same run beside each other: which of them is slower?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from pytest_unikernel.compare.judging import compare_between
from pytest_unikernel.compare.saved_run import SavedRun, read
from pytest_unikernel.compare.sides import Side, sides
from pytest_unikernel.errors import CompareError
from pytest_unikernel.plan.step_names import series_of
from pytest_unikernel.results.comparison import Comparison
from pytest_unikernel.results.record import Record

Loads = Mapping[str, Record]


class Between(NamedTuple):
    """A comparison of two targets.

    Attributes:
        comparison: their sweeps and cold starts; the first target is the earlier side.
        shown: the records of each step, the second target's first.
        first, second: the names of the targets.
        in_rounds: whether the trials took turns.
    """

    comparison: Comparison
    shown: Mapping[str, tuple[Record, Record]]
    first: str
    second: str
    in_rounds: bool


def between_files(files: Sequence[Path], first: str, second: str) -> Between:
    """Return the changes from the first target to the second, trial by trial.

    Args:
        files: saved runs; their trials are added up, those of the same number are a pair.
        first: the name of a target, or of the test that launched it.
        second: another one.

    Raises:
        CompareError: a file can't be read, a name is unknown or means several tests, or nothing was measured
            of both.
    """
    if first == second:
        raise CompareError(f"expected two targets, got {first!r} twice")
    runs = [read(path) for path in files]
    found = [_of_both_kinds(runs, name) for name in (first, second)]
    both = [(old, new) for old, new in zip(*found, strict=True) if old and new]
    if not both:
        raise CompareError(
            f"expected sweeps or cold starts of both {first!r} and {second!r}, got a sweep of one and cold "
            "starts of the other"
        )
    shown = {full: records for sides in both for full, records in _shown(*sides).items()}
    comparison = compare_between(both, f"against {first}")
    return Between(comparison, shown, first, second, all(_took_turns(run, first, second) for run in runs))


def _took_turns(run: SavedRun, first: str, second: str) -> bool:
    """Return whether the trials of both targets alternated, as far as the run has both."""
    of_each = [
        [load for full, load in run.loads.items() if _is_called(full, load, name)] for name in (first, second)
    ]
    in_a_row = any(
        load["settings"].get("order") == "series" and len(load["per_trial"] or ()) > 1
        for load in chain(*of_each)
    )
    return not all(of_each) or not in_a_row


def _of_both_kinds(runs: Sequence[SavedRun], name: str) -> tuple[Mapping[str, Side], Mapping[str, Side]]:
    """Return the steps of a target's sweep, and its cold start, by full name; either may be empty.

    Raises:
        CompareError: nothing has that name, or several tests have.
    """
    chosen = [
        {full: load for full, load in run.loads.items() if _is_called(full, load, name)} for run in runs
    ]
    if not any(chosen):
        known = dict.fromkeys(str(load["target"]) for run in runs for load in run.loads.values())
        raise CompareError(f"expected a target of these runs ({', '.join(known)}), got {name!r}")
    return _one(chosen, name, is_cold=False), _one(chosen, name, is_cold=True)


def _is_called(fullname: str, load: Record, name: str) -> bool:
    return not load.get("knee") and name in {load["target"], _series(fullname, load)}


def _series(fullname: str, load: Record) -> str:
    return series_of(fullname, load["time_step_s"], load.get("series"))


def _one(chosen: Iterable[Loads], name: str, *, is_cold: bool) -> Mapping[str, Side]:
    kind = [
        {full: load for full, load in loads.items() if (load["time_step_s"] is None) is is_cold}
        for loads in chosen
    ]
    tests = dict.fromkeys(_series(full, load) for loads in kind for full, load in loads.items())
    if len(tests) > 1:
        raise CompareError(
            f"expected one test of {name!r}, got {', '.join(tests)}; name one of these instead"
        )
    return sides(kind)


def _shown(old: Mapping[str, Side], new: Mapping[str, Side]) -> dict[str, tuple[Record, Record]]:
    """Return the records of the steps that both have, by the full name of the first target's test."""
    later = {side.load["time_step_s"]: side for side in new.values()}
    return {
        full: (later[step_s].shown, side.shown)
        for full, side in old.items()
        if (step_s := side.load["time_step_s"]) in later
    }
