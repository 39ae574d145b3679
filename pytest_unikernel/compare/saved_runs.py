"""Compares saved runs: reads files, returns the comparison and its text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_unikernel.compare.judging import compare
from pytest_unikernel.compare.saved_run import SavedRun, machine_differences, read
from pytest_unikernel.compare.sides import Side, interrupted, sides
from pytest_unikernel.errors import CompareError
from pytest_unikernel.results.comparison import Comparison, MachineDifference
from pytest_unikernel.text.comparison import comparison_lines


@dataclass(frozen=True)
class Compared:
    """A comparison of saved runs.

    Attributes:
        machine: the facts in which the machines differ.
    """

    comparison: Comparison
    machine: Sequence[MachineDifference]
    old: Mapping[str, Side]
    new: Mapping[str, Side]

    def lines(self) -> list[str]:
        """Return the whole comparison as lines for a terminal, 80 columns wide."""
        both = [name for name in self.new if name in self.old]
        shown = {name: (self.new[name].shown, self.old[name].shown) for name in both}
        return comparison_lines(self.comparison, self.machine, shown)


def compare_files(
    old: Sequence[Path], new: Sequence[Path], *, as_measured: bool = False, despite_busy: bool = False
) -> Compared:
    """Return the comparison of the later runs with the earlier ones.

    Args:
        old: the files of the earlier runs.
        new: the files of the later runs, the same number.
        as_measured: figures are not corrected for the host's own speed, as is usual for different machines.
        despite_busy: figures are compared although other work kept the host busy in one of the runs.

    Raises:
        CompareError: a file cannot be read, or the runs have no test in common.
    """
    before, after = [read(path) for path in old], [read(path) for path in new]
    was, now = _sides(before), _sides(after)
    absent = dict.fromkeys(interrupted([run.loads for run in after]) - set(now), "interrupted")
    machine = machine_differences(before[0].machine, after[0].machine)
    same_host = not (as_measured or machine)
    comparison = compare(was, now, absent, same_host=same_host, despite_busy=despite_busy)
    if not comparison.series:
        only = _names(comparison.only_old, before), _names(comparison.only_new, after)
        raise CompareError(
            f"expected tests that both runs have, got none: {only[0]} in {old[0]}, {only[1]} in {new[0]}"
        )
    return Compared(comparison, machine, was, now)


def _sides(runs: Sequence[SavedRun]) -> Mapping[str, Side]:
    return sides([run.loads for run in runs])


def _names(series: Sequence[str], runs: Sequence[SavedRun]) -> str:
    if not series:
        return "interrupted loads alone" if interrupted([run.loads for run in runs]) else "nothing more"
    return ", ".join(series[:3]) + (f" and {len(series) - 3} more" if len(series) > 3 else "")
