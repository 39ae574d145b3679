"""Every reader of saved results, run in this process on a file that may be damaged."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import finishedrun
import pytest
from asked import answered

from pytest_unikernel.compare.judging import compare
from pytest_unikernel.compare.sides import interrupted, sides
from pytest_unikernel.errors import LoadError, ReportError
from pytest_unikernel.plugin import baseline, benchmark
from pytest_unikernel.report import build, gallery, markdown, overview
from pytest_unikernel.report.figure import NARROW
from pytest_unikernel.report.grids import grids
from pytest_unikernel.report.reading import read_documents
from pytest_unikernel.report.series import Results
from pytest_unikernel.run import resumed
from pytest_unikernel.run.interrupts import Interrupts
from pytest_unikernel.run.knee_search import KneeSearch
from pytest_unikernel.run.run import Run
from pytest_unikernel.text.row import Row
from pytest_unikernel.text.run_summary import report as summary


def compared(file: Path, whole: Path) -> None:
    """Compare a file with an undamaged file, in both orders: tables, or one line of error and status 2."""
    for files in ((file, whole), (whole, file)):
        answer = answered(["compare", *map(str, files)])
        assert answer.status == (2 if answer.error else 0), answer
        assert answer.error.count("\n") == bool(answer.error)


def reported(file: Path, whole: Path) -> None:
    """Make a report without its pictures, or refuse the file."""
    for current, was in ((file, whole), (whole, file)):
        try:
            results = Results(read_documents([current]), read_documents([was]))
        except ReportError:
            continue
        for figure in gallery.figures(results):
            for width in (None, NARROW):
                json.dumps(figure.spec(width), allow_nan=False)
        markdown.document("x", overview.tables(results))
        build.report_files(results, [], overview.tables(results))
        assert [grid.text(",") for grid in grids(results)]


def rerun(file: Path, journals: Path) -> None:
    """Resume the run in a file: its steps are taken over, or the file is refused."""
    try:
        steps = resumed.read(file)
    except LoadError:
        return
    run = Run(journals=journals, finished={name: step for name, step in steps.items() if not step.lacks})
    with Interrupts() as interrupts:
        for hosts in ("", finishedrun.HOSTS):
            _taken_over(run, hosts, interrupts)
    run.close_journal(complete=True)
    run.close()
    rows = [Row(each.series, each.record, None, each.resumed, each.searched) for each in run.entries]
    summary(rows, memory_bytes=2**33)


def _taken_over(run: Run, hosts: str, interrupts: Interrupts) -> None:
    for step in finishedrun.STEPS:
        request = finishedrun.request(finishedrun.name(step), hosts)
        if run.finished(request, step) is not None:
            run.step(request, step, interrupts)
    cold = finishedrun.request(finishedrun.COLD, hosts)
    if run.finished_cold(cold, finishedrun.LAUNCHES) is not None:
        run.cold(cold, finishedrun.LAUNCHES, interrupts)
    KneeSearch(run, finishedrun.request(finishedrun.KNEE, hosts), interrupts)._finished()


def as_baseline(document: Any) -> None:
    """Show a run beside a baseline, as the summary does; pytest-benchmark itself finds the benchmarks."""
    if not isinstance(document, dict) or not isinstance(document.get("benchmarks"), list):
        return
    config: Any = SimpleNamespace(stash=pytest.Stash(), issue_config_time_warning=lambda *_, **__: None)
    benchmark.read_baseline(config, document)
    was, now = (
        benchmark.baselines(config),
        {name: each.as_json() for name, each in finishedrun.results().items()},
    )
    absent = dict.fromkeys(interrupted([now]), "interrupted")
    evidence = baseline.evidence(baseline.Found(compare(sides([was]), sides([now]), absent), [], frozenset()))
    rows = [Row(_series(name), load, was.get(name)) for name, load in now.items()]
    summary(rows, memory_bytes=2**33, evidence=evidence)
    summary(rows)


def _series(name: str) -> str:
    return name.partition("[")[0]
