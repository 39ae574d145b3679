"""Saved runs and journals: compared, reported, resumed, shown as a baseline."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from random import Random
from typing import Any

import damage
import finishedrun
import readers
from asked import answered
from cases import Reader


@functools.cache
def document() -> Any:
    """Return a finished run as pytest-benchmark saves it."""
    return finishedrun.document()


@functools.cache
def of_hosts() -> Any:
    """Return a finished run of two hosts."""
    return finishedrun.document(finishedrun.HOSTS)


def _documents() -> list[Any]:
    return [document(), of_hosts()]


@functools.cache
def _entries() -> list[list[dict[str, Any]]]:
    return [finishedrun.journal(), finishedrun.journal(finishedrun.HOSTS)]


@functools.cache
def _ways() -> list[damage.Way]:
    """Return the paths of the values in both runs: that of hosts has all of the other's."""
    return list(damage.places(of_hosts()))


@functools.cache
def _lines() -> list[damage.Way]:
    return list(damage.places(_entries()[1]))


def _change_document(random: Random, made: Any) -> Any:
    return damage.altered(random, made, _ways())


def _change_entries(random: Random, made: Any) -> Any:
    return damage.altered(random, made, _lines())


def _file(place: Path, content: bytes) -> Path:
    path = place / "damaged.json"
    path.write_bytes(content)
    return path


def _whole(place: Path) -> Path:
    path = place / "whole.json"
    path.write_bytes(damage.saved(document()))
    return path


def _compared(content: bytes, place: Path) -> None:
    readers.compared(_file(place, content), _whole(place))


def _compared_as_json(content: bytes, place: Path) -> None:
    files = map(str, (_whole(place), _file(place, content)))
    answer = answered(["compare", *files, "--json=-", "--fail=p50:20%,knee:5%,failure_rate:1%"])
    if answer.status != 2:
        answer.json()


def _reported(content: bytes, place: Path) -> None:
    readers.reported(_file(place, content), _whole(place))


def _rerun(content: bytes, place: Path) -> None:
    readers.rerun(_file(place, content), place)


def _all_of_it(content: bytes, place: Path) -> None:
    _compared(content, place)
    _reported(content, place)
    _rerun(content, place)


def _record(load: Any, place: Path) -> None:
    """Read a record alone, in the place of a run's first one: cheaper, so that more can be tried."""
    made = {**document(), "benchmarks": [{**document()["benchmarks"][0], "extra_info": {"load": load}}]}
    readers.rerun(_file(place, damage.saved(made)), place)


def _as_baseline(made: Any, place: Path) -> None:
    del place
    readers.as_baseline(made)


def _records() -> list[Any]:
    return [each["extra_info"]["load"] for made in _documents() for each in made["benchmarks"]]


def _saved() -> list[bytes]:
    return [*map(damage.saved, _documents()), json.dumps(document(), indent=4).encode()]


READERS = (
    Reader("compare", 300, _documents, _change_document, lambda it, at: _compared(damage.saved(it), at)),
    Reader(
        "compare-json",
        300,
        _documents,
        _change_document,
        lambda it, at: _compared_as_json(damage.saved(it), at),
    ),
    Reader("report", 100, _documents, _change_document, lambda it, at: _reported(damage.saved(it), at)),
    Reader(
        "resume-saved",
        300,
        _documents,
        _change_document,
        lambda it, at: _rerun(damage.saved(it), at),
    ),
    Reader(
        "resume-journal",
        300,
        _entries,
        _change_entries,
        lambda it, at: _rerun(damage.journal(it), at),
    ),
    Reader("resume-record", 1000, _records, damage.altered, _record),
    Reader("baseline", 200, _documents, _change_document, _as_baseline),
    Reader("journal-text", 500, lambda: list(map(damage.journal, _entries())), damage.edited, _rerun),
    Reader("saved-text", 100, _saved, damage.edited, _all_of_it),
)
