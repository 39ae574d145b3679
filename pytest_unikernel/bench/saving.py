"""The results of a ``Bench`` as a file that ``compare``, ``report`` and pytest-benchmark read."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pytest_unikernel.bench.results import BenchResult
from pytest_unikernel.bench.shown import shown
from pytest_unikernel.host import facts
from pytest_unikernel.report.build import write_report
from pytest_unikernel.results import benchmark_file
from pytest_unikernel.results.whole_file import write_whole

JsonDict = dict[str, Any]


def save(path: Path, results: Iterable[BenchResult]) -> None:
    """Write all results into a file, which others see whole.

    Raises:
        OSError: it can't be written.
    """
    made = benchmark_file.document([_benchmark(each) for each in results], machine_info())
    write_whole(path, json.dumps(made, indent=1) + "\n")


def machine_info() -> JsonDict:
    """Return what pytest-benchmark knows of a machine, as far as it costs nothing, and our own facts."""
    return {
        "node": platform.node(),
        "machine": platform.machine(),
        "system": platform.system(),
        "release": platform.release(),
        "python_implementation": platform.python_implementation(),
        "python_version": platform.python_version(),
        "unikernel": facts.facts(),
    }


def _benchmark(result: BenchResult) -> JsonDict:
    """Return the entry of a load; one without a completion has no figure, and a group of its own."""
    samples = list(result.responses_s)
    figures = benchmark_file.stats(samples or [0.0])
    if not samples:
        figures = {**dict.fromkeys(figures, 0), "outliers": "0;0", "iterations": 1}
    made = benchmark_file.benchmark(
        result.fullname, result.time_step_s, result.as_json(), {**figures, "data": samples}
    )
    return made if samples else {**made, "group": benchmark_file.NOTHING}


def report(directory: Path, results: Iterable[BenchResult]) -> Path:
    """Write a report of all results and return the page's path.

    Raises:
        ReportError: the drawing library is missing, or the directory can't take it.
        UnikernelError: an installed extension can't be loaded.
    """
    from pytest_unikernel.extensions import report_sections  # noqa: PLC0415 - reports only

    return write_report(
        shown((each.fullname, each.as_json()) for each in results), directory, report_sections()
    )
