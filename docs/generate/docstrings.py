"""The content of docstrings as Markdown."""

from __future__ import annotations

import dataclasses
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any

from markdown_parts import code, paragraph, table

# Fields that are the plugin's own, or that derive copies.
INTERNAL = frozenset({"_", "variant", "factory", "supervisor", "simulated"})


def described(thing: object) -> str:
    """Return a docstring up to its first section, as one text in Markdown."""
    return markdown(re.split(r"\n(?:Args|Attributes|Raises|Returns|Source):", inspect.getdoc(thing) or "")[0])


def prose(thing: object) -> str:
    """Return a docstring's paragraphs up to its first section."""
    return "\n\n".join(paragraph(each) for each in described(thing).split("\n\n"))


def entries(thing: Any, section: str) -> dict[str, str]:
    """Return a section of a docstring: name -> meaning."""
    found = re.search(
        rf"^{section}:\n((?: {{4}}.*\n?|\n)+)", inspect.cleandoc(thing.__doc__ or ""), re.MULTILINE
    )
    lines = textwrap.dedent(found[1]) if found else ""
    pairs = re.findall(r"^(\w+): (.*(?:\n {4}.*)*)", lines, re.MULTILINE)
    return {name: markdown(" ".join(text.split())) for name, text in pairs}


def parameters_table(factory: Callable[..., Any]) -> str:
    """Return a factory's parameters with their defaults and meanings."""
    meanings = entries(factory, "Args")
    parameters = inspect.signature(factory).parameters.values()
    return table(
        ("parameter", "default", "meaning"),
        ([code(each.name), default(each.default), meanings[each.name]] for each in parameters),
    )


def fields_table(kind: type) -> str:
    """Return a type's fields with their defaults and meanings; empty for a type without any."""
    meanings: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        meanings |= entries(base, "Attributes")
    rows = [[code(name), value, meanings[name]] for name, value in fields(kind) if name not in INTERNAL]
    return table(("field", "default", "meaning"), rows) if rows else ""


def fields(kind: Any) -> Iterator[tuple[str, str]]:
    """Yield the names and defaults of a dataclass's or a named tuple's fields."""
    if not dataclasses.is_dataclass(kind):
        for name in kind._fields:
            yield name, default(kind._field_defaults.get(name, inspect.Parameter.empty))
        return
    for field in dataclasses.fields(kind):
        made = field.default_factory
        value = field.default if made is dataclasses.MISSING else made()
        yield field.name, default(inspect.Parameter.empty if value is dataclasses.MISSING else value)


def markdown(text: str) -> str:
    """Return a docstring's text as Markdown: roles and literals become code."""
    text = re.sub(r":\w+:`~?(?:[\w.]+\.)?(\w+)`", r"`\1`", text)
    return re.sub(r"``(.+?)``", r"`\1`", text, flags=re.DOTALL)


def default(value: object) -> str:
    """Return a default value as code, or that there is none."""
    if value is inspect.Parameter.empty:
        return "required"
    if isinstance(value, Enum):
        return code(value.name)
    shown = f"{type(value).__name__}()" if dataclasses.is_dataclass(value) else repr(value)
    return code(shown.replace("'", '"'))
