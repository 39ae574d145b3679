"""Terminal output about loads: lines while they run, and the final tables.

The monitor draws the live line on the descriptor that is kept here. It must be duplicated before the tests:
while a test runs, pytest's capture owns descriptor 1.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pytest

from pytest_unikernel.plugin import baseline, benchmark, benchmark_table, current_run
from pytest_unikernel.plugin.load_lines import LoadLines
from pytest_unikernel.plugin.survey import Finding, Show

if TYPE_CHECKING:
    from pytest_unikernel.results.result import LoadResult
    from pytest_unikernel.run.run import Run

SECTION = "unikernel load sweeps"
NAME = "unikernel-terminal"  # the plugin's name, by which others find its descriptor
NO_TERMINAL = -1


class TerminalReport:
    """Writes about loads to pytest's terminal.

    Attributes:
        lines: the writer of a line per load.
        descriptor: the terminal, for the live line.
    """

    def __init__(self, config: pytest.Config, reporter: pytest.TerminalReporter) -> None:
        self._config = config
        self._reporter = reporter
        self._encoding = getattr(sys.stdout, "encoding", None) or "ascii"
        self.lines = LoadLines(config, reporter, self.shown)
        self.descriptor = _terminal() if reporter.isatty and config.get_verbosity() >= 0 else NO_TERMINAL

    def shown(self, text: str) -> str:
        """Return a text as the terminal can show it."""
        from pytest_unikernel.text.grid import encodable, printable  # noqa: PLC0415 - loads only, not collection

        return encodable(printable(text), self._encoding)

    def pytest_unconfigure(self) -> None:
        """Close the descriptor of the terminal."""
        if self.descriptor != NO_TERMINAL:
            os.close(self.descriptor)
            self.descriptor = NO_TERMINAL

    # at the end -----------------------------------------------------------------------------------

    def write_summary(self, run: Run) -> None:
        """Write the tables of all loads."""
        lines = self._report(run)
        if lines:
            self._reporter.write_sep("=", SECTION)
        for line in lines:
            self._reporter.write_line(self.shown(line))

    def _report(self, run: Run) -> list[str]:
        from pytest_unikernel.host import cgroups  # noqa: PLC0415 - the end of a run only
        from pytest_unikernel.text.missing import missing_report  # noqa: PLC0415 - the end of a run only
        from pytest_unikernel.text.run_summary import report  # noqa: PLC0415 - the end of a run only

        rows = [entry.row(benchmark.baseline(self._config, entry.fullname)) for entry in run.entries]
        found = baseline.existing(self._config)
        evidence = None if found is None else baseline.evidence(found)
        wide_table = benchmark_table.shows_loads(self._config)
        lines = report(
            rows,
            run.skips,
            cgroups.host_bytes(),
            evidence,
            benchmark_table=wide_table,
            verbose=self._config.get_verbosity() > 0,
        )
        missing = missing_report(run.missing)
        return [*lines, *([""] if lines and missing else []), *missing]

    def write_regressions(self) -> None:
        """Write the regressions that fail the run, as the last lines of the output."""
        for line in [*baseline.busy_lines(self._config), *baseline.remark_lines(self._config)]:
            self._reporter.ensure_newline()
            self._reporter.write_line(self.shown(line), yellow=True)
        for line in baseline.failure_lines(self._config):
            self._reporter.write_line(self.shown(line), red=True)


REPORT = pytest.StashKey[TerminalReport]()
SHOWN = pytest.StashKey[bool]()


def configure(config: pytest.Config) -> None:
    """Register the report if there is a terminal reporter, which xdist's workers lack."""
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if reporter is not None:
        config.stash[REPORT] = TerminalReport(config, reporter)
        config.pluginmanager.register(config.stash[REPORT], NAME)
        config.pluginmanager.register(config.stash[REPORT].lines, f"{NAME}-lines")


@contextlib.contextmanager
def looking(config: pytest.Config) -> Iterator[Show]:
    """Give a function that shows which test the survey looks at; what it shows is gone afterwards."""
    report = config.stash.get(REPORT, None)
    if report is None:
        yield lambda _: None
        return
    try:
        yield report.lines.look
    finally:
        report.lines.looked()


def begin(config: pytest.Config, found: Sequence[Finding]) -> None:
    """Report what the survey has found."""
    report = config.stash.get(REPORT, None)
    if report is not None:
        report.lines.begin(found)


def load_ended(item: pytest.Item, result: LoadResult) -> None:
    """Report a load, after pytest's line for its test."""
    report = item.config.stash.get(REPORT, None)
    if report is not None:
        report.lines.load_ended(item.nodeid, result)


def round_ended(config: pytest.Config, number: int, rounds: int) -> None:
    """Report that a round of trials has ended."""
    report = config.stash.get(REPORT, None)
    if report is not None:
        report.lines.round_ended(number, rounds)


def write_summary(reporter: pytest.TerminalReporter) -> None:
    """Write the tables, if there was a load, and the outcome of the comparison."""
    report, run = reporter.config.stash.get(REPORT, None), current_run.existing(reporter.config)
    if report is not None:
        if run is not None:
            report.write_summary(run)
        report.write_regressions()
        reporter.config.stash[SHOWN] = True


def is_shown(config: pytest.Config) -> bool:
    """Whether the tables were written, to their end."""
    return config.stash.get(SHOWN, False)


def _terminal() -> int:
    """Return a duplicated descriptor of the terminal, or -1 if there is no terminal to draw on."""
    if os.environ.get("TERM", "dumb") == "dumb":
        return NO_TERMINAL
    with contextlib.suppress(AttributeError, OSError, ValueError):
        number = sys.stdout.fileno()
        return os.dup(number) if os.isatty(number) else NO_TERMINAL
    return NO_TERMINAL
