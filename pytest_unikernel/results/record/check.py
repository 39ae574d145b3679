"""Checks records against their schema and locates the faults. Pure.

msgspec decides whether a value fits. A value that does not fit is taken apart here, because msgspec names
only the first misfit, and neither its value nor its key in a mapping.
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import msgspec
from msgspec.structs import FieldInfo, fields

from pytest_unikernel.results.record.parts import LARGEST, Part
from pytest_unikernel.results.record.schema import BY_MODE, LoadSchema

Kind = Any  # a type, a union or an annotated type: Python has no common type for these
Modes = Mapping[str, type[LoadSchema]]
ROOT = "load"  # the record's own key in ``extra_info``
DEEPEST = 64  # deeper nesting can exhaust the stack of code that handles the record
SHOWN = 40
DAMAGED = "the file is damaged, or was changed by hand"
WORDS = {str: "a text", bool: "true or false", type(None): "null", list: "a list", dict: "an object"}


@dataclass(frozen=True)
class Fault:
    """A fault in a record.

    Attributes:
        where: the path to the value: ``load.response_time_s.p50``.
        expected: the expected kind of value, in words.
        value: the value found.
        missing: there is no value.
    """

    where: str
    expected: str
    value: Any = None
    missing: bool = False

    def __str__(self) -> str:
        """Return the fault as a sentence."""
        if self.missing:
            return f"{self.where} is missing"
        return f"{self.where}: expected {self.expected}, got {shown(self.value)}"


def checked(value: Any, modes: Modes = BY_MODE) -> Mapping[str, Any] | Fault:
    """Return the record unchanged, or its first fault."""
    return next(faults(value, modes), value)


def faults(value: Any, modes: Modes = BY_MODE) -> Iterator[Fault]:
    """Yield each fault of a record."""
    return misfits(value, kind_of(value, modes), ROOT)


def kind_of(record: Any, modes: Modes = BY_MODE) -> type[LoadSchema]:
    """Return the type that a record must have, by its mode."""
    mode = record.get("mode") if isinstance(record, dict) else None
    return modes.get(mode, LoadSchema) if isinstance(mode, str) else LoadSchema


def misfits(value: Any, kind: Kind, where: str) -> Iterator[Fault]:
    """Yield each part of a value that does not fit its kind."""
    if is_deep(value):
        yield Fault(where, f"values nested at most {DEEPEST} deep", value)
    else:
        yield from _misfits(value, kind, where)


def is_deep(value: Any) -> bool:
    """Return whether a value is nested deeper than ``DEEPEST`` levels."""
    level = [value]
    for _ in range(DEEPEST):
        level = [part for each in level for part in _containers_in(each)]
        if not level:
            return False
    return True


def _containers_in(value: Any) -> list[Any]:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [part for part in parts if isinstance(part, (dict, list))]


def shown(value: Any) -> str:
    """Return an abbreviated value on one line."""
    text = reprlib.repr(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def fits(value: Any, kind: Kind) -> bool:
    """Return whether a value and all its parts fit a kind."""
    try:
        msgspec.convert(value, kind)
    except (msgspec.ValidationError, UnicodeEncodeError):  # half a character where no text belongs
        return False
    return True


# parts of a value --------------------------------------------------------------------------------------


class _Part(NamedTuple):
    value: Any
    kind: Kind
    where: str


def _misfits(value: Any, kind: Kind, where: str) -> Iterator[Fault]:
    if fits(value, kind):
        return
    within = [fault for part in _parts(value, kind, where) for fault in _misfits(*part)]
    yield from (*within, *_absent(value, kind, where)) or (_misfit(value, kind, where),)


def _misfit(value: Any, kind: Kind, where: str) -> Fault:
    is_large = isinstance(value, (int, float)) and abs(value) > LARGEST
    return Fault(where, _words(kind) + (f", at most {LARGEST:.0e}" if is_large else ""), value)


def _parts(value: Any, kind: Kind, where: str) -> Iterator[_Part]:
    """Yield the parts of a value, each with its own kind."""
    part = part_of(kind)
    if isinstance(value, list) and (inner := item_kind(kind, list)) is not None:
        yield from (_Part(each, inner, f"{where}[{number}]") for number, each in enumerate(value))
    elif isinstance(value, dict) and part is not None:
        for field in declared(part):
            if field.encode_name in value:
                yield _Part(value[field.encode_name], field.type, f"{where}.{field.encode_name}")
    elif isinstance(value, dict) and (inner := item_kind(kind, dict)) is not None:
        yield from (_Part(each, inner, f"{where}[{shown(key)}]") for key, each in value.items())


def _absent(value: Any, kind: Kind, where: str) -> Iterator[Fault]:
    """Yield the keys that a value lacks."""
    part = part_of(kind)
    for field in declared(part) if part is not None and isinstance(value, dict) else ():
        if field.required and field.encode_name not in value:
            yield Fault(f"{where}.{field.encode_name}", _words(field.type), missing=True)


def _words(kind: Kind) -> str:
    """Return the name of a kind in words."""
    return " or ".join(_word(each) for each in alternatives(kind))


def _word(kind: Kind) -> str:
    origin: Any = get_origin(kind)
    if origin is Annotated:
        return str(get_args(kind)[1].title)
    if origin is Literal:
        return " or ".join(map(repr, get_args(kind)))
    return "an object" if part_of(kind) else WORDS.get(origin or kind, "a pair of whole numbers")


# kinds --------------------------------------------------------------------------------------------


@cache
def alternatives(kind: Kind) -> tuple[Kind, ...]:
    """Return the alternatives of a union, or the kind itself as the only one."""
    return get_args(kind) if get_origin(kind) in {Union, UnionType} else (kind,)


@cache
def item_kind(kind: Kind, container: type) -> Kind:
    """Return the kind of a list's items or a mapping's values; None if the kind is no such container."""
    for each in alternatives(kind):
        origin: Any = get_origin(each)
        if origin is container:
            return get_args(each)[-1]
    return None


@cache
def part_of(kind: Kind) -> type[Part] | None:
    """Return the type with declared keys among a kind's alternatives; None if there is none."""
    found = (each for each in alternatives(kind) if isinstance(each, type) and issubclass(each, Part))
    return next(found, None)


@cache
def declared(part: type[Part]) -> tuple[FieldInfo, ...]:
    """Return the declared keys of a type; cached, because msgspec resolves their types at each call."""
    return fields(part)
