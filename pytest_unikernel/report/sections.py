"""Sections that other packages add to a report: figures and tables; their faults are reported by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from pytest_unikernel.errors import ReportError
from pytest_unikernel.report.figure import Figure
from pytest_unikernel.report.overview import Table
from pytest_unikernel.report.series import Results

PLAIN = re.compile(r"[A-Za-z0-9_-]+")
Made = TypeVar("Made", Figure, Table)


def _nothing(results: Results) -> tuple[()]:
    del results
    return ()


@dataclass(frozen=True)
class ReportSection:
    """Something that reports show after our own, made of the results.

    Attributes:
        name: names its faults.
        figures: makes figures; each stands under the heading that it names, in the page, and is a PNG and an
            SVG of its own name.
        tables: makes tables, for the page and for Markdown.
    """

    name: str
    figures: Callable[[Results], Iterable[Figure]] = _nothing
    tables: Callable[[Results], Iterable[Table]] = _nothing


def figures(sections: Sequence[ReportSection], results: Results) -> Iterator[Figure]:
    """Yield the figures of all sections.

    Raises:
        ReportError: a section has a fault; the text names it.
    """
    return _made(sections, lambda section: map(_sound_figure, section.figures(results)))


def tables(sections: Sequence[ReportSection], results: Results) -> Iterator[Table]:
    """Yield the tables of all sections.

    Raises:
        ReportError: a section has a fault; the text names it.
    """
    return _made(sections, lambda section: map(_sound_table, section.tables(results)))


def _made(
    sections: Sequence[ReportSection], make: Callable[[ReportSection], Iterable[Made]]
) -> Iterator[Made]:
    for section in sections:
        with _named(section):
            yield from make(section)


def _sound_figure(figure: Figure) -> Figure:
    if not PLAIN.fullmatch(figure.name):
        raise ValueError(
            f"the name of a figure must consist of letters, digits, - and _, got {figure.name!r}"
        )
    figure.spec()
    return figure


def _sound_table(table: Table) -> Table:
    for cells in (table.heads, *table.rows):
        if len(cells) != len(table.heads) or not all(isinstance(cell, str) for cell in cells):
            raise ValueError(
                f"each row of the table {table.title!r} must have {len(table.heads)} texts, got {cells!r}"
            )
    return table


@contextmanager
def _named(section: ReportSection) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise ReportError(
            f"the report section {section.name!r} failed: {type(error).__name__}: {error}"
        ) from error
