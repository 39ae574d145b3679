"""Stamps -> lives of containers, however the lines of concurrent containers interleave. Pure.

A container's life begins at its ``TS00``: an id may be used again. Within a life a stamp may come twice,
because a ``start`` that failed is retried; the latest counts, for it belongs to the attempt that reached
the monitor, and so a phase describes a start that succeeds. The cost of the failed attempt is
between ``TS10`` and ``TS11`` (0.4: ``TS11`` and ``TS12``), in the total, and in the neighbours.
"""

from __future__ import annotations

import sys
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from pytest_unikernel.results.launches import NONE_NS
from pytest_unikernel.targets.urunc.log.reader import LogStamp
from pytest_unikernel.targets.urunc.log.releases import (
    APART,
    FIRST,
    FROM_0_7,
    RELEASES,
    UNDECIDED,
    UP_TO_0_4,
    UP_TO_0_6,
    Release,
)


class Life:
    """The stamps of one life in the order of the log; 16 bytes a stamp, for there may be a million.

    Attributes:
        ids: ``TS00`` and so on; the first isn't ``TS00`` where the log began later.
        at_unix_ns: their instants, wall clock.
        named: its stamps have names, as from 0.7 on.
    """

    __slots__ = ("_begun_ns", "_first_ns", "_seen", "at_unix_ns", "ids", "named")

    def __init__(self) -> None:
        self._seen, self._begun_ns, self._first_ns = 0, NONE_NS, sys.maxsize
        self.ids: list[str] = []
        self.at_unix_ns = array("q")
        self.named = False

    @property
    def by_id(self) -> dict[str, int]:
        """Each id's instant, wall clock ns; of an id that came more than once the latest."""
        found = dict(zip(self.ids, self.at_unix_ns, strict=True))
        return found if len(found) == len(self.ids) else {name: at_ns for at_ns, name in self.in_time}

    @property
    def in_time(self) -> list[tuple[int, str]]:
        """All stamps in the order of their instants, equal ones in the order of the log."""
        order = sorted(range(len(self.ids)), key=self.at_unix_ns.__getitem__)
        return [(self.at_unix_ns[place], self.ids[place]) for place in order]

    @property
    def repeated(self) -> int:
        """The number of stamps whose id occurs earlier in the life."""
        return len(self.ids) - len(set(self.ids))

    def began_at(self, at_ns: int) -> bool:
        """Return whether a TS00 of that instant is this life's: its line is repeated or out of order."""
        for place in range(self._seen, len(self.ids)):  # each stamp is read once only
            self._first_ns = min(self._first_ns, self.at_unix_ns[place])
            if self.ids[place] == FIRST:
                self._begun_ns = self.at_unix_ns[place]
        self._seen = len(self.ids)
        return at_ns <= self._first_ns and self._begun_ns in (NONE_NS, at_ns)


class ContainerLog:
    """The stamps of one containerID in a log.

    Attributes:
        lives: from the first to the last.
        apart: the stamps that are in no life (0.3's cTS00 and cTS01), as (id, wall clock ns).
    """

    __slots__ = ("apart", "lives")

    def __init__(self) -> None:
        self.lives: list[Life] = []
        self.apart: list[tuple[str, int]] = []

    def add(self, stamp: LogStamp) -> None:
        """Add the container's next stamp."""
        if APART in stamp.id:
            self.apart.append((sys.intern(stamp.id), stamp.at_unix_ns))
            return
        if not self.lives or (stamp.id == FIRST and not self.lives[-1].began_at(stamp.at_unix_ns)):
            self.lives.append(Life())
        life = self.lives[-1]
        life.ids.append(sys.intern(stamp.id))
        life.at_unix_ns.append(stamp.at_unix_ns)
        if stamp.name:
            life.named = True

    def stamps(self) -> Iterator[tuple[str, int]]:
        """Yield the stamps of all lives in the order of the log, as (id, wall clock ns)."""
        return chain.from_iterable(zip(life.ids, life.at_unix_ns, strict=True) for life in self.lives)


class Lives:
    """The containers of a log, by containerID, in the order in which they first appear."""

    def __init__(self) -> None:
        self.containers: dict[str, ContainerLog] = {}

    def add(self, stamps: Iterable[LogStamp]) -> None:
        """Add stamps in the order of the log."""
        containers = self.containers
        for stamp in stamps:
            container = containers.get(stamp.container_id)
            if container is None:
                container = containers[stamp.container_id] = ContainerLog()
            container.add(stamp)

    def take(self, container_id: str) -> ContainerLog | None:
        """Return a container and forget it; None if it has no stamp yet.

        The reader of a growing log takes a container when its monitor has exited: urunc has written all
        stamps before it execs the monitor, so they are in the file by then.
        """
        return self.containers.pop(container_id, None)


def release_of(life: Life, container: ContainerLog) -> Release:
    """Return the line of releases that a life looks like; ``UNDECIDED`` if it ended too early.

    Names are from 0.7 on; TS19 and cTS were up to 0.4; a life with TS18 but without them is of 0.5 or 0.6.
    """
    if life.named:
        return FROM_0_7
    if container.apart or "TS19" in life.ids:
        return UP_TO_0_4
    return UP_TO_0_6 if UP_TO_0_6.last in life.ids else UNDECIDED


def by_release(containers: Mapping[str, ContainerLog]) -> dict[Release, list[Life]]:
    """Return the lives of a log by line of releases, from the oldest line.

    Undecided lives go with the others if those are of one line without names; else they stay apart.
    """
    found: dict[Release, list[Life]] = {release: [] for release in RELEASES}
    for container in containers.values():
        for life in container.lives:
            found[release_of(life, container)].append(life)
    nameless = [release for release in (UP_TO_0_4, UP_TO_0_6) if found[release]]
    if len(nameless) == 1:
        found[nameless[0]] += found.pop(UNDECIDED)
    return {release: lives for release, lives in found.items() if lives}


def unknown_ids(release: Release, lives: Iterable[Life]) -> Counter[str]:
    """Return the ids that these releases don't have, with how often they occur."""
    counted = Counter(chain.from_iterable(life.ids for life in lives))
    return Counter({name: count for name, count in counted.items() if name not in release.stamps})
