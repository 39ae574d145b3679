"""Output beside the results, made of a run's loads at the end of it: ``--sweep-report``, ``--sweep-summary``.

It is made after pytest-benchmark has written its files, after Ctrl-C too. Errors are printed, never raised:
they must not cost results.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_unikernel.plugin import current_run

if TYPE_CHECKING:
    from pytest_unikernel.run.run import Run


class Afterwards:
    """Writes such output and prints where it is; its subclasses say what it is.

    Attributes:
        option: the option that asks for it.
        word: its name for people.
    """

    option: str
    word: str

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._said = ""
        self._failed = False

    def is_worth_it(self, run: Run) -> bool:
        """Return whether a run has something to show."""
        return bool(run.entries)

    def write(self, session: pytest.Session, run: Run) -> str:
        """Write the output; return a line about it. Whatever it raises is printed."""
        raise NotImplementedError

    def why(self, error: Exception) -> str:
        """Return what went wrong, for people."""
        return str(error) or type(error).__name__

    @pytest.hookimpl(trylast=True)  # pytest-benchmark's files are written by then
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the output of the measured loads."""
        run = current_run.existing(self._config)
        if run is None or not self.is_worth_it(run):
            self._said = f"{self.option}: no load was measured, so there is no {self.word}"
            return
        try:
            self._said = self.write(session, run)
        except Exception as error:  # noqa: BLE001 - the results are more than this
            self._failed = True
            self._said = f"ERROR: {self.option}: {self.why(error)}; the results are not lost by it"
            if session.exitstatus == pytest.ExitCode.OK:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print where the output is, or why there is none."""
        terminalreporter.ensure_newline()
        terminalreporter.write_line(self._said, red=self._failed)
