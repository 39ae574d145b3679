"""The phases that partition a launch: a chain of events, each phase begins where the one before it ends.

Phases may overlap, so their times can't be added up. Those of a partition can: whatever they leave out of the
service time is the remainder.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from pytest_unikernel.errors import TargetError
from pytest_unikernel.plan.target_fields import TargetFields

__tracebackhide__ = True  # an error in a target is the caller's: pytest shows the line that made it

REMAINDER = "other"  # the service time that no phase of the partition holds
STARTED, READY = "started", "ready"
GUEST = "guest:"  # begins the events that are stamped by an instance's own clock


def chain_of(target: TargetFields) -> tuple[str, ...]:
    """Return the events of a target's partition in order: the first phase's begin, then each phase's end."""
    pairs = [target.phases[name] for name in target.partition]
    return (pairs[0][0], *(end for _, end in pairs)) if pairs else ()


def check_partition(target: TargetFields) -> None:
    """Refuse a partition whose phases can't be added up.

    Raises:
        TargetError: it names no phases, or phases that don't follow one another.
    """
    names = target.partition
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
        raise _refused(target, f"expected a list of the names of phases, in order, got {names!r}")
    object.__setattr__(target, "partition", tuple(names))
    for name in names:
        if name not in target.phases:
            known = ", ".join(map(repr, target.phases)) or "none"
            raise _refused(target, f"{name!r} is no phase of phases=; known are {known}")
    if REMAINDER in names:
        raise _refused(target, f"{REMAINDER!r} names what the phases leave out; call the phase otherwise")
    for first, second in pairwise(names):
        end, begin = target.phases[first][1], target.phases[second][0]
        if end != begin:
            raise _refused(
                target,
                "each phase must begin with the event that ends the one before it, but "
                f"{first!r} ends with {end!r}, and {second!r} begins with {begin!r}",
            )
    _check_events(target)


def _check_events(target: TargetFields) -> None:
    """Refuse events that no launch can have in this order, from its start on."""
    events = chain_of(target)
    if "scheduled" in events:
        raise _refused(target, f"it begins with 'started' or later, got 'scheduled' in {_arrows(events)}")
    if STARTED in events[1:]:
        raise _refused(target, f"nothing comes before 'started', got {_arrows(events)}")
    for event in events:
        if events.count(event) > 1:
            raise _refused(target, f"each event comes once, got {event!r} twice in {_arrows(events)}")
        if event.startswith(GUEST):
            raise _refused(
                target,
                f"{event!r} is by the instance's own clock, which can't be held against the host's; take "
                f"{event.removeprefix(GUEST)!r}",
            )


def without_stale_partition(target: TargetFields, changes: dict[str, Any]) -> dict[str, Any]:
    """Return the changes of a derived copy: new phases without those of the partition have none.

    A partition that the changes declare themselves stays, and is checked.
    """
    phases = changes.get("phases")
    if "partition" in changes or not target.partition or not isinstance(phases, Mapping):
        return changes
    are_kept = all(phases.get(name) == target.phases[name] for name in target.partition)
    return changes if are_kept else {**changes, "partition": ()}


def _refused(target: TargetFields, why: str) -> TargetError:
    return TargetError(f"{target.name}: partition: {why}")


def _arrows(events: tuple[str, ...]) -> str:
    return " -> ".join(map(repr, events))
