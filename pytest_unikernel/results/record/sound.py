"""Extracts the sound parts of a record that may be damaged or nearly empty. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from pytest_unikernel.results.record.check import (
    Kind,
    alternatives,
    declared,
    fits,
    is_deep,
    item_kind,
    kind_of,
    part_of,
)
from pytest_unikernel.results.record.parts import Part
from pytest_unikernel.results.record.schema import Cold, Sweep

Key = TypeVar("Key")


def sound(value: Any) -> dict[str, Any]:
    """Return a record with every key of the schema; missing and misfitting values become null or empty.

    A part that lacks a required key is unknown as a whole, for example an incomplete search. A record without
    a mode counts as a sweep's.
    """
    given = {} if is_deep(value) else value
    is_cold = kind_of(given) is Cold
    return {**_filled(given, Cold if is_cold else Sweep), "mode": "cold" if is_cold else "sweep"}


def _filled(value: Any, part: type[Part]) -> dict[str, Any]:
    given = value if isinstance(value, dict) else {}
    known = {each.encode_name: _sound(given.get(each.encode_name), each.type) for each in declared(part)}
    return {**given, **known}


def _sound(value: Any, kind: Kind) -> Any:
    is_nullable, part = type(None) in alternatives(kind), part_of(kind)
    if value is None and is_nullable:
        return None
    if part is not None:
        return None if is_nullable and not _is_usable(value, part) else _filled(value, part)
    for container in (list, dict):
        inner = item_kind(kind, container)
        if inner is not None and (isinstance(value, container) or not is_nullable):
            return _sound_items(value if isinstance(value, container) else container(), inner)
    return value if fits(value, kind) else None


def _is_usable(value: Any, part: type[Part]) -> bool:
    """Return whether a part has all required keys."""
    return isinstance(value, dict) and all(
        field.encode_name in value and fits(value[field.encode_name], field.type)
        for field in declared(part)
        if field.required
    )


def _sound_items(container: Any, kind: Kind) -> Any:
    """Return a list or a mapping without the items that do not fit."""
    if isinstance(container, dict):
        return dict(_sound_pairs(container.items(), kind))
    if part_of(kind) is None and fits(container, list[kind]):
        return container
    return [item for _, item in _sound_pairs(enumerate(container), kind)]


def _sound_pairs(pairs: Iterable[tuple[Key, Any]], kind: Kind) -> Iterator[tuple[Key, Any]]:
    part = part_of(kind)
    for key, value in pairs:
        if part is not None and _is_usable(value, part):
            yield key, _filled(value, part)
        elif part is None and fits(value, kind):
            yield key, value
