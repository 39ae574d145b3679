"""Text for a terminal: aligned columns, wrapped lines, nothing that steers or garbles it. Pure."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Collection, Iterable, Iterator, Sequence

WIDTH = 80
UNITED = re.compile(r"(?<=\d) (?=(?:s|ms|µs|ns|min|h|%|[KMG]iB|CPUs?)(?!\w))")
NO_BREAK = "\u00a0"  # textwrap breaks lines at ASCII's spaces only
ASCII = str.maketrans({"\u2013": "-", "≥": ">=", "µ": "u", "…": "..."})

Cells = list[str]


def grid(
    header: Sequence[Cells],
    body: Sequence[Cells],
    *,
    left: Collection[int] = (),
    gap: str = " ",
    groups: Iterable[tuple[int, int, str]] = (),
) -> list[str]:
    """Return aligned lines with a rule below the header.

    Args:
        header: the lines above the rule, a cell per column.
        body: the lines below it.
        left: columns that are aligned to the left; the others to the right.
        gap: the separator of columns.
        groups: first column, number of columns and the name that is written above them.
    """
    widths = [max(map(len, column)) for column in zip(*header, *body, strict=True)]
    lines = [gap.join(_aligned(cells, widths, left)) for cells in (*header, *body)]
    for start, count, name in groups:
        begin = sum(widths[:start]) + len(gap) * start
        span = sum(widths[start : start + count]) + len(gap) * (count - 1)
        lines[0] = lines[0][:begin].ljust(begin) + name.center(span) + lines[0][begin + span :]
    lines = [line.rstrip() for line in lines]
    return [*lines[: len(header)], "-" * max(map(len, lines)), *lines[len(header) :]]


def _aligned(cells: Cells, widths: Sequence[int], left: Collection[int]) -> Iterator[str]:
    for number, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        yield cell.ljust(width) if number in left else cell.rjust(width)


def cut(text: str, columns: int) -> str:
    """Return a text of at most that many columns, with an ellipsis for the rest."""
    return text if len(text) <= columns else f"{text[: columns - 1]}…"


def fits(lines: Iterable[str], width: int) -> bool:
    """Return whether no line is wider than that."""
    return max(map(len, lines)) <= width


def wrapped(text: str, indent: str = "  ", hanging: str = "  ") -> list[str]:
    """Return a text as lines of at most ``WIDTH`` columns, in which numbers stay with their units."""
    united = UNITED.sub(NO_BREAK, text)
    lines = textwrap.wrap(
        united, WIDTH, initial_indent=indent, subsequent_indent=indent + hanging, break_on_hyphens=False
    )
    return [line.replace(NO_BREAK, " ") for line in lines]


def printable(text: str) -> str:
    """Return a text with control characters escaped: a guest's output must not control our terminal."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def encodable(text: str, encoding: str) -> str:
    """Return a text that a stream of the encoding can show: in ASCII where it must be."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(ASCII).encode(encoding, "backslashreplace").decode(encoding)
    return text
