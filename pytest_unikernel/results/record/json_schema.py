"""The record's JSON Schema, made from its types.

python -m pytest_unikernel.results.record.json_schema > docs/reference/record.schema.json
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Iterable
from typing import Any

import msgspec

from pytest_unikernel.results.record.check import Kind, declared, item_kind, part_of
from pytest_unikernel.results.record.parts import Part
from pytest_unikernel.results.record.schema import BY_MODE

JsonDict = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
NULL = {"type": "null"}
TITLE = "A record of pytest-unikernel"
ABOUT = (
    'extra_info["load"] of a benchmark in a file of pytest-benchmark\'s: one load. Seconds, hertz, bytes; '
    "null is unknown. Keys may be added, never renamed or removed; those that a version doesn't know are to "
    "be ignored."
)
LINE = re.compile(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", re.MULTILINE)


def json_schema() -> JsonDict:
    """Return the schema, with a description of every key."""
    references, made = msgspec.json.schema_components(BY_MODE.values(), ref_template="#/$defs/{name}")
    by_mode = dict(zip(BY_MODE, references, strict=True))
    named = {each.__name__: _described(made[each.__name__], each) for each in parts_of(BY_MODE.values())}
    return {
        "$schema": DIALECT,
        "title": TITLE,
        "description": ABOUT,
        "if": {"properties": {"mode": {"const": "cold"}}, "required": ["mode"]},
        "then": by_mode["cold"],
        "else": by_mode["sweep"],
        "$defs": _nullable(named),
    }


def _nullable(value: Any) -> Any:
    """Return a part of a schema with null among its types, not in ``anyOf``: validators report that best."""
    if isinstance(value, list):
        return [_nullable(each) for each in value]
    if not isinstance(value, dict):
        return value
    made = {name: _nullable(each) for name, each in value.items()}
    others = [each for each in made.get("anyOf", ()) if each != NULL]
    if NULL not in made.get("anyOf", ()):
        return made
    if len(others) == 1 and "type" in others[0]:
        del made["anyOf"]
        return {**made, **others[0], "type": [others[0]["type"], "null"]}
    return {**made, "anyOf": [*others, NULL]}


def parts_of(kinds: Iterable[Kind]) -> list[type[Part]]:
    """Return all types with declared keys within the kinds, each once, outer types first."""
    found: dict[type[Part], None] = {}
    left = list(kinds)
    while left:
        kind = left.pop(0)
        part = part_of(kind)
        if part is not None and part not in found:
            found[part] = None
            left += [field.type for field in declared(part)]
        left += [inner for each in (list, dict) if (inner := item_kind(kind, each)) is not None]
    return list(found)


def key_lines(part: type[Part]) -> dict[str, str]:
    """Return the description of each key of a part, by Python name, from the lines under ``Attributes:``."""
    lines: dict[str, str] = {}
    for each in reversed(part.__mro__):
        text = inspect.cleandoc(each.__dict__.get("__doc__") or "").partition("Attributes:\n")[2]
        lines |= {name: " ".join(line.split()) for name, line in LINE.findall(text)}
    return lines


def _described(made: JsonDict, part: type[Part]) -> JsonDict:
    lines = key_lines(part)
    known = {field.encode_name: lines[field.name] for field in declared(part)}
    keys = {name: {"description": known[name], **each} for name, each in made["properties"].items()}
    return {**made, "description": (part.__doc__ or "").partition("\n")[0], "properties": keys}


def text() -> str:
    """Return the text of the published schema file."""
    return json.dumps(json_schema(), indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
