"""A log's figures as JSON: seconds, null where unknown. Pure.

The document's history, by ``schema``:

1   the first.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pytest_unikernel.targets.urunc.log import views
from pytest_unikernel.targets.urunc.log.lives import Life, unknown_ids
from pytest_unikernel.targets.urunc.log.log import Log
from pytest_unikernel.targets.urunc.log.releases import FIRST, Release

SCHEMA = 1

JsonDict = dict[str, Any]


def overview(log: Log) -> JsonDict:
    """Return all containers' figures, by line of releases."""
    return {
        "schema": SCHEMA,
        "log": log.name,
        "lines": {"total": log.counts.lines, **asdict(log.counts)},
        "containers": len(log.containers),
        "checks_s": views.figures(views.checks(log.containers.values())),
        "releases": {each.release.label: _release(each) for each in log.releases},
    }


def one(log: Log, container_id: str) -> JsonDict:
    """Return one container's figures, and its stamps life by life, in the order of the log."""
    only = log.only(container_id)
    container = log.containers[container_id]
    return {
        **overview(only),
        "container": container_id,
        "lives": [_life(each.release, life) for each in only.releases for life in each.lives],
        "apart": [{"id": stamp_id, "at_unix_ns": at_ns} for stamp_id, at_ns in container.apart],
    }


def _life(release: Release, life: Life) -> JsonDict:
    stamps = zip(life.ids, life.at_unix_ns, strict=True)
    return {
        "release": release.label,
        "complete": release.last in life.ids,
        "stamps": [
            {"id": stamp_id, "at_unix_ns": at_ns, **release.meaning(stamp_id).as_json()}
            for stamp_id, at_ns in stamps
        ],
    }


def _release(measured: views.ReleaseFigures) -> JsonDict:
    release, lives = measured.release, measured.lives
    return {
        "lives": len(lives),
        "complete": sum(release.last in life.ids for life in lives),
        f"without_{FIRST}": sum(FIRST not in life.ids for life in lives),
        "repeated": sum(life.repeated for life in lives),
        "unknown_ids": dict(unknown_ids(release, lives)),
        "stamps": {stamp_id: meaning.as_json() for stamp_id, meaning in release.stamps.items()},
        "intervals_s": measured.intervals_s,
        "phases_s": measured.phases_s,
        "neighbours_s": measured.neighbours_s,
    }
