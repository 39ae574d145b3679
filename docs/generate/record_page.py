"""The page about the record, from the schema that every reader of records checks them by."""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from docstrings import described
from markdown_parts import code, page, paragraph, table

from pytest_unikernel import LoadResult
from pytest_unikernel.results.record.json_schema import json_schema

Schema = Mapping[str, Any]
OUTER = "Sweep"  # Cold differs from it in keys that are null
SAME = {"ComparedTimes": "Times", "MeanTime": "Times", "Cold": OUTER}  # these differ in what may be missing
ORDER = {field.name: number for number, field in enumerate(dataclasses.fields(LoadResult))}
WORDS = {"array": "list", "boolean": "bool", "string": "str", "null": "null", "object": "object"}


def record_page() -> str:
    """Return the page about the record: a section for the record, and one for each kind of object in it."""
    parts = {name: part for name, part in json_schema()["$defs"].items() if name not in SAME}
    outer = parts.pop(OUTER)
    outer["properties"] = dict(sorted(outer["properties"].items(), key=place))
    sections = [text for name, part in parts.items() for text in (f"## {name}", keys(part))]
    return page(
        "The record",
        paragraph(INTRODUCTION),
        keys(outer),
        *sections,
        "## History of the schema",
        history(),
    )


def keys(part: Schema) -> str:
    """Return what an object is and a table of its keys."""
    rows = [
        [code(name), kind(value), value["description"].replace("``", "`")]
        for name, value in part["properties"].items()
    ]
    return "\n\n".join((part["description"], table(("key", "type", "meaning"), rows)))


def place(key: tuple[str, Schema]) -> int:
    """Return a key's place: that of ``LoadResult`` for the keys that it has."""
    return ORDER.get(key[0], len(ORDER))


def kind(schema: Schema) -> str:
    """Return the type of a value, without null: a name of this page's is a link to its section."""
    if "enum" in schema:
        return " or ".join(code(f'"{each}"') for each in schema["enum"])
    if "anyOf" in schema:
        return either(kind(each) for each in schema["anyOf"])
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        name = SAME.get(name, name)
        return "a whole record" if name == OUTER else f"[{name}](#{name.lower()})"
    names = schema.get("type", "null")
    return either(one(name, schema) for name in ([names] if isinstance(names, str) else names))


def one(name: str, schema: Schema) -> str:
    """Return a type by its JSON Schema's name, with its items or values."""
    if name in {"number", "integer"}:
        return str(schema.get("title", "a number")).removeprefix("a ").replace(">=", "≥")
    if name == "array" and "prefixItems" in schema:
        return "pair"
    if name == "array" and schema.get("items"):
        return f"list of {kind(schema['items'])}"
    if name == "object" and schema.get("additionalProperties"):
        return f"object of {kind(schema['additionalProperties'])}"
    return WORDS.get(name, name)


def either(kinds: Iterable[str]) -> str:
    """Return several types as one; null, which any value may be, only where there is no other."""
    found = dict.fromkeys(kinds)
    return " or ".join([each for each in found if each != "null"] or found)


def history() -> str:
    """Return the schema's history as a list, from the docstring of the module that has its number."""
    text = described(sys.modules[LoadResult.__module__]).partition("by `schema`:")[2].strip()
    items = re.findall(r"^(\d+) +(.*(?:\n +.*)*)", text, re.MULTILINE)
    return "\n".join(f"- Schema {number}: {' '.join(meaning.split())}" for number, meaning in items)


INTRODUCTION = """\
Each benchmark in pytest-benchmark's JSON has the record of its load in `extra_info["load"]`. `LoadResult`,
which `load_step` and `cold_start` return, has the same names as attributes. Quantities are bare numbers in
seconds, hertz and bytes. Any value may be null: it is unknown, or there is none. Keys may be added, never
renamed or removed: ignore those that you don't know. [record.schema.json](record.schema.json) is the same as
a JSON Schema; `compare`, `report`, `import` and `--sweep-resume` check every record by it. The record holds
no raw data: pytest-benchmark's own `stats.data`, the response times of the cohort's completed launches, is
always in a `--benchmark-json` file, and in saved runs with `--benchmark-save-data`. Where nothing completed,
`stats` hold no figure: 0 rounds, every value 0, no samples, in the group `nothing completed (0 is no
figure)`; pytest-benchmark's tables of the run leave it out.
[Every launch's instants](../how-to/raw-data.md) are written by `--sweep-raw`."""
