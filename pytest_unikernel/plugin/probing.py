"""Asks a target whether it can run here, and remembers the answer: the survey's is the load's too."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable
from types import FunctionType, MethodType
from typing import Any

import pytest

from pytest_unikernel.plan.target import Target
from pytest_unikernel.plan.target_fields import Unavailable

DEPTH = 8  # of parts in parts; a closure may hold itself
Answer = Unavailable | None
# The target is kept with its answer: an identity may have ids of its parts, which must not be used again.
ANSWERS = pytest.StashKey[dict[Hashable, tuple[Target, Answer]]]()


def probed(config: pytest.Config, target: Target) -> Answer:
    """Return why a target can't run here, or None; its probe is called once in a session.

    Raises:
        UnikernelError: the probe raised something; it isn't remembered.
    """
    from pytest_unikernel.bench.probing import why_unavailable  # noqa: PLC0415 - loads only, not collection

    answers = config.stash.setdefault(ANSWERS, {})
    where = (target.requires, target.cwd, target.env.get("PATH"))
    key = (target.full_name, tuple(target.argv), where, identity(target.probe))
    if key not in answers:
        answers[key] = (target, why_unavailable(target))
    return answers[key][1]


def identity(value: Any, depth: int = DEPTH) -> Hashable:
    """Return a key that is equal for functions that were made again from equal parts.

    ``target(kvm=True)`` makes a new probe each time: a method of new parameters, a partial, or a closure.
    """
    part = functools.partial(identity, depth=depth - 1)
    if depth > 0:
        for kind, parts_of in _PARTS.items():
            if isinstance(value, kind):
                return (type(value), *map(part, parts_of(value)))
    try:
        hash(value)
    except Exception:  # noqa: BLE001 - it may be of the user's class
        return (type(value), id(value))
    return (type(value), value)


def _of_function(function: FunctionType) -> tuple[Any, ...]:
    cells = tuple(map(_content, function.__closure__ or ()))
    return (
        function.__code__,
        id(function.__globals__),
        cells,
        function.__defaults__,
        function.__kwdefaults__,
    )


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # it is empty still
        return cell


_PARTS: dict[type, Callable[[Any], tuple[Any, ...]]] = {
    functools.partial: lambda each: (each.func, each.args, each.keywords),
    MethodType: lambda each: (each.__func__, each.__self__),
    FunctionType: _of_function,
    tuple: tuple,
    list: tuple,
    dict: lambda each: tuple(each.items()),
}
