"""Terminal output about loads: a line per load in a log, the remaining time of a long run, final tables.

The monitor draws the live line on the descriptor that is kept here. It must be duplicated before the tests:
while a test runs, pytest's capture owns descriptor 1.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

import pytest

from pytest_unikernel.clock import seconds
from pytest_unikernel.plugin import baseline, benchmark, current_run, marker
from pytest_unikernel.plugin.remaining import PlannedStep, place_text, remaining_s
from pytest_unikernel.text.knee import knee_text

if TYPE_CHECKING:
    from pytest_unikernel.results.result import LoadResult
    from pytest_unikernel.run.run import Run

SECTION = "unikernel load sweeps"
NAME = "unikernel-terminal"  # the plugin's name, by which others find its descriptor
SEARCH_LOADS = 5  # loads of a search between two halved steps
LONG_RUN_S = 600.0  # longer runs report their remaining time
NO_TERMINAL = -1


class TerminalReport:
    """Writes about loads to pytest's terminal, between pytest's own lines.

    Each of pytest's writers begins with a line end instead of ending its own line. Ours do the same to
    avoid blank lines.
    """

    def __init__(self, config: pytest.Config, reporter: pytest.TerminalReporter) -> None:
        self._config = config
        self._reporter = reporter
        self._verbose = config.get_verbosity()
        self._encoding = getattr(sys.stdout, "encoding", None) or "ascii"
        self._on_terminal = reporter.isatty
        self.descriptor = _terminal() if self._on_terminal and self._verbose >= 0 else NO_TERMINAL
        self._planned: dict[str, PlannedStep] = {}
        self._done: set[tuple[str, float]] = set()
        self._longest_service_s: dict[str, float] = {}
        self._long = False
        self._pending: list[str] = []
        self._line_is_open = False

    # while the tests run --------------------------------------------------------------------------

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Plan the run: every time step of every swept test."""
        sweeps = {
            item.nodeid: sweep for item in session.items if (sweep := marker.sweep_of(item)) is not None
        }
        self._planned = {nodeid: planned(sweep) for nodeid, sweep in sweeps.items()}
        paper = any(sweep.settings.profile == "paper" for sweep in sweeps.values())
        self._long = paper or remaining_s(self._planned.values()) >= LONG_RUN_S

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Write, in a long run, the step that begins and the remaining time."""
        step = self._planned.get(nodeid)
        if step is None or not self._long or self._verbose < 0 or (step.series, step.step_s) in self._done:
            return
        place = place_text(
            self._planned.values(), (step.series, step.step_s), self._done, self._longest_service_s
        )
        self._write(f"{step.series}: {place}")

    def load_ended(self, nodeid: str, result: LoadResult) -> None:
        """Store a result; it is written after pytest's line for the test."""
        from pytest_unikernel.results.knee import find_knee  # noqa: PLC0415 - loads only, not collection
        from pytest_unikernel.text.run_summary import load_line  # noqa: PLC0415 - loads only, not collection

        if self._verbose > 0 or (self._verbose == 0 and not self._on_terminal):
            record = result.as_json()
            knee = record["knee"]
            self._pending += map(load_line, knee["loads"] if knee else [record])
            self._pending += [f"{result.target}: {knee_text(find_knee([record]))}"] if knee else []
        step = self._planned.get(nodeid)
        if step is None:
            return
        known_s = self._longest_service_s.get(step.series, 0.0)
        self._longest_service_s[step.series] = max(known_s, result.service_time_s.max or 0.0)
        if result.verdict != "ok":
            faster = (each for each in self._planned.values() if each.series == step.series)
            self._done |= {(each.series, each.step_s) for each in faster if 0 < each.step_s < step.step_s}

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Write the pending lines of the test's load."""
        step = self._planned.get(nodeid)
        if step is not None:
            self._done.add((step.series, step.step_s))
        for line in self._pending:
            self._write(line)
        self._pending.clear()

    def _write(self, text: str) -> None:
        """Write a line and leave its line end to the next writer."""
        if self._reporter.currentfspath is None and self._line_is_open:
            self._reporter.line("")
        self._reporter.ensure_newline()
        self._reporter.write(self._shown(text), flush=True)
        self._line_is_open = True

    def _shown(self, text: str) -> str:
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
            self._reporter.write_line(self._shown(line))

    def _report(self, run: Run) -> list[str]:
        import psutil  # noqa: PLC0415 - the end of a run only

        from pytest_unikernel.text.missing import missing_report  # noqa: PLC0415 - the end of a run only
        from pytest_unikernel.text.row import Row  # noqa: PLC0415 - the end of a run only
        from pytest_unikernel.text.run_summary import report  # noqa: PLC0415 - the end of a run only

        rows = [
            Row(
                entry.series,
                entry.record,
                benchmark.baseline(self._config, entry.fullname),
                resumed=entry.resumed,
                searched=entry.searched,
                unrest=entry.unrest,
            )
            for entry in run.entries
        ]
        found = baseline.existing(self._config)
        evidence = None if found is None else baseline.evidence(found.comparison)
        lines = report(rows, run.skips, psutil.virtual_memory().total, evidence)
        missing = missing_report(run.missing)
        return [*lines, *([""] if lines and missing else []), *missing]

    def write_regressions(self) -> None:
        """Write the regressions that fail the run, as the last lines of the output."""
        for line in [*baseline.busy_lines(self._config), *baseline.remark_lines(self._config)]:
            self._reporter.ensure_newline()
            self._reporter.write_line(self._shown(line), yellow=True)
        for line in baseline.failure_lines(self._config):
            self._reporter.write_line(self._shown(line), red=True)


REPORT = pytest.StashKey[TerminalReport]()
SHOWN = pytest.StashKey[bool]()


def configure(config: pytest.Config) -> None:
    """Register the report if there is a terminal reporter, which xdist's workers lack."""
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if reporter is not None:
        config.stash[REPORT] = TerminalReport(config, reporter)
        config.pluginmanager.register(config.stash[REPORT], NAME)


def load_ended(item: pytest.Item, result: LoadResult) -> None:
    """Report a load, after pytest's line for its test."""
    report = item.config.stash.get(REPORT, None)
    if report is not None:
        report.load_ended(item.nodeid, result)


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


def planned(sweep: marker.ItemSweep) -> PlannedStep:
    """Return the planned step of a swept test's item."""
    settings = sweep.settings
    return PlannedStep(
        series=sweep.series,
        step_s=0.0 if sweep.searches else float(sweep.step),
        trials=settings.trials * (SEARCH_LOADS if sweep.searches else 1),
        warmup_s=settings.warmup_s,
        window_s=seconds(settings.load_plan(sweep.step).window_ns),
    )


def _terminal() -> int:
    """Return a duplicated descriptor of the terminal, or -1 if there is no terminal to draw on."""
    if os.environ.get("TERM", "dumb") == "dumb":
        return NO_TERMINAL
    with contextlib.suppress(AttributeError, OSError, ValueError):
        number = sys.stdout.fileno()
        return os.dup(number) if os.isatty(number) else NO_TERMINAL
    return NO_TERMINAL
