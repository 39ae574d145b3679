"""Reads a LoadResult back from its record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pytest_unikernel.results.result import JsonDict, LoadResult
from pytest_unikernel.results.summary import Summary

SUMMARIES = ("response_time_s", "service_time_s", "lateness_s")
SUMMARY_MAPPINGS = ("intervals_s", "phases_s", "neighbours_s")


def from_json(record: Mapping[str, Any], responses_s: Sequence[float] = ()) -> LoadResult:
    """Return the result that a record was made from; keys of later schemas are ignored."""
    known: JsonDict = {"stamps": {}}  # older records lack this key
    known |= {name: record[name] for name in LoadResult.__dataclass_fields__ if name in record}
    for name in SUMMARIES:
        known[name] = None if known[name] is None else summary_from_json(known[name])
    for name in SUMMARY_MAPPINGS:
        known[name] = {key: summary_from_json(each) for key, each in known[name].items()}
    return LoadResult(**known, responses_s=tuple(responses_s))


def summary_from_json(record: Mapping[str, Any]) -> Summary:
    """Return the summary that a record's entry was made from."""
    moments = {name: record[name] for name in ("n", "censored", "min", "mean", "max", "stddev")}
    return Summary(
        **moments, quantiles={name: value for name, value in record.items() if name not in moments}
    )
