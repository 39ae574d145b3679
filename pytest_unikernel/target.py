"""What is launched: one frozen description, callable to derive a changed copy."""

from __future__ import annotations

import dataclasses
import inspect
import re
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_unikernel.errors import TargetError
from pytest_unikernel.readiness import Event, Exit, Http, Line, Port, Ready
from pytest_unikernel.stamps import Stamp, StampLog, Stamps
from pytest_unikernel.targetchecks import check

if TYPE_CHECKING:
    from pytest_unikernel.supervisor import Supervisor

__all__ = [
    "Event",
    "Exit",
    "Http",
    "Instance",
    "Line",
    "Place",
    "Port",
    "Ready",
    "Stamp",
    "StampLog",
    "Stamps",
    "Target",
    "Unavailable",
]

_TOKEN = re.compile(r"\{(id|dir|port|session|events)\}")


@dataclass(frozen=True)
class Unavailable:
    """Why a target can't run here, and the command or step that cures it."""

    reason: str
    cure: str

    def __str__(self) -> str:
        return f"{self.reason}; {self.cure}"


class Instance(NamedTuple):
    """What is particular to one launch; its names are the placeholders of argv and env."""

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
    """Where a load's instances will live.

    Attributes:
        session: the token in every instance's UNIKERNEL_SESSION.
        directory: private (0700), and removed when the load is over.
        cpus: the CPUs that instances are held to, or None.
    """

    session: str
    directory: str
    cpus: frozenset[int] | None = None


