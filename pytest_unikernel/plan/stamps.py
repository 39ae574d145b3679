"""Events that other programs stamp with the host's wall clock: a container engine, a runtime's log."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Stamp(NamedTuple):
    """An event of one instance.

    Attributes:
        instance: the instance's id, ``UNIKERNEL_ID``.
        event: its name, for ``intervals`` and ``phases``.
        unix_ns: the host's wall clock.
    """

    instance: str
    event: str
    unix_ns: int


@dataclass(frozen=True)
class Stamps:
    """A source of events: a program that prints a line for each event while a load runs.

    Its lines are kept as they come and read when the trial is over; the generator never waits for them.
    Stamps are mapped to CLOCK_MONOTONIC; where the wall clock was set meanwhile, intervals between them
    and events seen by us are unknown, and counted as such.

    Attributes:
        argv: the program; ``{session}`` is replaced, and ``{now}`` by the wall clock in seconds as the load
            begins.
        parse: returns a line's stamp, None for every other line.
    """

    argv: Sequence[str]
    parse: Callable[[bytes], Stamp | None]


@dataclass(frozen=True)
class StampLog:
    """A file in which another program logs such events, each before the instance's end.

    Read when a trial is over, from where it ended when the load began, and never written to or shortened. It
    may not exist before the first event. Stamps of foreign instances, and lines without a stamp, are
    counted and skipped. If the file is emptied meanwhile, it is read from its beginning.

    Attributes:
        path: the file.
        parser: returns a function that is given the file's bytes in pieces, in order, and returns the stamps
            of the lines that a piece completes, None for every other line.
    """

    path: str
    parser: Callable[[], Callable[[bytes], Iterable[Stamp | None]]]
