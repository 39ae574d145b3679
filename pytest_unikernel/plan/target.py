"""The target of launches: one frozen description, callable to derive a changed copy."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_unikernel.errors import TargetError
from pytest_unikernel.plan.partition import without_stale_partition
from pytest_unikernel.plan.readiness import Event, Exit, Http, Line, Port, Ready
from pytest_unikernel.plan.stamps import Stamp, StampLog, Stamps
from pytest_unikernel.plan.target_checks import check
from pytest_unikernel.plan.target_fields import Instance, Place, TargetFields, Unavailable

__tracebackhide__ = True  # an error in a target is the caller's: pytest shows the line that made it

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


@dataclass(frozen=True, eq=False)
class Target(TargetFields):
    """A launchable target: how to start an instance, when it is ready or successful, how to clean up.

    Calling a target returns a changed copy. A plain target takes its own fields by name
    (``target(argv=["/bin/true"])``); one made by a factory also takes the factory's parameters
    (``rust_kernel(memory_mib=64)``). ``label=`` names the copy by hand.
    """

    def __post_init__(self) -> None:
        check(self)

    @property
    def full_name(self) -> str:
        """The name with the labels of the changed parameters: ``linux_vm[kvm]``."""
        if self.label is not None:
            return f"{self.name}[{self.label}]" if self.label else self.name
        labels = [_label(rule, self.variant[key]) for key, rule in self.naming.items() if key in self.variant]
        shown = ",".join(label for label in labels if label)
        return f"{self.name}[{shown}]" if shown else self.name

    def __call__(self, *args: object, **changes: Any) -> Target:
        """Return a copy with the given parameters changed; the original stays as it is."""
        changes = without_stale_partition(self, changes)
        if self.factory is not None:
            return self._made_again(args, changes)
        if args:
            raise TargetError(f"{self.name}: parameters must be given by name, got {args[0]!r} by position")
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
                    f"{self.name}: unknown parameter {key!r}; expected one of {', '.join(sorted(known))}"
                )


_FIELDS = frozenset(
    entry.name
    for entry in dataclasses.fields(Target)
    if entry.name not in {"name", "variant", "factory", "naming", "supervisor", "simulated"}
)


def _made(base: Target, signature: inspect.Signature, changed: dict[str, Any]) -> Target:
    """Call the factory with its parameters, then replace the plain fields of the result."""
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
    made: Target = base.factory(*positional, **keywords)
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
