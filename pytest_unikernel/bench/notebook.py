"""Results in a notebook: a report's figures and table of the loads. Plain text where nothing can draw."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from html import escape

from pytest_unikernel.bench.shown import Named, shown
from pytest_unikernel.errors import ReportError
from pytest_unikernel.report import render
from pytest_unikernel.report.charts import cold, distribution, phases, sweep
from pytest_unikernel.report.figure import Figure
from pytest_unikernel.report.overview import Table, all_loads
from pytest_unikernel.report.series import Results
from pytest_unikernel.text.table_cells import NONE

# Notebooks have themes, the figures are drawn for a light page.
IMAGE = "display:block;max-width:100%;background:#fff;border-radius:4px;margin:0 0 8px"
TEXT = "font-size:12px;line-height:1.3"


def html_of(loads: Sequence[Named], text: str, head: str = "") -> str:
    """Return the loads for a notebook.

    Args:
        loads: the names and records of the loads; without any only the text is shown.
        text: what a terminal shows of them.
        head: a sentence before the table.
    """
    if not loads:
        return f'<pre style="{TEXT}">{escape(text or "no load was run")}</pre>'
    results = shown(loads)
    first = [f"<p><b>{escape(head)}</b></p>"] if head else []
    return "".join([*first, *_table(_figures_table(results)), *_pictures(results), *_details(text)])


def _figures_table(results: Results) -> Table:
    """Return the table of all loads without the columns in which no load has a figure."""
    table = all_loads(results)
    used = [
        number
        for number in range(len(table.heads))
        if number < table.words or any(row[number] != NONE for row in table.rows)
    ]
    rows = [[row[number] for number in used] for row in table.rows]
    return Table(table.title, [table.heads[number] for number in used], rows, table.words, table.note)


def _table(table: Table) -> Iterator[str]:
    yield "<table><thead><tr>"
    yield "".join(
        f"<th{_align(table, number)}>{escape(head)}</th>" for number, head in enumerate(table.heads)
    )
    yield "</tr></thead><tbody>"
    for row in table.rows:
        cells = (f"<td{_align(table, number)}>{escape(cell)}</td>" for number, cell in enumerate(row))
        yield f"<tr>{''.join(cells)}</tr>"
    yield "</tbody></table>"


def _align(table: Table, number: int) -> str:
    return f' style="text-align:{"left" if number < table.words else "right"}"'


def _pictures(results: Results) -> Iterator[str]:
    """Yield the figures that say most about these loads; none where the drawing library is missing."""
    try:
        render.check_library()
        for figure in _figures(results):
            yield _picture(figure, render.svg(figure))
    except ReportError:
        return  # the table and the text have the numbers


def _figures(results: Results) -> Iterator[Figure]:
    steps = sum(len(series.loads) for series in results.sweeps)
    if steps > 1:
        yield from sweep.figures(results)
    else:
        yield from distribution.figures(results)
        yield from cold.figures(results)
    yield from phases.figures(results)


def _picture(figure: Figure, svg: str) -> str:
    """Return a figure as an image: what it defines can't meet what other figures of the page define."""
    data = base64.b64encode(svg.encode()).decode("ascii")
    label = escape(f"{figure.title}. {figure.caption}")
    return f'<img style="{IMAGE}" alt="{label}" title="{label}" src="data:image/svg+xml;base64,{data}">'


def _details(text: str) -> Iterator[str]:
    yield f'<details><summary>as text</summary><pre style="{TEXT}">{escape(text)}</pre></details>'
