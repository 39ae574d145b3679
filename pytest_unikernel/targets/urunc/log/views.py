"""Lives -> intervals: declared pairs in the order of the ids, named phases, neighbours in time. Pure.

Pairs and phases are declared per line of releases; a life that lacks a stamp of a pair, or has them the other
way round (processes run side by side: the order of ids isn't that of time), is counted, its value left out.
Neighbours are the pairs of urunc's scripts: each stamp of a life and the next one in time.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, pairwise
from operator import itemgetter

from pytest_unikernel.results.intervals import EventPair, Spans, spans
from pytest_unikernel.results.launches import NONE_NS
from pytest_unikernel.results.summary import summarize
from pytest_unikernel.targets.urunc.log.lives import ContainerLog, Life
from pytest_unikernel.targets.urunc.log.releases import APART_PAIR, Release

Figures = dict[str, float | int | None]
View = dict[str, Spans]


def intervals(release: Release, lives: Iterable[Life]) -> View:
    """Return each id and the next, by ``TS00->TS01``."""
    return _declared({arrow(pair): pair for pair in release.pairs}, lives)


def phases(release: Release, lives: Iterable[Life]) -> View:
    """Return the named phases, by name."""
    return _declared(release.phases, lives)


def neighbours(lives: Iterable[Life]) -> View:
    """Return each stamp and the next in time, by ``TS00->TS01``, in the order of the names."""
    lasted_ns: dict[EventPair, array[int]] = {}
    for life in lives:
        for (begin_ns, first), (end_ns, second) in pairwise(life.in_time):
            pair = (first, second)
            if pair not in lasted_ns:
                lasted_ns[pair] = array("q")
            lasted_ns[pair].append(end_ns - begin_ns)
    return {arrow(pair): Spans(values) for pair, values in sorted(lasted_ns.items())}


def checks(containers: Iterable[ContainerLog]) -> Spans:
    """Return the pairs cTS00, cTS01 of 0.3: one per urunc command, paired in the order of the log."""
    columns = array("q"), array("q")
    for container in containers:
        for pair in _paired(container.apart):
            for column, at_ns in zip(columns, pair, strict=True):
                column.append(at_ns)
    return spans(*columns)


def _paired(apart: Iterable[tuple[str, int]]) -> Iterator[tuple[int, int]]:
    """Yield a begin and an end for each check; ``NONE_NS`` for a missing one."""
    begin_ns = NONE_NS
    for name, at_ns in apart:
        is_end = name == APART_PAIR[1]
        if is_end or begin_ns != NONE_NS:
            yield begin_ns, at_ns if is_end else NONE_NS
        begin_ns = NONE_NS if is_end else at_ns
    if begin_ns != NONE_NS:
        yield begin_ns, NONE_NS


@dataclass(frozen=True)
class ReleaseFigures:
    """The lives of one line of releases; their figures by view, each made when it is asked for.

    Figures are in seconds: interval -> n, missing, out_of_order, moments, quantiles.
    """

    release: Release
    lives: Sequence[Life]

    @cached_property
    def intervals_s(self) -> dict[str, Figures]:
        """Each id and the next."""
        return _figures_of(intervals(self.release, self.lives))

    @cached_property
    def phases_s(self) -> dict[str, Figures]:
        """The named phases."""
        return _figures_of(phases(self.release, self.lives))

    @cached_property
    def neighbours_s(self) -> dict[str, Figures]:
        """Each stamp and the next in time."""
        return _figures_of(neighbours(self.lives))


def arrow(pair: EventPair) -> str:
    """Return a pair as it is named in results: ``TS00->TS01``."""
    return "->".join(pair)


def figures(found: Spans) -> Figures:
    """Return one interval's figures, seconds; quantiles are those of the measured values alone.

    A missing value is not taken for a large one, as launches without an end are: a life may lack a
    stamp only because the log begins or ends within it.
    """
    summary = summarize(found.lasted_ns).as_json()
    del summary["censored"]
    counts = {"n": summary.pop("n"), "missing": found.missing, "out_of_order": found.out_of_order}
    return {**counts, **summary}


def _figures_of(view: View) -> dict[str, Figures]:
    return {name: figures(found) for name, found in view.items()}


def _declared(pairs: Mapping[str, EventPair], lives: Iterable[Life]) -> View:
    """Return the spans of each pair; the instants of all lives are one table, a column per stamp."""
    stamp_ids = tuple(dict.fromkeys(chain.from_iterable(pairs.values())))
    if not stamp_ids:
        return {}
    absent, row = dict.fromkeys(stamp_ids, NONE_NS), itemgetter(*stamp_ids)
    table = array("q")
    for life in lives:
        table.extend(row({**absent, **life.by_id}))
    columns = {name: table[place :: len(stamp_ids)] for place, name in enumerate(stamp_ids)}
    return {name: spans(columns[first], columns[second]) for name, (first, second) in pairs.items()}
