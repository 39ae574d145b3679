"""Readings: the content of imported files, before it is a record; and the type of a format."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple

from pytest_unikernel.importers.inputs import InputFile


@dataclass(frozen=True)
class Subject:
    """The subject of a measurement.

    Attributes:
        target: the full name, ``linux_vm[kvm]``; tests' names are made from it.
        fixture: the name without the variant.
        variant: the changed parameters, as far as they are known.
        ready: the readiness that was used; None if unknown.
    """

    target: str
    fixture: str
    variant: Mapping[str, Any] = field(default_factory=dict)
    ready: str | None = None


class Window(NamedTuple):
    """A trial's window on CLOCK_REALTIME, and the number of instances that ended in it."""

    begin_unix_ns: int
    end_unix_ns: int
    exits: int


@dataclass(frozen=True)
class Launches:
    """Single launches: CLOCK_REALTIME of every start, latencies and failures."""

    starts_unix_ns: Sequence[int]
    latencies_ns: Sequence[int]
    failed: Mapping[str, int]
    unfinished: int


class Spread(NamedTuple):
    """The known statistics of an interval, in seconds."""

    min_s: float
    mean_s: float
    max_s: float


@dataclass(frozen=True)
class Reading:
    """The content of a file, or of the files of one directory, about one target at one time step.

    Attributes:
        files: where it comes from, for people.
        time_step: in seconds; None for launches without contention.
        launches: every single launch, where there are such.
        windows: the windows in which exits were counted, one per trial.
        latency_s: the mean, where only that is known.
        throughput_hz: the mean, where only that is known.
        neighbours_s: intervals between neighbouring events, ``"A->B"``.
        notes: remarks that are needed to read the figures.
    """

    subject: Subject
    files: Sequence[str]
    time_step: Fraction | None = None
    launches: Launches | None = None
    windows: Sequence[Window] = ()
    latency_s: float | None = None
    throughput_hz: float | None = None
    neighbours_s: Mapping[str, Spread] = field(default_factory=dict)
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class ImportOptions:
    """The user's facts about the files, which lack them.

    Attributes:
        type: the rules to use, ``linux``, ``linux-kvm``, ``rust``, ``docker``, ``process``; None: those of
            the content.
        time_step: in seconds, for files whose names have none.
        cold: the launches were without contention, at no time step.
    """

    type: str | None = None
    time_step: Fraction | None = None
    cold: bool = False


@dataclass(frozen=True)
class ImportFormat:
    """A format that can be imported.

    Attributes:
        name: of letters, digits and hyphens; ``--format`` takes it, records name it.
        matches: whether a file is of this format; it is asked of every file, so it should look at the name
            and at ``head()`` only.
        read: returns the readings of matching files of one directory; raises ``file.wrong(...)`` for a
            malformed file.
        per_launch: there is one such file per launch; other files among them are malformed.
    """

    name: str
    matches: Callable[[InputFile], bool]
    read: Callable[[Sequence[InputFile], ImportOptions], Iterable[Reading]]
    per_launch: bool = False
