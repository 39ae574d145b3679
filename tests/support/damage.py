"""Damage to files of results: by hand, by disks, by other programs. One random change per call."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

Way = tuple[Any, ...]
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 3.5, 1e308, -1e308, 5e-324, 10**400, float("nan"), float("inf")),
    *("", "x", "1", "\x1b[31m", "\ud800", "a\nb", "a\0b", "\u202e", "x" * 5000),
    *([], [None], [1], [[1, 2]], {}, {"a": 1}, {"mean": "x"}, {"": None}),
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


def altered(random: Random, document: Any, ways: Sequence[Way] = ()) -> Any:
    """Return a document with one value changed, by default any of its values."""
    found = ways or list(places(document))
    if not found:
        return random.choice(ODD)
    return changed(document, random.choice(found), random.choice(HOW), random.choice(ODD))


EDITS = (
    *("cut", "byte", "no text", "mark", "brackets", "line gone", "line twice", "lines reversed"),
    *("number", "number", "piece gone", "piece twice", "controls", "line ends", "commas", "long"),
)
INSERTED = {
    "no text": b"\xff\xfe\x00",
    "mark": b"\xef\xbb\xbf",
    "brackets": b"[" * 9999,
    "controls": b"\x1b[31m\x00\x07\r\x0b\x1c\xc2\x85\xe2\x80\xa8",
    "long": b"x" * 70_000,
}
NUMBER = re.compile(rb"-?[0-9]+(?:\.[0-9]+)?")
NUMBERS = (
    *(b"0", b"-1", b"1e999", b"NaN", b"1" * 5000, b"9223372036854775807", b"9223372036854775808"),
    *(b"0.1", b"1e-400", b"", b"true", b"0x10", b"\xd9\xa1", b"1_000", b"1e308", b"-0.0"),
)


def edited(random: Random, text: bytes) -> bytes:
    """Return a text with one change: a place damaged, a number replaced, lines lost or repeated."""
    how, place = random.choice(EDITS), random.randint(0, len(text))
    if how in INSERTED:
        return text[:place] + INSERTED[how] + text[place:]
    if how == "number":
        return _renumbered(random, text)
    if how.startswith("line"):
        return _lines_edited(text, how, place)
    end = min(len(text), place + random.choice((1, 4, 40)))
    return {
        "cut": lambda: text[:place],
        "byte": lambda: text[:place] + bytes([random.randrange(256)]) + text[place + 1 :],
        "piece gone": lambda: text[:place] + text[end:],
        "piece twice": lambda: text[:end] + text[place:],
        "commas": lambda: text.replace(b"\t", b",").replace(b" ", b"\t"),
    }[how]()


def _renumbered(random: Random, text: bytes) -> bytes:
    found = list(NUMBER.finditer(text[:20_000]))
    if not found:
        return text
    number = random.choice(found)
    return text[: number.start()] + random.choice(NUMBERS) + text[number.end() :]


def _lines_edited(text: bytes, how: str, place: int) -> bytes:
    if how == "line ends":
        return text.replace(b"\n", b"\r\n")
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
