"""Whose time is up next."""

from __future__ import annotations

from pytest_unikernel.launch.deadlines import NEVER_NS, DeadlineQueue
from pytest_unikernel.launch.process.child import Child
from pytest_unikernel.plan.target_fields import Instance
from pytest_unikernel.results.launches import LaunchLog

LOG = LaunchLog()


def child(pid: int) -> Child:
    return Child(pid, LOG, Instance(f"u-{pid}", "/nowhere", "token", "/nowhere/events"), pid, -1)


def test_children_are_up_in_the_order_in_which_they_were_given_their_time() -> None:
    limit, children = DeadlineQueue[Child](100), [child(pid) for pid in (30, 10, 20)]
    assert [limit.add(each, from_ns) for each, from_ns in zip(children, (0, 5, 5), strict=True)] == [
        100,
        105,
        105,
    ]
    assert limit.next_ns() == 100
    assert list(limit.expired(99)) == []
    assert list(limit.expired(100)) == children[:1]
    assert limit.next_ns() == 105
    assert list(limit.expired(1000)) == children[1:]
    assert limit.next_ns() == NEVER_NS


def test_a_child_that_was_discarded_is_never_up() -> None:
    limit, first, second = DeadlineQueue[Child](100), child(1), child(2)
    limit.add(first, 0)
    limit.add(second, 1)
    limit.discard(first)
    limit.discard(first)  # again: it may be known to several limits
    assert limit.next_ns() == 101
    assert list(limit.expired(10**9)) == [second]


def test_a_child_is_up_only_once() -> None:
    limit = DeadlineQueue[Child](0)
    limit.add(child(1), 7)
    assert len(list(limit.expired(7))) == 1
    assert list(limit.expired(7)) == []
