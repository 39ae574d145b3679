"""TOML: reading, by whichever module this Python has, and writing of tables of plain values."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

if sys.version_info >= (3, 11):
    from tomllib import TOMLDecodeError, loads
else:
    from tomli import TOMLDecodeError, loads

__all__ = ["TOMLDecodeError", "dumps", "loads"]


def dumps(tables: Mapping[str, Any]) -> str:
    """Return the text of nested tables of texts, numbers, truth values and lists of them."""
    return "\n".join(_lines(tables, ())) + "\n"


def _lines(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    plain = {key: value for key, value in table.items() if not isinstance(value, Mapping)}
    if path and (plain or not table):
        yield f"[{'.'.join(map(json.dumps, path))}]"
    for key, value in plain.items():
        # JSON's texts, numbers, truth values and lists are TOML's. Source: TOML 1.0.
        yield f"{json.dumps(key)} = {json.dumps(value)}"
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _lines(value, (*path, key))
