"""A self-contained HTML page: no script, no address, all foreign text escaped. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import groupby

from pytest_unikernel.report.overview import Table
from pytest_unikernel.report.pagestyle import css
from pytest_unikernel.report.render import Picture

# Nothing may be fetched and no script run, whatever a name should have smuggled in.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
FILES_META = "pytest-unikernel-files"
LONG = ("versions",)  # columns whose cells are wrapped


def page(
    title: str,
    about: Sequence[str],
    pictures: Sequence[Picture],
    tables: Sequence[Table],
    files: Iterable[str],
) -> str:
    """Return the page.

    Args:
        title: its heading.
        about: paragraphs under it.
        pictures: the figures; those of a section stand together.
        tables: the first goes before the figures, the rest after them.
        files: the files beside the page; a later report may replace these.
    """
    sections = [list(group) for _, group in groupby(pictures, key=lambda each: each.figure.section)]
    parts = [
        *_head(title, files),
        f"<h1>{escape(title)}</h1>",
        *(f"<p>{escape(line)}</p>" for line in about),
        _contents([*(each[0].figure.section for each in sections), *(each.title for each in tables[1:])]),
        *(part for table in tables[:1] for part in _table(table)),
        *(part for group in sections for part in _section(group)),
        *(part for table in tables[1:] for part in _table(table)),
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def _head(title: str, files: Iterable[str]) -> Iterator[str]:
    yield "<!doctype html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield '<meta name="color-scheme" content="light dark"><meta name="generator" content="pytest-unikernel">'
    yield f'<meta name="{FILES_META}" content="{escape(" ".join(files))}">'
    yield '<link rel="icon" href="data:,">'
    yield f"<title>{escape(title)}</title><style>{css()}</style></head><body>"


def _contents(titles: Iterable[str]) -> str:
    links = (f'<a href="#{_anchor(title)}">{escape(title)}</a>' for title in titles)
    return f"<nav>{''.join(links)}</nav>"


def _anchor(title: str) -> str:
    return "-".join(title.lower().split())


def _section(group: Sequence[Picture]) -> Iterator[str]:
    """Yield a section; a caption that all of its figures share is shown once."""
    title = group[0].figure.section
    captions = {each.figure.caption for each in group}
    yield f'<section><h2 id="{_anchor(title)}">{escape(title)}</h2>'
    if len(captions) == 1:
        yield f"<p>{escape(group[0].figure.caption)}</p>"
    yield '<div class="charts">'
    yield from (_figure(each, own_caption=len(captions) > 1) for each in group)
    yield "</div></section>"


def _figure(picture: Picture, *, own_caption: bool) -> str:
    figure = picture.figure
    kind = "chart whole has-narrow" if picture.narrow else "chart"
    drawn = f'<div class="wide">{picture.svg}</div>'
    drawn += f'<div class="narrow">{picture.narrow}</div>' if picture.narrow else ""
    label = escape(f"{figure.title}. {figure.caption}")
    caption = f"<figcaption>{escape(figure.caption)}</figcaption>" if own_caption else ""
    image = f'<div role="img" aria-label="{label}">{drawn}</div>'
    return f'<figure class="{kind}" data-chart="{escape(figure.name)}">{image}{caption}</figure>'


def _table(table: Table) -> Iterator[str]:
    yield f'<section><h2 id="{_anchor(table.title)}">{escape(table.title)}</h2>'
    if table.note:
        yield f"<p>{escape(table.note)}</p>"
    region = f'tabindex="0" role="region" aria-label="{escape(table.title)}"'
    yield f'<div class="scroll" {region}><table><thead><tr>'
    yield "".join(f"<th{_kind(table, number)}>{escape(head)}</th>" for number, head in enumerate(table.heads))
    yield "</tr></thead><tbody>"
    for row in table.rows:
        cells = (f"<td{_kind(table, number)}>{escape(cell)}</td>" for number, cell in enumerate(row))
        yield f"<tr>{''.join(cells)}</tr>"
    yield "</tbody></table></div></section>"


def _kind(table: Table, number: int) -> str:
    long = " long" if table.heads[number] in LONG else ""
    return f' class="word{long}"' if number < table.words or long else ""
