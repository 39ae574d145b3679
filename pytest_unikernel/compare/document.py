"""A comparison as JSON: ``pytest-unikernel compare --json``. Pure.

The document's history, by ``schema``:

1   the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from pytest_unikernel.results.comparison import Comparison, MachineDifference, Regression
from pytest_unikernel.text.comparison import machine_text, regression_text
from pytest_unikernel.text.evidence import why_text

SCHEMA = 1


def document(
    comparison: Comparison, machine: Sequence[MachineDifference], regressions: Sequence[Regression]
) -> dict[str, Any]:
    """Return the whole comparison as a JSON object; units are seconds, hertz and shares; null is unknown."""
    return {
        "schema": SCHEMA,
        **asdict(comparison, dict_factory=_in_words),
        "machine_differences": [machine_text(each) for each in machine],
        "regressions": [
            {
                "name": each.name,
                "metric": each.change.metric,
                "change": each.change.change,
                "measured": each.change.measured,
                "corrected": each.change.corrected,
                "counts": each.change.counts,
                "limit": None if each.limit is None else each.limit.most,
                "text": regression_text(each),
            }
            for each in regressions
        ],
    }


def _in_words(items: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return a part of a comparison; texts replace the reasons of judgements."""
    return {key: why_text(value) if key == "why" else value for key, value in items}
