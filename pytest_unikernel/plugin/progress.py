"""Where the run stands: what is left to measure, and how long it takes."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import TYPE_CHECKING

import pytest

from pytest_unikernel.clock import monotonic_ns, seconds
from pytest_unikernel.plugin import current_run, marker, rounds, survey
from pytest_unikernel.run.remaining import Agenda, Place, PlannedLoad, planned_step

if TYPE_CHECKING:
    from pytest_unikernel.results.result import LoadResult

COLD_LAUNCHES = 10  # where the survey hasn't seen how many
PROGRESS = pytest.StashKey["RunProgress"]()


class RunProgress:
    """The agenda of a run, and the time that each of its tests takes."""

    def __init__(self, agenda: Agenda) -> None:
        self.agenda = agenda
        self._taken_ns: dict[str, int] = {}
        self._running: list[str] = []
        self._since_ns = 0

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Take a test's time; of one that runs others inside, as for turns, its own time only."""
        self._charge()
        self._running.append(item.nodeid)
        try:
            return (yield)
        finally:
            self._charge()
            self._running.pop()

    def _charge(self) -> None:
        now_ns = monotonic_ns()
        if self._running:
            name = self._running[-1]
            self._taken_ns[name] = self._taken_ns.get(name, 0) + now_ns - self._since_ns
        self._since_ns = now_ns

    def load_ended(self, name: str, result: LoadResult) -> list[str]:
        """Take note of a measured load; return the tests that will be skipped because of it."""
        return self.agenda.measured(name, result)

    def finished(self, name: str) -> Place:
        """Take note that a test is over; return where the run stands."""
        self._charge()
        self.agenda.drop(name)
        self.agenda.took(name, seconds(self._taken_ns.get(name, 0)))
        return self.agenda.place


def begin(session: pytest.Session, show: survey.Show) -> list[survey.Finding]:
    """Look which targets run here, take needless skips out of the run, and plan the rest.

    Args:
        session: the session, before its first test.
        show: called with the name of each test that is looked at.
    """
    found = survey.findings(session.items)
    if survey.is_wanted(session):
        found = survey.survey(session, show)
        survey.take_out(session, found)
    config = session.config
    made = RunProgress(Agenda(planned(found, current_run.finished_names(config))))
    config.stash[PROGRESS] = made
    config.pluginmanager.register(made, "unikernel-progress")
    return found


def of(config: pytest.Config) -> RunProgress | None:
    """Return the progress of the session's run; None where no load is measured."""
    return config.stash.get(PROGRESS, None)


def place_of(item: pytest.Item) -> str:
    """Return where the run stands while an item's load is measured, in words; empty if that isn't known."""
    from pytest_unikernel.text.progress import place_text  # noqa: PLC0415 - loads only, not collection

    progress = of(item.config)
    place = None if progress is None else progress.agenda.place_of(item.nodeid)
    return "" if place is None else place_text(*place)


def planned(found: Iterable[survey.Finding], finished: Iterable[str]) -> dict[str, PlannedLoad]:
    """Return the loads of all tests whose target isn't missing."""
    known = set(finished)
    return {
        item.nodeid: _planned(item, finding, is_known=item.nodeid in known)
        for finding in found
        if not finding.is_missing
        for item in finding.items
    }


def _planned(item: pytest.Item, finding: survey.Finding, *, is_known: bool) -> PlannedLoad:
    sweep = marker.sweep_of(item)
    if sweep is None:
        launches = max((sight.launches for sight in finding.sights), default=0) or COLD_LAUNCHES
        return PlannedLoad(finding.name, finding.target, 1.0, 0 if is_known else 1, launches=launches + 1)
    planned = planned_step(
        sweep.series,
        finding.target,
        sweep.step,
        sweep.settings,
        searches=sweep.searches,
        is_known=is_known,
    )
    return planned._replace(turns=sweep.settings.trials if rounds.has_turns(item) else 1)
