"""The tables as Markdown; names of tests and targets stay text. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pytest_unikernel.report.overview import Table
from pytest_unikernel.text.grid import Cells

# An underscore inside a word is one; "://" and "www." would make links of addresses.
SPECIAL = re.compile(r"[\\`*|~$\[\]]|(?<![^\W_])_|_(?![^\W_])|(?=://)|(?<=www)(?=\.)")


def document(title: str, tables: Sequence[Table]) -> str:
    """Return a whole Markdown file."""
    lines = [f"# {escaped(title)}"]
    for table in tables:
        lines += ["", f"## {escaped(table.title)}", "", *_table(table)]
        lines += ["", escaped(table.note)] if table.note else []
    return "\n".join(lines) + "\n"


def _table(table: Table) -> Iterator[str]:
    """Yield the lines; columns of figures are aligned to the right."""
    yield _line(table.heads)
    yield _line(["---" if number < table.words else "---:" for number in range(len(table.heads))], plain=True)
    yield from map(_line, table.rows)


def _line(cells: Cells, *, plain: bool = False) -> str:
    return f"| {' | '.join(cells if plain else map(escaped, cells))} |"


def escaped(text: str) -> str:
    """Return a text that Markdown shows as it is, in a cell too: no link, no tag, no end of the cell."""
    flat = " ".join(text.split())
    return SPECIAL.sub(r"\\\g<0>", flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))
