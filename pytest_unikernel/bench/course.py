"""Where the loads of one call of ``Bench`` stand, and how long the rest takes: as in a run of pytest."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_unikernel.clock import monotonic_ns, seconds
from pytest_unikernel.results.result import LoadResult
from pytest_unikernel.run.remaining import Agenda, PlannedLoad
from pytest_unikernel.text.progress import place_text


class Course:
    """The loads that a call has planned, by their full names; it learns from those that were measured."""

    def __init__(self, planned: Mapping[str, PlannedLoad]) -> None:
        self._agenda = Agenda(planned)
        self._since_ns = 0
        self._taken_ns: dict[str, int] = {}

    def __str__(self) -> str:
        """Return where the call stands when a load has been measured: ``[2/5, 3 min left]``."""
        return place_text(*self._agenda.place)

    def begun(self, name: str) -> str:
        """Take note that a load begins; return where the call stands meanwhile."""
        self._since_ns = monotonic_ns()
        place = self._agenda.place_of(name)
        return "" if place is None else place_text(*place)

    def ended(self, name: str, result: LoadResult) -> None:
        """Take note of a measured load, and that faster ones won't be run if it was not ok."""
        self._charge(name)
        self._agenda.measured(name, result)
        self._agenda.took(name, seconds(self._taken_ns[name]))

    def trial_ended(self, name: str) -> None:
        """Take note that a load has trials left, which the next rounds will measure."""
        self._charge(name)
        self._agenda.trial_ended(name)

    def _charge(self, name: str) -> None:
        now_ns = monotonic_ns()
        self._taken_ns[name] = self._taken_ns.get(name, 0) + now_ns - self._since_ns
        self._since_ns = now_ns

    def drop(self, name: str) -> None:
        """Take note that a load isn't run."""
        self._agenda.drop(name)
