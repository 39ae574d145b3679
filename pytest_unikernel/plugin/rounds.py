"""``--sweep-order=rounds``: the first trial of every step and target, then the second, and so on.

A drift of the host then affects all steps and targets alike, and the spread between trials holds it. Within a
round the targets of a step go back and forth: A, B at one step, B, A at the next, and the other way round in
the next round. A test is run once for each trial, with its fixtures set up and torn down each time;
``load_step`` ends all but the last run, which delivers the pooled result. Only that one is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple, NoReturn, cast

import pytest

from pytest_unikernel.plugin.marker import ItemSweep, sweep_of


class Turn(NamedTuple):
    """A run of a test.

    Attributes:
        item: the test.
        round: the number of the round, from 0.
        is_last: whether it is the test's last run, which is reported.
    """

    item: pytest.Item
    round: int
    is_last: bool


TURN = pytest.StashKey[Turn]()
SUSPENDED = pytest.StashKey[bool]()


@dataclass
class Block:
    """The tests that run in rounds, one after the other.

    Attributes:
        turns: the runs of the tests, in their order.
        begun: whether the first has begun.
        done: the tests that have been reported.
        current: the turn that is being run.
    """

    turns: list[Turn]
    begun: bool = False
    done: set[pytest.Item] = field(default_factory=set)
    current: Turn | None = None

    @property
    def items(self) -> list[pytest.Item]:
        """The tests, in the order of their first turns."""
        return list(dict.fromkeys(turn.item for turn in self.turns))


BLOCK = pytest.StashKey[Block]()
Swept = tuple[pytest.Item, ItemSweep]


# the order -----------------------------------------------------------------------------------------


def arrange(items: list[pytest.Item], *, alone: bool) -> None:
    """Put each series in order, slow to fast, its search last; or steps into rounds where that was asked for.

    Other plugins may have shuffled the tests, but a sweep ends at its first step that isn't ok. Tests that
    were turned round as a whole were so on purpose; they stay so, and the summary names the order.

    Args:
        items: all tests; changed in place.
        alone: no other process runs some of them.
    """
    in_rounds = [
        (item, sweep)
        for item in items
        if alone and (sweep := sweep_of(item)) is not None and sweep.settings.order == "rounds"
    ]
    sign = _order_series(items)
    if in_rounds:
        _into_rounds(items, in_rounds, sign)


def _order_series(items: list[pytest.Item]) -> int:
    """Put the items of each series in order, in their places; return 1 if fast steps come first, else -1."""
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
    return sign


def _turned_round(series: Iterable[Sequence[ItemSweep]]) -> bool:
    """Whether every series goes from fast to slow."""
    steps = [[each.step for each in sweeps if not each.searches] for sweeps in series]
    return any(len(set(each)) > 1 for each in steps) and all(each == sorted(each) for each in steps)


def _into_rounds(items: list[pytest.Item], swept: Sequence[Swept], sign: int) -> None:
    """Make one block of the swept tests, where the first of them was: steps in rounds, then the searches."""
    steps = sorted((each for each in swept if not each[1].searches), key=lambda each: sign * each[1].step)
    made = Block(_turns(steps))
    for item in made.items:
        item.stash[BLOCK] = made
    block = [*made.items, *(item for item, sweep in swept if sweep.searches)]
    begin = min(items.index(item) for item in block)
    rest = [item for item in items if item not in set(block)]
    items[:] = [*rest[:begin], *block, *rest[begin:]]


def _turns(steps: Sequence[Swept]) -> list[Turn]:
    """Return the turns of all rounds; each round has the steps in the order given.

    A test with fewer trials than others joins in later, so that all end in the same round; rounds behind that
    are for tests that want precision, and only as many are run as they need.
    """
    usual = max((sweep.settings.trials for _, sweep in steps), default=0)
    most = max((sweep.settings.most_trials for _, sweep in steps), default=0)
    groups = [list(group) for _, group in groupby(steps, key=lambda each: each[1].step)]
    return [
        Turn(item, number, number == _last(sweep, usual))
        for number in range(most)
        for place, group in enumerate(groups)
        for item, sweep in (group if (number + place) % 2 == 0 else group[::-1])
        if usual - sweep.settings.trials <= number <= _last(sweep, usual)
    ]


def _last(sweep: ItemSweep, usual: int) -> int:
    """Return the number of a test's last round."""
    return usual - 1 + sweep.settings.most_trials - sweep.settings.trials


