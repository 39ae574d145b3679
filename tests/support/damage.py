"""Damaged files of results, as by hand, by disks or by other programs. For hypothesis."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Sequence
from typing import Any

from hypothesis import strategies as st

Way = tuple[Any, ...]
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 3.5, 1e308, -1e308, 5e-324, 10**400, float("nan"), float("inf")),
    *("", "x", "1", "\x1b[31m", "\ud800"),
    *([], [None], [1], [[1, 2]], {}, {"a": 1}, {"mean": "x"}),
)
DEEP = "(deep)"  # placeholder in a document for nesting that exhausts a stack


def places(value: Any, at: Way = ()) -> Iterator[Way]:
    """Yield the path of every value in a document."""
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield (*at, key)
        yield from places(value[key], (*at, key))


def changed(document: Any, way: Way, how: str, odd: Any) -> Any:
    """Return a document with one value changed; unchanged if an earlier change removed the value."""
    made = copy.deepcopy(document)
    part, last = made, way[-1]
    for key in way[:-1]:
        if not _has(part, key):
            return made
        part = part[key]
    if _has(part, last):
        _change(part, last, how, odd)
    return made


def _has(part: Any, key: Any) -> bool:
    if isinstance(part, dict):
        return key in part
    return isinstance(part, list) and isinstance(key, int) and key < len(part)


def _change(part: Any, key: Any, how: str, odd: Any) -> None:
    value = part[key]
    if how == "drop":
        del part[key]
    elif how == "deep":
        part[key] = DEEP
    elif how == "reverse" and isinstance(value, (dict, list)):
        part[key] = dict(reversed(value.items())) if isinstance(value, dict) else value[::-1]
    elif how == "twice" and isinstance(part, list):
        part.insert(key, copy.deepcopy(value))
    elif how == "elsewhere" and isinstance(part, dict):
        part[f"{key}_"] = part.pop(key)
    elif how == "neighbour" and isinstance(part, dict):
        part[key] = next(iter(part.values()))
    else:
        part[key] = odd


HOW = ("odd", "odd", "odd", "odd", "drop", "drop", "deep", "reverse", "twice", "elsewhere", "neighbour")


def documents(document: Any, ways: Sequence[Way]) -> st.SearchStrategy[Any]:
    """Return the strategy of documents with one to three changes."""

    @st.composite
    def drawn(draw: st.DrawFn) -> Any:
        made = document
        for _ in range(draw(st.integers(1, 3))):
            number, how = draw(st.integers(0, len(ways) - 1)), draw(st.sampled_from(HOW))
            made = changed(made, ways[number], how, draw(st.sampled_from(ODD)))
        return made

    return drawn()


def texts(text: bytes) -> st.SearchStrategy[bytes]:
    """Return the strategy of texts with one to three changes."""

    @st.composite
    def drawn(draw: st.DrawFn) -> bytes:
        made = text
        for _ in range(draw(st.integers(1, 3))):
            made = _edited(made, draw(st.sampled_from(EDITS)), draw(st.integers(0, len(made))))
        return made

    return drawn()


EDITS = ("cut", "byte", "no text", "mark", "brackets", "line gone", "line twice", "lines reversed")
INSERTED = {"no text": b"\xff\xfe\x00", "mark": b"\xef\xbb\xbf", "brackets": b"[" * 9999}


def _edited(text: bytes, how: str, place: int) -> bytes:
    if how == "cut":
        return text[:place]
    if how == "byte":
        return text[:place] + bytes([place % 256]) + text[place + 1 :]
    if how in INSERTED:
        return text[:place] + INSERTED[how] + text[place:]
    lines = text.splitlines(keepends=True)
    if how == "lines reversed":
        return b"".join(lines[::-1])
    number = text[:place].count(b"\n")
    again = lines[number : number + 1] * (2 if how == "line twice" else 0)
    return b"".join([*lines[:number], *again, *lines[number + 1 :]])


def saved(document: Any) -> bytes:
    """Return a document as a file."""
    return _text(document)


def journal(entries: Sequence[Any]) -> bytes:
    """Return entries as the lines of a journal."""
    return b"".join(_text(entry) + b"\n" for entry in entries)


def _text(value: Any) -> bytes:
    """Return a value as JSON; half of the deep values have the greatest depth that a parser accepts."""
    nested = '{"a": [' * 400 + "]}" * 400
    return json.dumps(value).replace(json.dumps(DEEP), nested).encode()
