"""``--sweep-report``: at the end of a run, its loads as a page, pictures and tables.

Registered only if the option is given. It runs after pytest-benchmark has written its files. Errors are
printed, never raised: a report must not cost results.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_unikernel.clock import local_time
from pytest_unikernel.errors import UnikernelError
from pytest_unikernel.plugin import baseline, benchmark, current_run, options
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


class SweepReport:
    """Writes the report and prints where it is."""

    def __init__(self, config: pytest.Config, directory: Path, sections: Sequence[ReportSection]) -> None:
        self._config = config
        self._directory = directory
        self._sections = sections
        self._said = ""
        self._failed = False

    @pytest.hookimpl(trylast=True)  # pytest-benchmark's files are written by then
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the report of the measured loads, after Ctrl-C too."""
        run = current_run.existing(self._config)
        if run is None or not run.entries:
            self._said = f"{OPTION}: no load was measured, so there is no report"
            return
        try:
            self._said = f"report: {self._write(run)}"
        except Exception as error:  # noqa: BLE001 - the results are more than their report
            self._failed = True
            self._said = f"ERROR: {OPTION}: {error or type(error).__name__}; the results are not lost by it"
            if session.exitstatus == pytest.ExitCode.OK:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _write(self, run: Run) -> Path:
        from pytest_unikernel.report.build import write_report  # noqa: PLC0415 - the end of a run only

        return write_report(results_of(self._config, run), self._directory, self._sections)

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print where the report is, or why there is none."""
        terminalreporter.ensure_newline()
        terminalreporter.write_line(self._said, red=self._failed)


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
