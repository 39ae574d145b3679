"""The small types that a target's fields and callbacks use."""

from __future__ import annotations

import dataclasses
import re
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pytest_unikernel.plan.readiness import Exit, Ready
from pytest_unikernel.plan.stamps import StampLog, Stamps

_TOKEN = re.compile(r"\{(id|dir|port|session|events)\}")


@dataclass(frozen=True)
class Unavailable:
    """The reason why a target cannot run here, and the command or step that cures it.

    Attributes:
        reason: what is missing or doesn't work.
        cure: a command, or a step in words.
    """

    reason: str
    cure: str

    def __str__(self) -> str:
        return f"{self.reason}; {self.cure}"


class Instance(NamedTuple):
    """The values of one launch; their names are the placeholders of argv and env.

    Attributes:
        id: unique among all instances of the session; its ``UNIKERNEL_ID``.
        dir: the instance's own directory, private and empty at its start.
        session: the token in every instance's ``UNIKERNEL_SESSION``.
        events: the path of the FIFO that takes events.
        port: a free TCP port, where the target asks for one.
        number: the number at the end of its id.
    """

    id: str
    dir: str
    session: str
    events: str
    port: str = ""
    number: int = 0

    def fill(self, template: str) -> str:
        """Return the template with ``{id}``, ``{dir}``, ``{port}``, ``{session}``, ``{events}`` replaced."""
        return _TOKEN.sub(lambda match: str(getattr(self, match[1])), template)


class Place(NamedTuple):
    """The place of a load's instances.

    Attributes:
        session: the token in every instance's UNIKERNEL_SESSION.
        directory: private (0700), and removed when the load is over.
        cpus: the CPUs that instances are held to, or None.
    """

    session: str
    directory: str
    cpus: frozenset[int] | None = None


@dataclass(frozen=True, eq=False)
class TargetFields:
    """The fields of a :class:`~pytest_unikernel.Target`, apart from its way to derive copies.

    Attributes:
        name: the fixture's name; part of every record.
        argv: the program and its arguments. ``{id}``, ``{dir}``, ``{port}``, ``{session}`` and
            ``{events}`` are replaced per instance; other braces stay.
        env: added to the environment of the test run, with the same placeholders.
        cwd: working directory.
        ready: when an instance is ready: Exit, Line, Port, Http or Event.
        exit_codes: exit statuses that mean success.
        exit_reasons: exit status -> reason, for statuses with a known cause (``{35: "guest-panic"}``).
        output: text or regex that the output must contain for success.
        failures: regex on the output -> reason; the first to match names the failure, and the
            instance is ended at once (``{rb"guest panic": "guest-panic"}``).
        marks: event -> regex on the output; the first match is the event, stamped when it arrives. A named
            group ``ns`` is a time by the instance's own clock, kept as the event ``guest:<event>``.
        timeout_s: an instance's own limit from its start; None leaves it to ``--sweep-timeout``.
        long_lived: ready is also completion; the instance is then stopped with ``stop_signal``
            and, after ``stop_grace_s``, SIGKILL.
        stop_signal: the signal that asks an instance to end.
        stop_grace_s: seconds that it then has.
        cleanup: called with the Instance after its processes are gone, in the generator's thread.
        removal: argv that removes an instance's leftovers with a daemon, called in the background after its
            end. An argument ``{ids}`` becomes the ids of all that have ended meanwhile, ``{id}`` is one. Not
            for refused launches: a container of that name may be foreign.
        removes_itself: an instance that ends by itself leaves nothing: ``removal`` is for those that were
            killed.
        leftovers: argv that removes all that instances of the session left, called when a load is over, and
            by the reaper if pytest is killed; ``{session}`` is replaced.
        prepare: called when a load starts, with the target and its :class:`Place`; returns the Target that is
            launched.
        stamps: events of instances that another program prints or records in a log.
            Of a log's, each and the next in time is reported as ``neighbours_s["A->B"]`` too.
        daemons: programs of container daemons that the target itself needs: they are no disturbance.
        requires: programs that have to be there, names on PATH or paths. If one is missing, the target can't
            run here: its tests are skipped, with the cure. The program in ``argv`` is looked for as well.
        probe: returns why the target can't run here, or None; called when its load starts.
        versions: the versions in use (programs, kernels, accelerator): a mapping, or a function that returns
            it and is called once per load. By default the first line of ``PROGRAM --version``, of the
            programs in ``argv`` and ``requires``; scripts and programs outside of the system's directories
            are not called, and named by their hash. ``{}`` is for none.
        memory_bytes: expected memory of one instance, for the guards.
        processes: processes and threads that one instance is expected to have, for the guards.
        console: instances get the terminal instead of a captured output; one at a time.
        intervals: pairs of events reported as ``intervals_s["A->B"]``.
        phases: named pairs of events, reported as ``phases_s[name]``. They may overlap.
        partition: names of phases that don't, in order from ``started`` to ``ready`` and on: each begins
            with the event that ends the one before it. Reported as ``partition``: their means, and what
            they leave out, add up to the service time.
        naming: parameter -> label or function(value) -> label, for the variant's name.
        label: the variant's label by hand, in place of those of ``naming``.
        variant: every changed parameter.
    """

    name: str
    argv: Sequence[str] = ()
    _: dataclasses.KW_ONLY
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str | None = None
    ready: Ready = field(default_factory=Exit)
    exit_codes: frozenset[int] = frozenset({0})
    exit_reasons: Mapping[int, str] = field(default_factory=dict)
    output: str | bytes | re.Pattern[bytes] | re.Pattern[str] | None = None
    failures: Mapping[bytes, str] = field(default_factory=dict)
    marks: Mapping[str, bytes] = field(default_factory=dict)
    timeout_s: float | None = None
    long_lived: bool = False
    stop_signal: int = signal.SIGTERM
    stop_grace_s: float = 2.0
    cleanup: Callable[[Instance], None] | None = None
    removal: Sequence[str] = ()
    removes_itself: bool = False
    leftovers: Sequence[str] = ()
    prepare: Callable[[Any, Place], Any] | None = None
    stamps: Stamps | StampLog | None = None
    daemons: frozenset[str] = frozenset()
    requires: Sequence[str] = ()
    probe: Callable[[], Unavailable | None] | None = None
    versions: Callable[[], Mapping[str, str]] | Mapping[str, str] | None = None
    memory_bytes: int = 4 << 20
    processes: int = 2
    console: bool = False
    intervals: tuple[tuple[str, str], ...] = ()
    phases: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    partition: Sequence[str] = ()
    naming: Mapping[str, str | Callable[[Any], str]] = field(default_factory=dict)
    label: str | None = None
    variant: Mapping[str, object] = field(default_factory=dict)
    factory: Callable[..., Any] | None = None
    supervisor: Callable[..., Any] | None = None
    simulated: bool = False
