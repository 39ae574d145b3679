"""All figures of a report, in the order in which a reader wants them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain

from pytest_unikernel.report.charts import (
    cold,
    distribution,
    failures,
    hosts,
    over_time,
    phases,
    surroundings,
    sweep,
)
from pytest_unikernel.report.figure import Figure
from pytest_unikernel.report.series import Results

CHARTS = (sweep, hosts, cold, over_time, distribution, phases, failures, surroundings)


def figures(results: Results, more: Iterable[Figure] = ()) -> list[Figure]:
    """Return every figure for which there is data, and then more, each with a name of its own."""
    ours = (figure for chart in CHARTS for figure in chart.figures(results))
    return list(_named_apart(chain(ours, more)))


def _named_apart(found: Iterable[Figure]) -> Iterator[Figure]:
    """Yield figures; names that differ in letters' case or not at all get a number."""
    taken: set[str] = set()
    for figure in found:
        name, number = figure.name, 1
        while name.casefold() in taken:
            number += 1
            name = f"{figure.name}-{number}"
        taken.add(name.casefold())
        yield replace(figure, name=name)
