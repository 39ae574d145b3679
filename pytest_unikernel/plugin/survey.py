"""The survey before the first load: which target does each test launch, and can it run here?

Only a test's body knows its target, ``load_step(linux_vm(kvm=True))``, and fixtures may skip. So each test
with a load is run once more, up to its load, through pytest's own hook: other plugins' time-outs apply, and
fixtures of wider scopes stay set up for the loads where they can. Nothing of it is reported.
"""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

import pytest

from pytest_unikernel.plan.target import Target
from pytest_unikernel.plugin import rounds
from pytest_unikernel.plugin.marker import has_load, sweep_of

SIGHT = pytest.StashKey["Sight"]()
DEBUGGING = ("usepdb", "trace", "setuponly", "setupshow", "setupplan")  # they show what a test does
Show = Callable[[str], None]


@dataclass
class Sight:
    """What the survey has seen of one test.

    Attributes:
        target: the name of the target that it launches; empty if it didn't come to its load.
        why_not: why it will be skipped; empty if it won't.
        launches: of cold starts.
    """

    target: str = ""
    why_not: str = ""
    launches: int = 0


@dataclass
class Finding:
    """What the survey has seen of a series, or of another test with a load.

    Attributes:
        name: the series, or the test's node id.
        items: its tests.
        sights: of its first tests, up to the first that may run.
    """

    name: str
    items: list[pytest.Item] = field(default_factory=list)
    sights: list[Sight] = field(default_factory=list)

    @property
    def target(self) -> str:
        """The name of its target; empty if no test came to its load."""
        return next((sight.target for sight in self.sights if sight.target), "")

    @property
    def is_missing(self) -> bool:
        """Whether each of its tests will be skipped."""
        return bool(self.sights) and all(sight.why_not for sight in self.sights)

    @property
    def is_sweep(self) -> bool:
        """Whether it is a series."""
        return sweep_of(self.items[0]) is not None

    @property
    def surplus(self) -> list[pytest.Item]:
        """The tests whose skips would only repeat that of another."""
        if not self.is_missing:
            return []
        reasons = [sight.why_not for sight in self.sights]
        return [item for place, item in enumerate(self.items) if reasons[place] in reasons[:place]]


# asked by a session --------------------------------------------------------------------------------


def is_wanted(session: pytest.Session) -> bool:
    """Whether a survey is of use: not for a single load, nor where a user looks at what each test does."""
    options = session.config.option
    if session.testsfailed and not options.continue_on_collection_errors:
        return False
    if any(getattr(options, name, False) for name in DEBUGGING):
        return False
    return sum(has_load(item) for item in session.items) > 1


def survey(session: pytest.Session, show: Show = lambda _: None) -> list[Finding]:
    """Run the tests with loads up to their loads, each series until a test of it can run.

    Args:
        session: the session, before its first test.
        show: called with the name of the test that is looked at.
    """
    found = findings(session.items)
    for place, finding in enumerate(found):
        after = [each.items[0] for each in found[place + 1 : place + 2]] or session.items[:1]
        for number, item in enumerate(finding.items):
            show(item.nodeid)
            sight = _looked_at(item, [*finding.items[number + 1 : number + 2], *after])
            finding.sights.append(sight)
            if not sight.why_not:
                break
    return found


def findings(items: Iterable[pytest.Item]) -> list[Finding]:
    """Return a finding, with nothing seen yet, for each series and each other test with a load."""
    found: dict[str, Finding] = {}
    for item in items:
        if has_load(item):
            sweep = sweep_of(item)
            name = item.nodeid if sweep is None else sweep.series
            found.setdefault(name, Finding(name)).items.append(item)
    return list(found.values())


def take_out(session: pytest.Session, found: Iterable[Finding]) -> None:
    """Take tests out of the run whose skips would only repeat that of another of their series."""
    surplus = {item for finding in found for item in finding.surplus}
    session.items[:] = [item for item in session.items if item not in surplus]
    session.testscollected -= len(surplus)  # pytest's percentages go by it
    rounds.leave_out(surplus)


# asked by a load -----------------------------------------------------------------------------------


def is_looking(item: pytest.Item) -> bool:
    """Whether the test is run by the survey."""
    return SIGHT in item.stash


def note(item: pytest.Item, target: Target, why_not: str, launches: int) -> NoReturn:
    """Take note of the test's target, and end this run of it."""
    item.stash[SIGHT] = Sight(target.full_name, why_not, launches)
    pytest.skip("the survey has seen the target")


# running a test ------------------------------------------------------------------------------------


def _looked_at(item: pytest.Item, following: Sequence[pytest.Item]) -> Sight:
    """Run a test; what it shares with all that may follow stays set up."""
    item.stash[SIGHT] = Sight()
    try:
        with _unseen(item):
            shared = rounds.common_parent([item, *following])
            item.ihook.pytest_runtest_protocol(item=item, nextitem=shared)
        return item.stash[SIGHT]
    finally:
        del item.stash[SIGHT]


def run(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a test of the survey without reporting it; None leaves all others to pytest."""
    if SIGHT not in item.stash:
        return None
    runner = item.config.pluginmanager.getplugin("runner")  # pytest's own, by the name that -p takes
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the test's own run has them again
        reports = runner.runtestprotocol(item, log=False, nextitem=nextitem)
    sight = item.stash[SIGHT]
    if not sight.target:
        sight.why_not = next(filter(None, map(_skip_reason, reports)), "")
    return True


def _skip_reason(report: pytest.TestReport) -> str:
    """Return why a test was skipped; empty if it wasn't."""
    if not report.skipped or hasattr(report, "wasxfail"):
        return ""
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return reason.removeprefix("Skipped: ") or "skipped"


@contextlib.contextmanager
def _unseen(item: pytest.Item) -> Iterator[None]:
    """Keep prints, log records and properties of this run to ourselves."""
    sections, properties = len(item._report_sections), len(item.user_properties)  # noqa: SLF001
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):  # by -s
            yield
    finally:
        logging.disable(disabled)
        del item._report_sections[sections:]  # noqa: SLF001 - a failure would show them twice
        del item.user_properties[properties:]
