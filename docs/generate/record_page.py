"""The page about the record: the only module here that knows where the keys are described."""

from __future__ import annotations

import dataclasses
import re
import sys

from docstrings import described, entries
from markdown_parts import code, page, paragraph, table

from pytest_unikernel import LoadResult


def record_page() -> str:
    """Return the page about the record: the only function that knows where its keys are described."""
    meanings = entries(LoadResult, "Attributes")
    rows = [
        [code(field.name), code(str(field.type)), meanings[field.name]]
        for field in dataclasses.fields(LoadResult)
        if field.name != "responses_s"
    ]
    rows.append(["`source`", "`Mapping[str, Any]`", SOURCE])
    return page(
        "The record",
        paragraph(RECORD_INTRODUCTION),
        table(("key", "type", "meaning"), rows),
        "## Quantities",
        paragraph(QUANTITIES),
        "## History of the schema",
        history(),
    )


def history() -> str:
    """Return the schema's history as a list, from the docstring of the module that has its number."""
    text = described(sys.modules[LoadResult.__module__]).partition("by `schema`:")[2].strip()
    items = re.findall(r"^(\d+) +(.*(?:\n +.*)*)", text, re.MULTILINE)
    return "\n".join(f"- Schema {number}: {' '.join(meaning.split())}" for number, meaning in items)


RECORD_INTRODUCTION = """\
Each benchmark in pytest-benchmark's JSON has the record of its load in `extra_info["load"]`. `LoadResult`,
which `load_step` and `cold_start` return, has the same names as attributes. Quantities are bare numbers in
seconds, hertz and bytes; an unknown one is null. Keys may be added, never renamed or removed. The record
holds no raw data: pytest-benchmark's own `stats.data`, the response times of the cohort's completed
launches, is always in a `--benchmark-json` file, and in saved runs with `--benchmark-save-data`. [Every
launch's instants](../how-to/raw-data.md) are written by `--sweep-raw`."""
QUANTITIES = """\
`response_time_s`, `service_time_s` and `lateness_s`, and each entry of `intervals_s`, `phases_s` and
`neighbours_s`, have `n`, `censored`, `min`, `mean`, `max`, `stddev`, `p50`, `p90`, `p95`, `p99` and
`p99.9`. `censored` counts launches of which only a lower bound is known: quantiles treat them as +∞, and
are null where they fall there."""
SOURCE = "of imported records only: `format`, `files`, and a `note` on what the figures are"
