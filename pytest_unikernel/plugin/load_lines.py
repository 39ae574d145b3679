"""A line per measured load, between pytest's own lines: in a log, and with ``-v``.

In a log the lines of loads stand alone: pytest's letter of a load that passed, or that was skipped for a
reason known already, is left out, and the file's name isn't repeated for each. On a terminal pytest's dots
stay as they are, and the live line shows the rest.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_unikernel.plugin import progress
from pytest_unikernel.plugin.survey import Finding
from pytest_unikernel.text.knee import knee_text
from pytest_unikernel.text.progress import place_text, round_text, skipped_text, survey_lines

if TYPE_CHECKING:
    from pytest_unikernel.results.result import LoadResult

LOOKING = "sweep: looking which targets run here: "


class LoadLines:
    """Writes a line per load to pytest's terminal.

    Each of pytest's writers begins with a line end instead of ending its own line. So do ours beside pytest's
    long lines (``-v``). In a log ours end theirs, and the cursor is at the begin of a line between loads.
    """

    def __init__(
        self, config: pytest.Config, reporter: pytest.TerminalReporter, shown: Callable[[str], str]
    ) -> None:
        self._config = config
        self._reporter = reporter
        verbose = config.get_verbosity()
        self._on_terminal = reporter.isatty
        self._is_quiet = verbose < 0
        self._writes = verbose > 0 or (verbose == 0 and not self._on_terminal)
        self._alone = verbose == 0 and not self._on_terminal and not reporter.showlongtestinfo
        self._shown = shown
        self._pending: list[str] = []
        self._skipped = 0
        self._silent: set[str] = set()  # tests whose skips say nothing new
        self._done: set[str] = set()
        self._line_is_open = self._at_begin = False
        self._hides = False  # a test of which nothing is shown runs
        self._before: Path | str | int | None = (
            None  # the file that pytest's open line was about before that test
        )

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Keep the session: it knows how many tests there are."""
        self._session = session

    # before the first load ------------------------------------------------------------------------

    def look(self, name: str) -> None:
        """Show, on a terminal, the test that the survey looks at: a probe may take seconds."""
        if self._on_terminal and not self._is_quiet:
            test = name.rpartition("::")[2]
            self._reporter.rewrite(self._shown(f"{LOOKING}{test}"[:79]), erase=True)

    def looked(self) -> None:
        """Take away what :meth:`look` has shown."""
        if self._on_terminal and not self._is_quiet:
            self._reporter.rewrite("", erase=True)
            self._reporter.rewrite("")

    def begin(self, found: Sequence[Finding]) -> None:
        """Write which targets run here, and how long the run takes."""
        run = progress.of(self._config)
        seen = [finding for finding in found if finding.sights]
        if run is None:
            return
        self._silent |= {item.nodeid for each in found if each.is_missing for item in each.items}
        if seen and not self._is_quiet:
            running = list(dict.fromkeys(each.target for each in seen if each.target and not each.is_missing))
            for line in survey_lines(_count(seen), running, run.agenda.place.left_s):
                self._reporter.write_line(self._shown(line))

    # while the tests run --------------------------------------------------------------------------

    def load_ended(self, nodeid: str, result: LoadResult) -> None:
        """Keep a result until pytest's line for the test is written."""
        from pytest_unikernel.results.knee import find_knee  # noqa: PLC0415 - loads only, not collection
        from pytest_unikernel.text.run_summary import load_line  # noqa: PLC0415 - loads only, not collection

        if self._writes:
            record = result.as_json()
            knee = record["knee"]
            self._pending += map(load_line, knee["loads"] if knee else [record])
            self._pending += [f"{result.target}: {knee_text(find_knee([record]))}"] if knee else []
        run = progress.of(self._config)
        skipped = [] if run is None else run.load_ended(nodeid, result)
        self._silent.update(skipped)
        self._skipped = len(skipped)

    def round_ended(self, number: int, rounds: int) -> None:
        """Write that a round of trials has ended: no load is finished before the last round."""
        run = progress.of(self._config)
        if run is None or not self._writes:
            return
        line = f"{place_text(*run.agenda.place)} {round_text(number, rounds)}"
        if self._alone:
            self._write_alone("", [line], is_last=False)
        else:
            self._write(line)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Keep pytest from writing the name of the file, or write it where pytest would not begin a line."""
        self._hides = self._alone and nodeid in self._silent and self._may_hide(nodeid)
        if self._hides:
            self._before = self._reporter.currentfspath
            self._reporter.currentfspath = self._path(nodeid)
        elif self._alone and self._is_load(nodeid):
            if self._reporter.currentfspath != self._path(nodeid):
                self._reporter.ensure_newline()
                self._reporter.currentfspath = self._path(nodeid)
                self._at_begin = True
        elif self._at_begin:
            self._write_path(nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """Leave out the letter of a load that has its own line, or needs none."""
        if not self._alone or type(report) is not pytest.TestReport or hasattr(report, "wasxfail"):
            return None
        if report.passed and report.when == "call" and self._pending:
            return "passed", "", "PASSED"
        if (
            report.skipped
            and report.nodeid in self._silent
            and (self._hides or not self._is_last(report.nodeid))
        ):
            return "skipped", "", "SKIPPED"
        return None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write the name of the file before a letter of pytest's."""
        if not (self._at_begin or self._hides):
            return
        status = self._config.hook.pytest_report_teststatus(report=report, config=self._config)
        if status[1]:
            self._show_again()
            self._write_path(report.nodeid)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logfinish(self, nodeid: str) -> Generator[None, object, object]:
        """Write the lines of the test's load: in a log before pytest's percentage, else after it."""
        lines, is_last = self._lines(nodeid), self._is_last_shown(nodeid)
        self._done.add(nodeid)
        if self._alone:
            self._write_alone(nodeid, lines, is_last=is_last)
        result = yield
        if self._hides:
            self._reporter.currentfspath, self._hides = self._before, False
        if not self._alone:
            for line in lines:
                self._write(line)
        return result

    def _may_hide(self, nodeid: str) -> bool:
        """Whether nothing is written: not behind an ended line of ours, nor where the log would be empty."""
        is_bare = self._reporter.currentfspath is None
        return not self._at_begin and not (is_bare and self._is_last(nodeid))

    def _show_again(self) -> None:
        """Begin a line where a test has something to show after all."""
        if self._hides and self._before is not None:
            self._reporter.ensure_newline()
        self._hides = False

    def _lines(self, nodeid: str) -> list[str]:
        """Return the pending lines; the last has the place of the run in front."""
        run = progress.of(self._config)
        place = None if run is None else run.finished(nodeid)
        lines, self._pending = self._pending, []
        if lines and place is not None:
            skipped = skipped_text(self._skipped) if self._skipped else ""
            lines[-1] = f"{place_text(*place)} {lines[-1]}{skipped}"
        self._skipped = 0
        return lines

    def _write_alone(self, nodeid: str, lines: Collection[str], *, is_last: bool) -> None:
        """Write lines and end them, but for the last line of a run, which takes pytest's percentage."""
        if lines and not self._at_begin:
            self._reporter.ensure_newline()
        self._at_begin = self._at_begin or bool(lines)
        if self._at_begin:
            self._reporter.currentfspath = None  # so that nobody ends a line that is ended
        text = "\n".join(map(self._shown, lines))
        if lines and is_last:
            self._reporter.write(text, flush=True)
            self._reporter.currentfspath = self._path(nodeid)
            self._at_begin = False
        elif lines:
            self._reporter.write(f"{text}\n", flush=True)

    def _write(self, text: str) -> None:
        """Write a line and leave its line end to the next writer."""
        if self._reporter.currentfspath is None and self._line_is_open:
            self._reporter.line("")
        self._reporter.ensure_newline()
        self._reporter.write(self._shown(text), flush=True)
        self._line_is_open = True

    def _write_path(self, nodeid: str) -> None:
        """Write the name of a test's file, as pytest does."""
        path = self._path(nodeid)
        self._reporter.write(f"{os.path.relpath(path, self._reporter.startpath)} ")
        self._reporter.currentfspath = path
        self._at_begin = False

    def _path(self, nodeid: str) -> Path:
        return self._config.rootpath / nodeid.partition("::")[0]

    def _is_load(self, nodeid: str) -> bool:
        run = progress.of(self._config)
        return nodeid in self._silent or (run is not None and run.agenda.has(nodeid))

    def _is_last_shown(self, nodeid: str) -> bool:
        """Whether nothing is shown of any test after this one: its line takes pytest's percentage."""
        left = {item.nodeid for item in self._session.items} - self._done - self._silent - {nodeid}
        return not left and nodeid not in self._silent

    def _is_last(self, nodeid: str) -> bool:
        return len(self._done | {nodeid}) >= self._session.testscollected


def _count(found: Sequence[Finding]) -> int:
    """Return the number of targets.

    A test that skips before its load hasn't named its target; a cold start's is that of a sweep, if there are
    as many of both.
    """
    names = {finding.target for finding in found if finding.target}
    nameless = [finding.is_sweep for finding in found if finding.is_missing and not finding.target]
    return len(names) + max(nameless.count(True), nameless.count(False))
