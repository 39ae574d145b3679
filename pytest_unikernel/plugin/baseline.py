"""Compares the session with the baseline and fails it when a metric regresses beyond its limit."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import pytest

from pytest_unikernel.plugin import benchmark, current_run, options
from pytest_unikernel.plugin.usage_error import SweepUsageError

if TYPE_CHECKING:
    from pytest_unikernel.results.comparison import Comparison, Regression
    from pytest_unikernel.run.run import Run

FLAG, LIFT = "--sweep-compare-fail", "--sweep-compare-busy"


class Found(NamedTuple):
    """The comparison with the baseline.

    Attributes:
        comparison: all changes.
        regressions: those beyond their limits.
        searched: the series whose knee both runs searched for; the summary compares it.
    """

    comparison: Comparison
    regressions: Sequence[Regression]
    searched: frozenset[str]


FOUND = pytest.StashKey[Found]()
FAILURE = pytest.StashKey[list[str]]()
UNMEASURED = pytest.StashKey[bool]()
LOAD_TESTS = pytest.StashKey[bool]()
LOAD_MARKERS = frozenset({"sweep", "cold"})


class LoadTests:
    """Notes whether tests with loads were run, or skipped: by pytest-xdist's workers too."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Look at a test's markers."""
        if not LOAD_MARKERS.isdisjoint(report.keywords):
            self._config.stash[LOAD_TESTS] = True


def configure(config: pytest.Config) -> None:
    """Refuse limits without a run to compare with.

    Raises:
        SweepUsageError: the command line has the option, but not --benchmark-compare.
    """
    if (
        config.getoption("sweep_compare_fail")
        and benchmark.has_benchmark(config)
        and not benchmark.compares(config)
    ):
        raise SweepUsageError(
            f"{FLAG}: expected --benchmark-compare too, got none; add it, or leave {FLAG} out (command line)"
        )
    if benchmark.has_benchmark(config) and benchmark.compares(config):
        config.pluginmanager.register(LoadTests(config))


def check(session: pytest.Session) -> None:
    """Compare with the baseline; fail the session if a regression exceeds ``--sweep-compare-fail``."""
    config, run = session.config, current_run.existing(session.config)
    if not benchmark.compares(config) or run is None or not run.entries:
        config.stash[UNMEASURED] = asked = _is_asked(config)
        _end_with(session, failed=False, untested=asked)
        return
    config.stash[FOUND] = found = _compare(config, run)
    lines = _why_failed(config, found)
    _end_with(session, failed=bool(lines), untested=_is_untested(config, found))
    config.stash[FAILURE] = lines
    if lines and config.pluginmanager.getplugin("terminalreporter") is None:
        print("\n".join(lines), file=sys.stderr)  # noqa: T201 - nobody else would say it


def _end_with(session: pytest.Session, *, failed: bool, untested: bool) -> None:
    """Give a run that would have passed the exit status of the comparison."""
    from pytest_unikernel.compare.limits import UNTESTED  # noqa: PLC0415 - the end of a run with limits only

    if session.exitstatus == pytest.ExitCode.OK and (failed or untested):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED if failed else UNTESTED


def _is_untested(config: pytest.Config, found: Found) -> bool:
    """Return whether there are limits, and no figure with a limit could be tested."""
    from pytest_unikernel.compare.limits import could_test  # noqa: PLC0415 - the end of a compared run only

    limits = options.settings(config).compare_fail
    return bool(limits) and not could_test(found.comparison, limits or ())


def _is_asked(config: pytest.Config) -> bool:
    """Return whether the command line has limits, which are for this run, or the ini file has.

    The latter are for all runs that compare, and so for tests with loads only.
    """
    if config.option.collectonly:
        return False
    in_ini = config.stash.get(LOAD_TESTS, False) and bool(options.settings(config).compare_fail)
    return bool(config.getoption("sweep_compare_fail")) or in_ini


def _compare(config: pytest.Config, run: Run) -> Found:
    from pytest_unikernel.compare.judging import compare  # noqa: PLC0415 - the end of a compared run only
    from pytest_unikernel.compare.limits import regressions  # noqa: PLC0415
    from pytest_unikernel.compare.sides import interrupted, sides  # noqa: PLC0415

    # The loads of a search are no tests: other runs have other ones, and a saved run has them in its knee.
    now = {entry.fullname: entry.record for entry in run.entries if not entry.searched}
    # A load that no test of this run requested is not missing.
    reached = {*now, *(each.fullname for each in run.skips)}
    was = {name: record for name, record in benchmark.baselines(config).items() if name in reached}
    absent = dict.fromkeys(interrupted([now]), "interrupted")
    settings = options.settings(config)
    how = {"same_host": not benchmark.other_machine(config), "despite_busy": settings.compare_busy}
    comparison = compare(sides([was]), sides([now]), absent, **how)
    limits = settings.compare_fail
    found = list(regressions(comparison, limits)) if limits else []
    both = (
        entry for entry in run.entries if entry.record.get("knee") and was.get(entry.fullname, {}).get("knee")
    )
    return Found(comparison, found, frozenset(entry.series for entry in both))


def _why_failed(config: pytest.Config, found: Found) -> list[str]:
    from pytest_unikernel.text.comparison import regression_lines  # noqa: PLC0415 - as above

    limits = options.settings(config).compare_fail
    if not limits:
        return []
    if not found.comparison.series:
        return [f"ERROR: {FLAG}: no saved run contains these tests; save one with --benchmark-autosave"]
    if not found.regressions:
        return []
    return [f"ERROR: {FLAG}: worse than the baseline:", *regression_lines(found.regressions)]


def existing(config: pytest.Config) -> Found | None:
    """Return the comparison; None if there was no baseline."""
    return config.stash.get(FOUND, None)


def failure_lines(config: pytest.Config) -> list[str]:
    """Return the lines on why the comparison fails the session; empty if it does not."""
    return config.stash.get(FAILURE, [])


def remark_lines(config: pytest.Config) -> list[str]:
    """Return a remark if the limits had no effect because no figure could be tested; else no lines."""
    from pytest_unikernel.text.comparison import untested_lines  # noqa: PLC0415 - as above

    found = existing(config)
    if config.stash.get(UNMEASURED, False):
        return [f"{FLAG}: no load was measured, so nothing was compared"]
    if found is None or found.regressions or not _is_untested(config, found):
        return []
    if not found.comparison.series:  # the failure lines report this
        return []
    return untested_lines(found.comparison, FLAG, LIFT)


def busy_lines(config: pytest.Config) -> list[str]:
    """Return a warning if a run that is saved was measured on a busy host; else no lines."""
    run = current_run.existing(config)
    if run is None or not benchmark.saves(config):
        return []
    from pytest_unikernel.compare.questions import BUSY_PERCENT  # noqa: PLC0415 - the end of a saved run only
    from pytest_unikernel.compare.sides import others_percent  # noqa: PLC0415 - as above
    from pytest_unikernel.text.baseline_notes import busy_baseline_lines  # noqa: PLC0415 - as above

    shares = {entry.fullname: others_percent(entry.record) for entry in run.entries if not entry.resumed}
    busy = {name: share for name, share in shares.items() if share is not None and share > BUSY_PERCENT}
    return busy_baseline_lines(busy, LIFT)


def evidence(found: Found) -> Mapping[str, Sequence[str]]:
    """Return the lines of the comparison by series; ``COLD`` names all cold starts together."""
    from pytest_unikernel.text.comparison import groups, series_lines  # noqa: PLC0415 - as above
    from pytest_unikernel.text.run_summary import COLD  # noqa: PLC0415 - as above

    names = ((group[0].name if group[0].is_sweep else COLD, group) for group in groups(found.comparison))
    return {name: series_lines(group, searched=name in found.searched) for name, group in names}
