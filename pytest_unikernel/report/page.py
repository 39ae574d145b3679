"""A self-contained HTML page: one script of ours, no address, all foreign text escaped. Pure."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from importlib import resources
from itertools import groupby

from pytest_unikernel.report.chips import chips
from pytest_unikernel.report.hover import Texts
from pytest_unikernel.report.overview import Table
from pytest_unikernel.report.pagestyle import css
from pytest_unikernel.report.render import Picture
from pytest_unikernel.report.verdicts import css_class, word_in

SCRIPT = resources.files(__package__).joinpath("page.js").read_text(encoding="utf-8")
_HASH = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
# Nothing may be fetched and no script run but ours, whatever a name should have smuggled in.
POLICY = f"default-src 'none'; script-src 'sha256-{_HASH}'; style-src 'unsafe-inline'; img-src data:"
TARGET = "target"  # the head of a first column that names the row's target
HINT = "Point at a mark for its figures, or tap it; with the keyboard, Tab and then the arrow keys."
FILES_META = "pytest-unikernel-files"
JUDGED = ("verdict", "not ok")  # columns whose verdicts are coloured
LONG = ("versions", "value", "targets", "reason", "lost")  # columns whose cells are wrapped


def page(
    title: str,
    about: Sequence[str],
    pictures: Sequence[Picture],
    tables: Sequence[Table],
    files: Iterable[str],
    *,
    labels: Sequence[str] = (),
) -> str:
    """Return the page.

    Args:
        title: its heading.
        about: paragraphs under it.
        pictures: the figures; those of a section stand together.
        tables: the first goes before the figures, the rest after them.
        files: the files beside the page; a later report may replace these.
        labels: the targets, as the marks, the charts and the first cells of rows have them.
    """
    sections = [list(group) for _, group in groupby(pictures, key=lambda each: each.figure.section)]
    texts = Texts()
    figures = [part for group in sections for part in _section(group, texts)]
    parts = [
        *_head(title, files),
        f"<h1>{escape(title)}</h1>",
        *(f"<p>{escape(line)}</p>" for line in about),
        f'<p class="hint" hidden>{HINT}</p>',
        _contents([*(each[0].figure.section for each in sections), *(each.title for each in tables[1:])]),
        *chips(labels),
        *(part for table in tables[:1] for part in _table(table)),
        *figures,
        *(part for table in tables[1:] for part in _table(table)),
        f'<template class="texts">{escape(texts.as_json(), quote=False)}</template>',
        f"<script>{SCRIPT}</script></body></html>",
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


def _section(group: Sequence[Picture], texts: Texts) -> Iterator[str]:
    """Yield a section; a caption that all of its figures share is shown once."""
    title = group[0].figure.section
    captions = {each.figure.caption for each in group}
    yield f'<section><h2 id="{_anchor(title)}">{escape(title)}</h2>'
    if len(captions) == 1:
        yield f"<p>{escape(group[0].figure.caption)}</p>"
    yield '<div class="charts">'
    yield from (_figure(each, texts, own_caption=len(captions) > 1) for each in group)
    yield "</div></section>"


def _figure(picture: Picture, texts: Texts, *, own_caption: bool) -> str:
    figure = picture.figure
    kind = "chart whole has-narrow" if picture.narrow else "chart"
    wide, narrow = (texts.taken_from(svg, figure.target) for svg in (picture.svg, picture.narrow))
    drawn = f'<div class="wide">{wide}</div>'
    drawn += f'<div class="narrow">{narrow}</div>' if narrow else ""
    label = escape(f"{figure.title}. {figure.caption}")
    caption = f"<figcaption>{escape(figure.caption)}</figcaption>" if own_caption else ""
    image = f'<div role="img" aria-label="{label}">{drawn}</div>'
    names = f'data-chart="{escape(figure.name)}"{_belongs(figure.target)}'
    return f'<figure class="{kind}" {names}>{image}{caption}</figure>'


def _belongs(label: str) -> str:
    """Return the attribute by which the filter finds what belongs to a target."""
    return f' data-target="{escape(label)}"' if label else ""


def _table(table: Table) -> Iterator[str]:
    yield f'<section><h2 id="{_anchor(table.title)}">{escape(table.title)}</h2>'
    if table.note:
        yield f"<p>{escape(table.note)}</p>"
    region = f'tabindex="0" role="region" aria-label="{escape(table.title)}"'
    yield f'<div class="scroll" {region}><table><thead><tr>'
    yield "".join(f"<th{_kind(table, number)}>{escape(head)}</th>" for number, head in enumerate(table.heads))
    yield "</tr></thead><tbody>"
    for row in table.rows:
        cells = (_cell(table, number, text) for number, text in enumerate(row))
        yield f"<tr{_belongs(row[0] if table.heads[0] == TARGET else '')}>{''.join(cells)}</tr>"
    yield "</tbody></table></div></section>"


def _cell(table: Table, number: int, text: str) -> str:
    verdict = word_in(text) if table.heads[number] in JUDGED else ""
    kind = f' class="{css_class(verdict)}"' if verdict else _kind(table, number)
    return f"<td{kind}>{escape(text)}</td>"


def _kind(table: Table, number: int) -> str:
    long = " long" if table.heads[number] in LONG else ""
    return f' class="word{long}"' if number < table.words or long else ""