def leave_out(items: Collection[pytest.Item]) -> None:
    """Take tests out of their block: they are no longer of the run."""
    for item in items:
        block = item.stash.get(BLOCK, None)
        if block is not None:
            block.turns = [turn for turn in block.turns if turn.item is not item]


# running -------------------------------------------------------------------------------------------


def run(
    item: pytest.Item, nextitem: pytest.Item | None, round_ended: Callable[[int, int], None]
) -> bool | None:
    """Run a test, and with the first of a block all of it; None leaves it to pytest.

    Args:
        item: the test.
        nextitem: the test after it.
        round_ended: called with the number of a round, from 1, and that of all, when it has ended.
    """
    block = item.stash.get(BLOCK, None)
    if block is None:
        return None
    if block.current is not None and block.current.item is item:
        _run_turn(block, block.current, nextitem)
    elif not block.begun:
        block.begun = True
        _run_block(block, round_ended)
    return True


def _run_block(block: Block, round_ended: Callable[[int, int], None]) -> None:
    """Run all turns; each through pytest's hook, so that other plugins see one run after the other."""
    session = block.turns[0].item.session
    after = _after(session, block)
    rounds = 1 + max(turn.round for turn in block.turns)
    for number, turn in enumerate(block.turns):
        if turn.item not in block.done:
            block.current = turn
            turn.item.ihook.pytest_runtest_protocol(
                item=turn.item, nextitem=_next(block, block.turns[number:], after)
            )
            block.current = None
        if session.shouldfail or session.shouldstop:
            break
        following = next((each for each in block.turns[number + 1 :] if each.item not in block.done), None)
        if following is None:
            break
        if following.round != turn.round:
            round_ended(turn.round + 1, rounds)


def _next(block: Block, turns: Sequence[Turn], after: Sequence[pytest.Item]) -> pytest.Item | None:
    """Return what pytest keeps set up after the first of the turns: what the next run shares with it.

    That is the next run of another test. If the same test comes again, its own fixtures are torn down all the
    same; should it be over by then, the test after it is run.
    """
    item = turns[0].item
    left = [turn.item for turn in turns[1:] if turn.item not in block.done]
    others = [each for each in left if each is not item]
    following = [*others[:1], *after][:1]
    if left and left[0] is item:
        return common_parent([item, *following])
    return following[0] if following else None


def _after(session: pytest.Session, block: Block) -> list[pytest.Item]:
    """Return the test that follows a block, if there is one."""
    last = max(session.items.index(item) for item in block.items)
    return session.items[last + 1 : last + 2]


def common_parent(items: Iterable[pytest.Item]) -> pytest.Item:
    """Return the innermost node that all tests share.

    It stands in for the next test if that may be any of these tests: pytest keeps the set-up of this node and
    tears down everything below it.
    """
    chains = [item.listchain()[:-1] for item in items]
    shared = [nodes[0] for nodes in zip(*chains, strict=False) if all(node is nodes[0] for node in nodes)]
    return cast("pytest.Item", shared[-1])  # pytest asks for its chain only


def _run_turn(block: Block, turn: Turn, nextitem: pytest.Item | None) -> None:
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
    block.done.add(item)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)


def _begin(item: pytest.Item) -> None:
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)


def suspend(item: pytest.Item) -> NoReturn:
    """End the test's run: its load has trials left, which its next runs will measure."""
    item.stash[SUSPENDED] = True
    pytest.skip("the other trials of this load follow in the next rounds")


def has_turns(item: pytest.Item) -> bool:
    """Return whether the test's trials go in rounds."""
    return item.stash.get(BLOCK, None) is not None


def turn_of(item: pytest.Item) -> Turn | None:
    """Return which run of the test this is; None where it has one only."""
    return item.stash.get(TURN, None)
