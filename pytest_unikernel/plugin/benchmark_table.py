"""What pytest-benchmark's own table shows of loads: nothing, unless it is asked for.

Ours shows more and fits a terminal of 80 columns; pytest-benchmark's needs some 200. Ordinary benchmarks in
the same run keep it. Files, baselines and limits (``--benchmark-compare-fail``) don't depend on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from pytest_unikernel.plugin import benchmark, options

Group = tuple[Any, list[Mapping[str, Any]]]
# The options that have an effect on the table only, with their defaults: who gives one asks for the table.
# pytest-benchmark draws a histogram from the rows of its table, as it writes them.
DISPLAY_DEFAULTS = {
    "benchmark_columns": None,
    "benchmark_group_by": "group",
    "benchmark_histogram": None,
    "benchmark_name": "normal",
    "benchmark_sort": "min",
}
ALL_LEFT_OUT = pytest.StashKey[bool]()


def shows_loads(config: pytest.Config) -> bool:
    """Return whether pytest-benchmark's table has a row for each load."""
    if options.settings(config).benchmark_table:
        return True
    given = ((name, config.getoption(name, usual)) for name, usual in DISPLAY_DEFAULTS.items())
    return any(value and value != DISPLAY_DEFAULTS[name] for name, value in given)


def without_loads(config: pytest.Config, groups: Iterable[Group]) -> Iterable[Group]:
    """Return the groups of pytest-benchmark's table without the loads, unless they are asked for."""
    if shows_loads(config):
        return groups
    loads = {name for name, _ in benchmark.delivered(config)}
    groups = list(groups)
    kept = [
        (name, others)
        for name, rows in groups
        if (others := [row for row in rows if row["fullname"] not in loads])
    ]
    config.stash[ALL_LEFT_OUT] = bool(groups) and not kept
    return kept


def check_limits(config: pytest.Config) -> None:
    """Check ``--benchmark-compare-fail``, which pytest-benchmark does only where it has a table."""
    if config.stash.get(ALL_LEFT_OUT, False):
        config._benchmarksession.check_regressions()  # type: ignore[attr-defined] # noqa: SLF001 - as in saving.py
