"""``--sweep-report``: at the end of a run, its loads as a page, pictures and tables.

Registered only if the option is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_unikernel.clock import local_time
from pytest_unikernel.errors import UnikernelError
from pytest_unikernel.plugin import baseline, benchmark, options
from pytest_unikernel.plugin.afterwards import Afterwards
from pytest_unikernel.plugin.usage_error import SweepUsageError

if TYPE_CHECKING:
    from pytest_unikernel.report.sections import ReportSection
    from pytest_unikernel.report.series import Document, Results
    from pytest_unikernel.run.run import Run

NAME = "unikernel-report"
OPTION = "--sweep-report"


def configure(config: pytest.Config) -> None:
    """Watch the session, if a report is asked for; refuse an impossible one now, not after hours.

    Raises:
        SweepUsageError: the drawing library is missing, the directory can't take a report, or an extension
            can't be loaded.
    """
    directory = options.settings(config).report
    if directory is None or hasattr(config, "workerinput") or config.option.collectonly:
        return
    from pytest_unikernel.extensions import report_sections  # noqa: PLC0415 - where a report is asked for only
    from pytest_unikernel.report import render, writing  # noqa: PLC0415 - where a report is asked for only

    try:
        render.check_library()
        writing.check_directory(directory)
        sections = report_sections()
    except UnikernelError as error:
        raise SweepUsageError(f"{OPTION}: {error}") from error
    config.pluginmanager.register(SweepReport(config, directory, sections), NAME)


class SweepReport(Afterwards):
    """Writes the report."""

    option, word = OPTION, "report"

    def __init__(self, config: pytest.Config, directory: Path, sections: Sequence[ReportSection]) -> None:
        super().__init__(config)
        self._directory = directory
        self._sections = sections

    def write(self, session: pytest.Session, run: Run) -> str:
        """Write the page, its pictures and tables."""
        from pytest_unikernel.report.build import write_report  # noqa: PLC0415 - the end of a run only

        page = write_report(results_of(session.config, run), self._directory, self._sections)
        return f"report: {page}"


def results_of(config: pytest.Config, run: Run) -> Results:
    """Return the run's loads, and of the run compared with the series that are among them."""
    from pytest_unikernel.host import facts  # noqa: PLC0415 - the end of a run only
    from pytest_unikernel.report.load import ReportedLoad, clean  # noqa: PLC0415 - the end of a run only
    from pytest_unikernel.report.series import Document, Results  # noqa: PLC0415 - the end of a run only

    loads = [ReportedLoad(entry.fullname, entry.series, entry.record) for entry in run.entries]
    name, now = clean(config.rootpath.name or "this run"), local_time("%Y-%m-%dT%H:%M")
    current = Document(name, loads, now, {"unikernel": facts.facts()})
    was, found = _baseline(config, {load.series for load in loads}), baseline.existing(config)
    comparison = found.comparison if found is not None else None
    return Results([current], [was] if was is not None else [], comparison)


def _baseline(config: pytest.Config, series: set[str]) -> Document | None:
    from pytest_unikernel.report.reading import load_of  # noqa: PLC0415 - the end of a run only
    from pytest_unikernel.report.series import Document  # noqa: PLC0415 - the end of a run only

    known = benchmark.baseline_run(config)
    if known is None:
        return None
    loads = [load_of(fullname, record) for fullname, record in known.records.items()]
    among = [load for load in loads if load.series in series]
    return Document("the run compared with", among, known.when, known.machine) if among else None
