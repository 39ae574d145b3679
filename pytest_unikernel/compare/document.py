"""A comparison as JSON: ``pytest-unikernel compare --json``. Pure.

The document's history, by ``schema``:

1   the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from pytest_unikernel.compare.limits import Regression
from pytest_unikernel.compare.outcome import Comparison

SCHEMA = 1


def document(
    comparison: Comparison, machine: Sequence[str], regressions: Sequence[Regression]
) -> dict[str, Any]:
    """Return everything that was found; seconds, hertz, shares; null is unknown."""
    return {
        "schema": SCHEMA,
        **asdict(comparison),
        "machine_differences": list(machine),
        "regressions": [
            {
                "name": each.name,
                "metric": each.change.metric,
                "change": each.change.change,
                "limit": None if each.limit is None else each.limit.most,
                "text": each.text,
            }
            for each in regressions
        ],
    }
