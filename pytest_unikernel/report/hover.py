"""The text of each mark of a figure, and its target: for hover, for keys, and for the filter. Pure.

A row of a figure carries an ``about``: :func:`about` or :func:`about_load` makes it, and a layer with
:data:`DESCRIBED` in its encoding gives it to its marks. Vega writes it into the SVG as an ``aria-label``.
:func:`marked` replaces that by a ``data-target``, by which the page's filter hides marks, and a ``title``,
which browsers show on hover, in the files. In the page, marks refer to :class:`Texts`, which ``page.js``
shows on hover, for keys and for taps.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from html import escape, unescape

from pytest_unikernel.plan.step_names import step_text
from pytest_unikernel.report import cells as cell
from pytest_unikernel.report.load import ReportedLoad
from pytest_unikernel.report.series import ReportedSeries
from pytest_unikernel.report.style import Spec
from pytest_unikernel.text.table_cells import NONE

SEPARATOR = "\x1f"  # no name has it: names are free of control characters
DESCRIBED: Spec = {"description": {"field": "about", "type": "nominal"}}
OF_LINE: Spec = {"description": {"field": "line", "type": "nominal"}}  # a line or an area has many rows

_OURS = re.compile(rf'<(\w+) aria-label="{SEPARATOR}([^"{SEPARATOR}]*){SEPARATOR}([^"]*)"([^>]*?)(/?)>')
_TITLED = re.compile(
    r'<(\w+)(?: data-target="([^"]*)")?([^<>]*)><title>([^<]*)</title>(</(?:path|line|rect)>)?'
)
_TAG = re.compile(r"<[^>]*>")
_REST = re.compile(r' (?:aria-[a-z]+|role)="[^"]*"')
LONGEST_REASON = 120  # characters; the record has the rest


def about(label: str, lines: Iterable[str] = ()) -> str:
    """Return the text of a mark that belongs to a target.

    Args:
        label: the target's, as in ``Results.labels``; empty for a mark that no filter hides.
        lines: the lines to show; none for a mark that is only hidden with its target.
    """
    text = "\n".join(lines)
    return f"{SEPARATOR}{label}{SEPARATOR}{text}"


def about_load(series: ReportedSeries, load: ReportedLoad, more: Iterable[str] = ()) -> str:
    """Return the text of a mark that shows a load: the target, the step, its figures, and more lines."""
    return about(series.label, [name(series), *load_lines(load), *more])


def name(series: ReportedSeries) -> str:
    """Return the target's label; a baseline is marked."""
    return series.label + (" (baseline)" if series.run == "baseline" else "")


def load_lines(load: ReportedLoad) -> list[str]:
    """Return a load's step, latency, verdict and number of launches."""
    launches = load.number("scheduled")
    at = f"time step {step_text(load.step_s)}, {cell.rate(1 / load.step_s)}" if load.step_s else "cold start"
    at += ", of the search for the knee" if load.is_search else ""
    counted = "" if launches is None else f"{launches:,.0f} launches"
    lost = f"not completed: {cell.failed(load)}" if load.failures else ""
    return [line for line in (at, _latency(load), _verdict(load), counted, lost) if line]


def _latency(load: ReportedLoad) -> str:
    found = load.latency
    if found is None:
        return ""
    names = ("p50", "p99") if found.statistic == "p50" else ("mean",)
    known = [f"{each} {cell.moment(load, each)}" for each in names if cell.moment(load, each) != NONE]
    known += ["p99 unknown: too few launches"] if names[-1] == "p99" and len(known) == 1 else []
    return ", ".join(known) + (" (service time)" if found.quantity == "service" else "")


def _verdict(load: ReportedLoad) -> str:
    """Return the verdict, with its reason where it isn't ok."""
    reason = load.text("verdict_reason")[:LONGEST_REASON]
    return f"verdict {load.verdict}{f': {reason}' if reason else ''}" if load.verdict else ""


def marked(svg: str) -> str:
    """Return an SVG whose marks have ``data-target`` and ``title``, and no label that Vega made up."""
    return _TAG.sub(lambda tag: _REST.sub("", tag[0]), _OURS.sub(_mark, svg))


class Texts:
    """The texts of a page's marks, each once: the same load is in many figures, and in two widths."""

    def __init__(self) -> None:
        self._targets: dict[str, int] = {}
        self._numbers: dict[tuple[int, str], int] = {}

    def taken_from(self, svg: str, target: str = "") -> str:
        """Return an SVG whose marks refer to their texts and targets by number.

        Args:
            svg: from :func:`marked`.
            target: the target of the whole figure, which its marks need not name.
        """
        own = f' data-target="{escape(target)}"' if target else ""
        return _TITLED.sub(self._reference, svg.replace(own, "") if own else svg)

    def _reference(self, found: re.Match[str]) -> str:
        before, target, after, text, end = found.groups()
        place = self._targets.setdefault(unescape(target or ""), len(self._targets))
        number = self._numbers.setdefault((place, unescape(text)), len(self._numbers))
        return f'<{before}{after} data-text="{number}"{"/>" if end else ">"}'

    def as_json(self) -> str:
        """Return the targets, and for each text the number of its target and the text itself."""
        content = {"targets": list(self._targets), "texts": list(self._numbers)}
        return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def _mark(found: re.Match[str]) -> str:
    tag, target, text, rest, empty = found.groups()
    belongs = f' data-target="{target}"' if target else ""
    title = f"<title>{text}</title>" if text else ""
    ends = f"{title}</{tag}>" if empty and title else ""
    if ends:
        return f"<{tag}{belongs}{rest}>{ends}"
    return f"<{tag}{belongs}{rest}{empty}>{title}"
