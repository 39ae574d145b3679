"""The whole report: figures drawn, tables written, one page of all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pytest_unikernel.report import (
    conditions,
    gallery,
    hosttable,
    markdown,
    overview,
    phasetable,
    render,
    sections,
    writing,
)
from pytest_unikernel.report.grids import FORMATS, grids
from pytest_unikernel.report.judged import judged
from pytest_unikernel.report.overview import Table
from pytest_unikernel.report.page import page
from pytest_unikernel.report.render import Picture
from pytest_unikernel.report.sections import ReportSection
from pytest_unikernel.report.series import Document, Results

TITLE = "Load sweeps"
TABLES = "report.md"
SHOWN = 5


def write_report(results: Results, directory: Path, more: Sequence[ReportSection] = ()) -> Path:
    """Write the page, its figures and its tables, and return the page's path.

    Args:
        results: the loads to show.
        directory: where it goes.
        more: sections after our own.

    Raises:
        ReportError: the drawing library is missing, the directory can't take it, or a section has a fault.
    """
    writing.check_directory(directory)
    pictures = list(render.draw(gallery.figures(results, sections.figures(more, results))))
    more_tables = (
        hosttable.hosts(results), conditions.settings(results), judged(results.comparison),
        phasetable.other_phases(results),
    )  # fmt: skip
    own = [*overview.tables(results), *(table for table in more_tables if table is not None)]
    tables = [*own, *sections.tables(more, results)]
    writing.write_files(directory, report_files(results, pictures, tables))
    return directory / writing.PAGE


def report_files(
    results: Results, pictures: Sequence[Picture], tables: Sequence[Table]
) -> Mapping[str, bytes]:
    """Return every file's content by its name."""
    title = heading(results)
    files = {
        **{f"{each.figure.name}.svg": each.svg.encode() for each in pictures},
        **{f"{each.figure.name}.png": each.png for each in pictures},
        **{
            f"{grid.name}.{kind}": grid.text(mark).encode()
            for grid in grids(results)
            for kind, mark in FORMATS.items()
        },
        TABLES: markdown.document(title, tables).encode(),
    }
    text = page(title, list(_about(results)), pictures, tables, files, labels=results.labels)
    return {**files, writing.PAGE: text.encode()}


def heading(results: Results) -> str:
    """Return the title, with the files that were measured."""
    return f"{TITLE}: {', '.join(document.label for document in results.current)}"


def _said(document: Document) -> str:
    when = f" of {document.when[:16].replace('T', ' ')}" if document.when else ""
    return f"{document.label}{when}, {len(document.loads)} loads"


def _few(lines: Sequence[str]) -> Iterator[str]:
    yield from lines[:SHOWN]
    if len(lines) > SHOWN:
        yield f"{len(lines) - SHOWN} more"


def damage_notes(results: Results) -> Iterator[str]:
    """Yield a sentence for each document that has damaged values."""
    for _, document in results.documents:
        if document.damages:
            damages = "; ".join(_few(document.damages))
            yield f"Damaged values in {document.label} are shown as not measured: {damages}."


def _about(results: Results) -> Iterator[str]:
    for run, documents in (("Current", results.current), ("Baseline", results.baseline)):
        if documents:
            yield f"{run}: {'; '.join(map(_said, documents))}."
    yield from damage_notes(results)
    yield (
        "Response time runs from the scheduled start of a launch, so a host that can't keep up is visible in "
        "it. The directory of this page has the figures as PNG and SVG, the numbers as CSV, TSV and Markdown."
    )
