"""The end of a session: whatever raises, results are saved, tables written, and the journal kept in doubt.

The journal goes when all tests were run and the results are known to be saved. A session that was asked to
save nothing delivers its results with its tables: there it goes when these were written and nothing raised.
"""

from __future__ import annotations

import signal
from collections.abc import Generator

import pytest

from pytest_unikernel.plugin import baseline, current_run, saving, terminal

RAISED = pytest.StashKey[bool]()


def finish(session: pytest.Session) -> Generator[None, None, None]:
    """Run around all that is done at the end; signals meanwhile take effect after it."""
    from pytest_unikernel.run.held_signals import HeldSignals  # noqa: PLC0415 - the end of a run only

    with HeldSignals() as held:
        session.config.stash[RAISED] = True
        try:
            _before(session)
            yield
            session.config.stash[RAISED] = False
        finally:
            _complete(session.config)
            _fail_if_unsaved(session)
    _take_effect(held.first, own=held.own_handler(held.first))


def _before(session: pytest.Session) -> None:
    current_run.deliver_kept(session.config)
    current_run.note_end(session)
    current_run.check_required(session)
    baseline.check(session)


def _complete(config: pytest.Config) -> None:
    """Do what another plugin's error has prevented: save, write the tables."""
    if current_run.existing(config) is None:
        return
    saved = saving.of(config)
    if saved is not None:
        saved.save()
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if reporter is None or config.option.no_summary or terminal.is_shown(config):
        return
    try:
        reporter.line("")  # pytest's last one is open
        terminal.write_summary(reporter)
    except Exception as error:  # noqa: BLE001 - the error that has led here is the more important one
        current_run.say(config, f"ERROR: the tables can't be written: {error!r}", red=True)


def _doubt(config: pytest.Config) -> str:
    """Return why the results aren't known to be saved, though that was asked for; empty otherwise."""
    saved = saving.of(config)
    return saved.doubt if saved is not None and saved.asked and current_run.existing(config) else ""


def _fail_if_unsaved(session: pytest.Session) -> None:
    if _doubt(session.config) and session.exitstatus in {
        pytest.ExitCode.OK,
        pytest.ExitCode.NO_TESTS_COLLECTED,
    }:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _take_effect(number: int, *, own: bool) -> None:
    """Do what a signal would have done, had nothing been left to save."""
    if number and own:
        signal.raise_signal(number)
    elif number:
        status = pytest.ExitCode.INTERRUPTED if number == signal.SIGINT else 128 + number
        pytest.exit(f"ended by {signal.Signals(number).name} when the results were saved", returncode=status)


def close(config: pytest.Config) -> None:
    """End the helpers; say how to resume a run that was cut short, or whose results may be lost."""
    if current_run.existing(config) is None:
        return
    _complete(config)
    doubt, saved = _doubt(config), saving.of(config)
    if doubt:
        current_run.say(config, f"ERROR: the results are not known to be saved: {doubt}", red=True)
    asked = saved is not None and saved.asked
    for path in saved.unreadable if saved is not None else ():
        line = f"sweep: what was written to {str(path)!r} can't be read back, so the journal is kept"
        current_run.say(config, line)
        doubt = doubt or "unreadable"
    told = terminal.is_shown(config) and not config.stash.get(RAISED, True)
    current_run.close(config, delivered=not doubt if asked else told)
