"""``Bench`` as the command ``run`` uses it: its own words, and a line per load on standard error."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, ClassVar

from pytest_unikernel.bench.bench import Bench
from pytest_unikernel.bench.results import BenchResult, Sweep
from pytest_unikernel.bench.wording import Wording
from pytest_unikernel.commands.command import PROGRAM
from pytest_unikernel.commands.output import note
from pytest_unikernel.commands.run_words import WORDING
from pytest_unikernel.text.grid import printable

if TYPE_CHECKING:
    from pytest_unikernel.run.session import Session


class RunBench(Bench):
    """A ``Bench`` that writes about its loads.

    Attributes:
        warned: whether anything went wrong beside a measurement.
    """

    _wording: ClassVar[Wording] = WORDING

    def __init__(self, session: Session | None = None, **given: Any) -> None:
        self._started = session
        super().__init__(on_load=self._line, **given)
        self.warned = False

    def _line(self, result: BenchResult) -> None:
        """Write a line about a load: in a log about each, on a terminal about those of a sweep."""
        sweep = self.last
        if isinstance(sweep, Sweep):
            note(printable(f"{self._course} {result}"))
        elif not sys.stderr.isatty():
            note(printable(str(result)))

    def _warn(self, text: str) -> None:
        self.warned = True
        note(f"{PROGRAM}: {printable(self._wording.without_pytest(text))}")
