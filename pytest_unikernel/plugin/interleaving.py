"""``--sweep-order=interleaved``: the same step of all targets in turn, their trials in alternation.

Trials of A and B run as A, B, B, A: drift with time then affects both alike. A test is run once for each
trial, with its fixtures set up and torn down each time; ``load_step`` ends all but the last run, which
delivers the pooled result. Only that one is reported.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple, NoReturn, cast

import pytest

from pytest_unikernel.plugin.marker import ItemSweep, sweep_of


class Turn(NamedTuple):
    """A run of a test.

    Attributes:
        item: the test.
        trial: the number of the trial to run, from 0.
        is_last: whether it is the test's last run, which is reported.
    """

    item: pytest.Item
    trial: int
    is_last: bool


TURN = pytest.StashKey[Turn]()
SUSPENDED = pytest.StashKey[bool]()


@dataclass
class Group:
    """The tests of one time step, which take turns."""

    turns: list[Turn]
    begun: bool = False
    done: set[pytest.Item] = field(default_factory=set)
    current: Turn | None = None

    @property
    def items(self) -> list[pytest.Item]:
        """The tests, in the order of their first turns."""
        return list(dict.fromkeys(turn.item for turn in self.turns))


GROUP = pytest.StashKey[Group]()
Swept = tuple[pytest.Item, ItemSweep]


# the order -----------------------------------------------------------------------------------------


def arrange(items: list[pytest.Item], *, alone: bool) -> None:
    """Put each series in order, slow to fast, its search last; or steps into turns where that was asked for.

    Other plugins may have shuffled the tests, but a sweep ends at its first step that isn't ok. Tests that
    were turned round as a whole were so on purpose; they stay so, and the summary names the order.

    Args:
        items: all tests; changed in place.
        alone: no other process runs some of them.
    """
    swept = [(item, sweep) for item in items if (sweep := sweep_of(item)) is not None]
    if alone and any(sweep.settings.order == "interleaved" for _, sweep in swept):
        _interleave(items, swept)
    else:
        _order_series(items)


def _order_series(items: list[pytest.Item]) -> None:
    """Put the items of each series in order, in the places that they have."""
    places: dict[str, list[tuple[int, Swept]]] = {}  # of each series
    for place, item in enumerate(items):
        sweep = sweep_of(item)
        if sweep is not None:
            places.setdefault(sweep.series, []).append((place, (item, sweep)))
    sign = 1 if _turned_round([sweep for _, (_, sweep) in found] for found in places.values()) else -1
    for found in places.values():
        ordered = sorted(
            (each for _, each in found), key=lambda each: (each[1].searches, sign * each[1].step)
        )
        for (place, _), (item, _) in zip(found, ordered, strict=True):
            items[place] = item


def _turned_round(series: Iterable[Sequence[ItemSweep]]) -> bool:
    """Whether every series goes from fast to slow."""
    steps = [[each.step for each in sweeps if not each.searches] for sweeps in series]
    return any(len(set(each)) > 1 for each in steps) and all(each == sorted(each) for each in steps)


def _interleave(items: list[pytest.Item], swept: Sequence[Swept]) -> None:
    """Make one block of the swept tests, where the first of them was: steps in turns, then the searches."""
    steps = sorted((each for each in swept if not each[1].searches), key=lambda each: -each[1].step)
    block: list[pytest.Item] = []
    rounds = 0
    for _, group in groupby(steps, key=lambda each: each[1].step):
        turns, rounds = _turns(list(group), rounds)
        made = Group(turns)
        for item in made.items:
            item.stash[GROUP] = made
        block += made.items
    block += [item for item, sweep in swept if sweep.searches]
    begin = min(items.index(item) for item in block)
    rest = [item for item in items if item not in set(block)]
    items[:] = [*rest[:begin], *block, *rest[begin:]]


def _turns(group: Sequence[Swept], rounds: int) -> tuple[list[Turn], int]:
    """Return the turns of a step, back and forth, and how many rounds there have been then.

    A test with fewer trials than others joins in later, so that all end in the same round.
    """
    most = max(sweep.settings.trials for _, sweep in group)
    turns = []
    for number in range(most):
        ordered = group if (rounds + number) % 2 == 0 else group[::-1]
        for item, sweep in ordered:
            trial = number - (most - sweep.settings.trials)
            if trial >= 0:
                turns.append(Turn(item, trial, trial == sweep.settings.trials - 1))
    return turns, rounds + most


def leave_out(items: Collection[pytest.Item]) -> None:
    """Take tests out of their groups: they are no longer of the run."""
    for item in items:
        group = item.stash.get(GROUP, None)
        if group is not None:
            group.turns = [turn for turn in group.turns if turn.item is not item]


# running -------------------------------------------------------------------------------------------


def run(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a test, and with the first of a group all of it; None leaves it to pytest."""
    group = item.stash.get(GROUP, None)
    if group is None:
        return None
    if group.current is not None and group.current.item is item:
        _run_turn(group, group.current, nextitem)
    elif not group.begun:
        group.begun = True
        _run_group(group)
    return True


def _run_group(group: Group) -> None:
    """Run all turns; each through pytest's hook, so that other plugins see one run after the other."""
    session = group.turns[0].item.session
    after = _after(session, group)
    shared = common_parent([*group.items, *after])
    for number, turn in enumerate(group.turns, 1):
        if turn.item in group.done:
            continue
        following = after[0] if after else None
        group.current = turn
        turn.item.ihook.pytest_runtest_protocol(
            item=turn.item, nextitem=following if number == len(group.turns) else shared
        )
        group.current = None
        if session.shouldfail or session.shouldstop:
            break


def _after(session: pytest.Session, group: Group) -> list[pytest.Item]:
    """Return the test that follows a group, if there is one."""
    last = max(session.items.index(item) for item in group.items)
    return session.items[last + 1 : last + 2]


def common_parent(items: Iterable[pytest.Item]) -> pytest.Item:
    """Return the innermost node that all tests share.

    It stands in for the next test if that may be any of these tests: pytest keeps the set-up of this node and
    tears down everything below it.
    """
    chains = [item.listchain()[:-1] for item in items]
    shared = [nodes[0] for nodes in zip(*chains, strict=False) if all(node is nodes[0] for node in nodes)]
    return cast("pytest.Item", shared[-1])  # pytest asks for its chain only


def _run_turn(group: Group, turn: Turn, nextitem: pytest.Item | None) -> None:
    """Run a test once; report it unless it was suspended."""
    item = turn.item
    runner = item.config.pluginmanager.getplugin("runner")  # pytest's own, by the name that -p takes
    item.stash[TURN] = turn
    item.stash[SUSPENDED] = False
    if turn.is_last:
        _begin(item)
        runner.runtestprotocol(item, log=True, nextitem=nextitem)
    else:
        reports = runner.runtestprotocol(item, log=False, nextitem=nextitem)
        if item.stash[SUSPENDED] and not any(report.failed for report in reports):
            return
        _begin(item)
        for report in reports:
            item.ihook.pytest_runtest_logreport(report=report)
    group.done.add(item)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)


def _begin(item: pytest.Item) -> None:
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)


def suspend(item: pytest.Item) -> NoReturn:
    """End the test's run: its load has trials left, which its next runs will measure."""
    item.stash[SUSPENDED] = True
    pytest.skip("the other trials of this load follow, in turn with those of other tests")


def turn_of(item: pytest.Item) -> Turn | None:
    """Return which run of the test this is; None where it has one only."""
    return item.stash.get(TURN, None)
