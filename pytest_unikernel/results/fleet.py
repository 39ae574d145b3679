"""Trials that several hosts made together: their launches as one trial, and the verdict on it. Pure.

Each host's instants are of its own clock, and its latencies are differences of these. Only where launches of
different hosts are put side by side are a host's instants moved, all by the same time, so that its schedule
begins with the others'.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, takewhile
from typing import Any

from pytest_unikernel.plan.load_plan import LoadPlan
from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.plan.share import Share, offsets
from pytest_unikernel.results.digest import Digest, digest
from pytest_unikernel.results.launches import LaunchLog
from pytest_unikernel.results.trial import Trial
from pytest_unikernel.results.verdict import VERDICTS, Judged, Reason, Rule, verdict

SKEW_NS, SKEW_SHARE = 10_000_000, 0.05  # the smaller of the two is the bound
INSTANTS = ("scheduled_ns", "started_ns", "ready_ns", "exited_ns")


@dataclass(frozen=True)
class HostTrial:
    """A trial as one host made its share of it.

    Attributes:
        trial: its launches, by the clock of the host.
        origin_ns: the instant of that clock at which the whole schedule began.
        skew_ns: by how much that was after the agreed instant.
        digest: the figures of all launches, where the trial has only some of them.
    """

    trial: Trial
    origin_ns: int
    skew_ns: int = 0
    digest: Digest | None = None

    @cached_property
    def figures(self) -> Digest:
        """The digest of all launches."""
        return digest(self.trial) if self.digest is None else self.digest

    @property
    def skew_limit_ns(self) -> float:
        """The bound of the skew: beyond it the hosts did not offer the one schedule."""
        return min(SKEW_NS, SKEW_SHARE * (self.trial.end_ns - self.trial.begin_ns))

    @property
    def is_skewed(self) -> bool:
        """Whether the window began too far from the agreed instant; not asked of a trial without a window."""
        return self.trial.end_ns > self.trial.begin_ns and abs(self.skew_ns) > self.skew_limit_ns

    def judged(self) -> Judged:
        """Return the verdict on this host's launches."""
        found = verdict(self.trial) if self.digest is None else self.digest.judged
        if self.is_skewed and found.verdict in ("ok", "generator-bound"):
            reason = Reason(Rule.SKEWED, self.skew_ns / 1e6, self.skew_limit_ns / 1e6)
            return Judged("generator-bound", reason)
        return found


def united(trials: Sequence[HostTrial], step_ns: float) -> Trial:
    """Return the launches of hosts as one trial, by the clock of the first; at least one host.

    The window is the one that all have in common.

    Args:
        trials: a trial's shares.
        step_ns: the mean gap between the launches of all hosts together.
    """
    zero_ns = trials[0].origin_ns
    shifts = [zero_ns - each.origin_ns for each in trials]
    begin_ns = max(each.trial.begin_ns + shift for each, shift in zip(trials, shifts, strict=True))
    end_ns = min(each.trial.end_ns + shift for each, shift in zip(trials, shifts, strict=True))
    log = _united_log([each.trial.log for each in trials], shifts)
    rows = _rows_within(log, begin_ns, max(begin_ns, end_ns))
    if not any(each.trial.rows for each in trials):
        rows = range(rows.start, rows.start)  # a load that was cut short in its warm-up has no cohort
    return replace(
        trials[0].trial, log=log, rows=rows, begin_ns=begin_ns, end_ns=max(begin_ns, end_ns), step_ns=step_ns
    )


def _rows_within(log: LaunchLog, begin_ns: int, end_ns: int) -> range:
    return range(bisect_left(log.scheduled_ns, begin_ns), bisect_left(log.scheduled_ns, end_ns))


def _united_log(logs: Sequence[LaunchLog], shifts: Sequence[int]) -> LaunchLog:
    """Return the rows of all logs in the order of the schedule; at one instant, in the order of the hosts."""
    united_log = LaunchLog().trim()
    due_ns = _moved(logs, "scheduled_ns", shifts)
    order = sorted(range(len(due_ns)), key=due_ns.__getitem__)
    for name, column in list(vars(united_log).items()):
        if isinstance(column, array):
            whole = _moved(logs, name, shifts if name in INSTANTS else [0] * len(logs))
            setattr(united_log, name, array(column.typecode, map(whole.__getitem__, order)))
    united_log._length = len(order)  # noqa: SLF001 - the one place that makes a log of others
    _unite_rest(united_log, logs, shifts, order)
    return united_log


def _moved(logs: Sequence[LaunchLog], name: str, shifts: Sequence[int]) -> array[Any]:
    """Return a column of all logs, one after the other, its instants moved; -1 is none and stays."""
    columns = [getattr(log, name) for log in logs]
    whole = array(columns[0].typecode)
    for column, shift in zip(columns, shifts, strict=True):
        whole.extend(
            array(column.typecode, [at if at < 0 else at + shift for at in column]) if shift else column
        )
    return whole


def _unite_rest(
    log: LaunchLog, logs: Sequence[LaunchLog], shifts: Sequence[int], order: Sequence[int]
) -> None:
    """Unite what logs hold of few launches, or as a whole."""
    place = array("q", bytes(8 * len(order)))
    for row, old in enumerate(order):
        place[old] = row
    first = 0
    for each, shift in zip(logs, shifts, strict=True):
        for name in ("tails", "outputs", "unseen_ns"):
            getattr(log, name).update(
                {place[first + row]: value for row, value in getattr(each, name).items()}
            )
        log.events.update({place[first + row]: _moved_events(of, shift) for row, of in each.events.items()})
        log.wall_clock |= each.wall_clock
        log.other_stamps += each.other_stamps
        log.foreign_lines += each.foreign_lines
        log.wall_clock_moved |= each.wall_clock_moved
        log.usage_known &= each.usage_known
        first += len(each)


def _moved_events(events: dict[str, int], shift: int) -> dict[str, int]:
    """Return a launch's events; the times of a guest's own clock stay."""
    return {name: at if name.startswith("guest:") else at + shift for name, at in events.items()}


def due_within(trial: Trial, plan: LoadPlan, seed: int | None, origin_ns: int, share: Share) -> list[int]:
    """Return the instants at which launches of a share were due in a trial's window."""
    dues = (origin_ns + offset for offset in offsets(plan.arrivals, plan.step, seed, share))
    return [due for due in takewhile(lambda due: due < trial.end_ns, dues) if due >= trial.begin_ns]


def with_lost(trial: Trial, dues_ns: Sequence[Sequence[int]]) -> Trial:
    """Return the trial with launches that were lost with their hosts: unfinished, nobody saw their ends."""
    log = LaunchLog()
    for due_ns in sorted(chain.from_iterable(dues_ns)):
        log.outcome[log.add(due_ns)] = Outcome.UNFINISHED
    if not len(log):
        return trial
    lost = replace(trial, log=log.trim(), rows=range(len(log)))
    return united([HostTrial(trial, 0), HostTrial(lost, 0)], trial.step_ns or 0.0)


def worst(judged: Sequence[tuple[str, Judged]]) -> tuple[str, Judged]:
    """Return the worst verdict and whose it is; hosts without a launch in the window have no say."""
    measured = [
        each for each in judged if each[1].reason is None or each[1].reason.rule is not Rule.NOTHING_DUE
    ]
    return max(measured or judged, key=lambda each: VERDICTS.index(each[1].verdict))
