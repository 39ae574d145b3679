"""Loads without pytest as reports show them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pytest_unikernel.host import facts
from pytest_unikernel.report.reading import load_of
from pytest_unikernel.report.series import Document, Results

Named = tuple[str, Mapping[str, Any]]  # the full name of a load, its record


def shown(loads: Iterable[Named]) -> Results:
    """Return loads as the results of a report, which is named by the working directory."""
    name = Path.cwd().name or "loads"
    return Results([Document(name, [load_of(*each) for each in loads], machine={"unikernel": facts.facts()})])
