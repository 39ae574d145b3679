"""Markdown of parts that others wrote: names, reasons and outputs must not steer how a page looks. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from pytest_unikernel.text.grid import cut, printable

LONGEST = 300  # characters of a cell: a test's name may have any length
ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;"}  # the last would mention somebody
# A backslash makes ASCII punctuation an ordinary character. Source: GitHub Flavored Markdown, 6.1.
PUNCTUATION = frozenset("\\`*_{}[]()#+-.!|~:")
# Inside a word they mean nothing.
HARMLESS = re.compile(r"(?<=[^\W_])([-.:_+]|::)(?=[^\W_])|(?<=[A-Za-z])[.:](?= |$)")


def escaped(text: object, most: int = LONGEST) -> str:
    """Return a text as Markdown that shows exactly it, on one line."""
    plain = cut(printable(str(text)), most)
    kept = {at for match in HARMLESS.finditer(plain) for at in range(*match.span())}
    if "://" in plain or "www." in plain:  # it would become a link
        kept = set()
    return "".join(_shown(each, harmless=at in kept) for at, each in enumerate(plain))


def _shown(each: str, *, harmless: bool) -> str:
    if each in PUNCTUATION and not harmless:
        return f"\\{each}"
    return ENTITIES.get(each, each)


def in_html(text: object) -> str:
    """Return a text for a line of HTML, where Markdown means nothing."""
    return "".join(ENTITIES.get(each, each) for each in cut(printable(str(text)), LONGEST))


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, left: int = 1) -> str:
    """Return a table; the first columns are aligned to the left, the others to the right.

    Args:
        heads: the heads of the columns.
        rows: the cells, as Markdown.
        left: the number of columns to align to the left.
    """
    rule = [":--" if place < left else "--:" for place in range(len(heads))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, rule, *rows))


def preformatted(lines: Sequence[str]) -> str:
    """Return lines as they are, in a block whose fence none of them ends."""
    shown = [printable(line) for line in lines]
    longest = max((len(run) for line in shown for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join([f"{fence}text", *shown, fence])


def details(head: str, parts: Iterable[str]) -> str:
    """Return parts that are shown when their head, a line of HTML, is clicked."""
    return "\n\n".join([f"<details><summary>{head}</summary>", *parts, "</details>"])