@dataclass(frozen=True, eq=False)
class Target:
    """How to start one instance, when it is ready, when successful, and how to clean up.

    Calling a target returns a changed copy. A plain target takes its own fields by name
    (``target(argv=["/bin/true"])``); one made by a factory also takes the factory's parameters
    (``rust_kernel(memory_mib=64)``). ``label=`` names the copy by hand.

    Attributes:
        name: the fixture's name; part of every record.
        argv: the program and its arguments. ``{id}``, ``{dir}``, ``{port}``, ``{session}`` and
            ``{events}`` are replaced per instance; other braces stay.
        env: added to the environment of the test run, with the same placeholders.
        cwd: working directory.
        ready: when an instance is ready: Exit, Line, Port, Http or Event.
        exit_codes: exit statuses that mean success.
        exit_reasons: exit status -> reason, for statuses that tell why it failed (``{35: "guest-panic"}``).
        output: text or regex that the output must contain for success.
        failures: regex on the output -> reason; the first to match names the failure, and the
            instance is ended at once (``{rb"guest panic": "guest-panic"}``).
        marks: event -> regex on the output; the first match is the event, stamped when it arrives. A named
            group ``ns`` is a time by the instance's own clock, kept as the event ``guest:<event>``.
        timeout_s: an instance's own limit from its start; None leaves it to ``--sweep-timeout``.
        long_lived: ready is also completion; the instance is then stopped with ``stop_signal``
            and, after ``stop_grace_s``, SIGKILL.
        cleanup: called with the Instance after its processes are gone, in the generator's thread.
        removal: argv that removes what an instance leaves with a daemon, called in the background after its
            end. An argument ``{ids}`` becomes the ids of all that have ended meanwhile, ``{id}`` is one. Not
            for those that a daemon refused: what has such a name may be somebody else's.
        removes_itself: an instance that ends by itself leaves nothing: ``removal`` is for those that were
            killed.
        leftovers: argv that removes all that instances of the session left, called when a load is over, and
            by the reaper if pytest is killed; ``{session}`` is replaced.
        prepare: called when a load starts, with the target and its :class:`Place`; returns the copy that is
            launched.
        stamps: events of instances that somebody else writes down: a program that tells of them, or a log.
            Of a log's, each and the next in time is reported as ``neighbours_s["A->B"]`` too.
        daemons: programs of container daemons that the target itself needs: they are no disturbance.
        probe: returns why the target can't run here, or None; called when its load starts.
        versions: returns what is really used (programs, kernels, accelerator); called once per load.
        memory_bytes: what one instance is expected to need, for the guards.
        processes: processes and threads that one instance is expected to have, for the guards.
        console: instances get the terminal instead of a captured output; one at a time.
        intervals: pairs of events reported as ``intervals_s["A->B"]``.
        phases: named pairs of events, reported as ``phases_s[name]``.
        naming: parameter -> label or function(value) -> label, for the variant's name.
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
    prepare: Callable[[Target, Place], Target] | None = None
    stamps: Stamps | StampLog | None = None
    daemons: frozenset[str] = frozenset()
    probe: Callable[[], Unavailable | None] | None = None
    versions: Callable[[], Mapping[str, str]] | None = None
    memory_bytes: int = 4 << 20
    processes: int = 2
    console: bool = False
    intervals: tuple[tuple[str, str], ...] = ()
    phases: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    naming: Mapping[str, str | Callable[[Any], str]] = field(default_factory=dict)
    label: str | None = None
    variant: Mapping[str, object] = field(default_factory=dict)
    factory: Callable[..., Target] | None = None
    supervisor: Callable[..., Supervisor] | None = None
    simulated: bool = False

    def __post_init__(self) -> None:
        check(self)

    @property
    def full_name(self) -> str:
        """The name with the labels of what was changed: ``linux_vm[kvm]``."""
        if self.label is not None:
            return f"{self.name}[{self.label}]" if self.label else self.name
        labels = [_label(rule, self.variant[key]) for key, rule in self.naming.items() if key in self.variant]
        shown = ",".join(label for label in labels if label)
        return f"{self.name}[{shown}]" if shown else self.name

    def __call__(self, *args: object, **changes: Any) -> Target:
        """Return a copy with the given parameters changed; the original stays as it is."""
        if self.factory is not None:
            return self._made_again(args, changes)
        if args:
            raise TargetError(f"{self.name}: takes parameters by name only, got {args[0]!r}")
        self._refuse_unknown(changes, _FIELDS)
        return dataclasses.replace(self, **changes, variant=_varied(self.variant, changes))

    def _made_again(self, args: tuple[object, ...], changes: dict[str, Any]) -> Target:
        signature = inspect.signature(self.factory or Target)
        self._refuse_unknown(changes, {*signature.parameters, *_FIELDS})
        own = {key: value for key, value in changes.items() if key in signature.parameters}
        try:
            given = signature.bind_partial(*args, **own).arguments
        except TypeError as error:
            raise TargetError(f"{self.name}: {error}") from None
        label = {} if self.label is None else {"label": self.label}
        changed = {
            **self.variant,
            **label,
            **given,
            **{key: changes[key] for key in changes if key not in own},
        }
        return _made(self, signature, changed)

    def _refuse_unknown(self, changes: Mapping[str, object], known: set[str] | frozenset[str]) -> None:
        for key in changes:
            if key not in known:
                raise TargetError(
                    f"{self.name}: unknown parameter {key!r}; known are {', '.join(sorted(known))}"
                )


_FIELDS = frozenset(
    entry.name
    for entry in dataclasses.fields(Target)
    if entry.name not in {"name", "variant", "factory", "naming", "supervisor", "simulated"}
)


def _made(base: Target, signature: inspect.Signature, changed: dict[str, Any]) -> Target:
    """Call the factory with its parameters, then lay the plain fields over what it returned."""
    assert base.factory is not None  # noqa: S101 - the caller's own condition
    positional, keywords, fields = [], {}, {}
    for key, value in changed.items():
        parameter = signature.parameters.get(key)
        if parameter is None:
            fields[key] = value
        elif parameter.kind is inspect.Parameter.POSITIONAL_ONLY:
            positional.append(value)
        else:
            keywords[key] = value
    made = base.factory(*positional, **keywords)
    varied = _varied({}, changed, _defaults(signature))
    return dataclasses.replace(made, **fields, variant=varied, factory=base.factory)


def _defaults(signature: inspect.Signature) -> dict[str, object]:
    return {key: parameter.default for key, parameter in signature.parameters.items()}


def _varied(
    variant: Mapping[str, object], changes: Mapping[str, object], defaults: Mapping[str, object] | None = None
) -> dict[str, object]:
    """Return the changed parameters; a default adds nothing, and ``label`` only names."""
    defaults = defaults or {}
    merged = {**variant, **changes}
    return {
        key: value
        for key, value in merged.items()
        if key != "label" and not (key in defaults and defaults[key] == value)
    }


def _label(rule: str | Callable[[Any], str], value: object) -> str:
    if callable(rule):
        return rule(value)
    return rule if value else ""
