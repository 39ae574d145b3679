"""The one Run of a pytest session: made at its first load, closed at its end."""

from __future__ import annotations

import contextlib
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import pytest

from pytest_unikernel import __version__
from pytest_unikernel.errors import LoadError
from pytest_unikernel.plugin import many_hosts, options
from pytest_unikernel.plugin.usage_error import SweepUsageError
from pytest_unikernel.run import journal

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from pytest_unikernel.run.resumed import Steps
    from pytest_unikernel.run.run import Run

RUN = pytest.StashKey["Run"]()
FINISHED: pytest.StashKey[Steps] = pytest.StashKey()
JOURNALS: pytest.StashKey[Path] = pytest.StashKey()  # the directory
COMPLETE = pytest.StashKey[bool]()
TERMINAL = "unikernel-terminal"  # the plugin that has remembered the terminal
ENDED = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED)


def read_resumed(config: pytest.Config) -> None:
    """Read the finished steps from the file of ``--sweep-resume``; incomplete steps are run again.

    Raises:
        SweepUsageError: the file is no record of finished steps, or damaged; the text says where.
    """
    path = options.settings(config).resume
    if path is None:
        return
    from pytest_unikernel.run.resumed import read  # noqa: PLC0415 - resumed runs only

    try:
        steps = read(path)
    except LoadError as error:
        raise SweepUsageError(str(error)) from error
    config.stash[FINISHED] = {name: step for name, step in steps.items() if not step.lacks}
    for name, step in steps.items():
        if step.lacks:
            text = f"--sweep-resume: {name} is run again, its record in {path} is incomplete: {step.lacks}"
            config.issue_config_time_warning(pytest.PytestWarning(text), stacklevel=2)


def finished_names(config: pytest.Config) -> Collection[str]:
    """Return the names of the tests whose loads an earlier run has, as far as they were the same."""
    return config.stash.get(FINISHED, {}).keys()


def run_of(config: pytest.Config) -> Run:
    """Return the session's run; whatever loads need is imported here, and not at collection."""
    if RUN not in config.stash:
        from pytest_unikernel.run.run import Run  # noqa: PLC0415

        journals, finished = config.stash.get(JOURNALS, None), config.stash.get(FINISHED, None)
        config.stash[RUN] = Run(_terminal(config), journals, finished, _origin(config), many_hosts.of(config))
    return config.stash[RUN]


def _origin(config: pytest.Config) -> dict[str, Any]:
    """Return a record's ``run``; a worker of pytest-xdist has the command line of its controller."""
    arguments = getattr(config, "workerinput", {}).get("mainargv", ["", *config.invocation_params.args])[1:]
    return {"command_line": ["pytest", *map(str, arguments)], "plugin_version": __version__}


def existing(config: pytest.Config) -> Run | None:
    """Return the session's run if there was a load."""
    return config.stash.get(RUN, None)


def _terminal(config: pytest.Config) -> int:
    """Return the descriptor of the terminal that the live line goes to, or -1."""
    report = config.pluginmanager.getplugin(TERMINAL)
    return -1 if report is None else int(report.descriptor)


def _reporter(config: pytest.Config) -> pytest.TerminalReporter | None:
    reporter: pytest.TerminalReporter | None = config.pluginmanager.getplugin("terminalreporter")
    return reporter


def find_journals(config: pytest.Config) -> None:
    """Find the directory of journals, in pytest's cache; say so if there is none that can be written to."""
    cache: pytest.Cache | None = getattr(config, "cache", None)
    if cache is None:
        why = "pytest's cache is off; take away -p no:cacheprovider"
    else:
        from pytest_unikernel.results import destinations  # noqa: PLC0415 - loads only, not collection

        try:
            directory = cache.mkdir("unikernel")
            destinations.check_directory(directory)
            config.stash[JOURNALS] = directory
        except OSError as error:
            place = cache._cachedir / "d" / "unikernel"  # noqa: SLF001 - mkdir() has failed
            cure = "name a directory that can be written to with -o cache_dir=DIR"
            why = f"can't write into {str(place)!r}: {error.strerror or error}; {cure}"
        else:
            return
    say(config, "sweep: no journal is written, so this run can't be resumed:")
    for line in textwrap.wrap(why, 76, break_long_words=False, break_on_hyphens=False):  # a path stays whole
        say(config, f"    {line}")


def unfinished_lines(config: pytest.Config) -> list[str]:
    """Return lines for the header: how to resume an earlier run that was killed."""
    cache: pytest.Cache | None = getattr(config, "cache", None)
    if cache is None or options.settings(config).resume is not None or hasattr(config, "workerinput"):
        return []
    directory = cache._cachedir / "d" / "unikernel"  # noqa: SLF001 - mkdir() would make it
    return [
        f"sweep: an earlier run did not finish; resume it with --sweep-resume={path}"
        for path in journal.abandoned(directory)[-1:]
    ]


def check_required(session: pytest.Session) -> None:
    """Fail a run in which a variant named by --sweep-require was never asked for."""
    config = session.config
    required = options.settings(config).require - {"all"}
    if not required or config.option.collectonly or hasattr(config, "workerinput"):
        return
    run = existing(config)
    missing = sorted(required - (run.seen if run is not None else set()))
    if missing and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        xdist = config.getoption("dist", "no") != "no"
        cure = "run with -n0" if xdist else "check the name, -k and -m"
        say(config, f"ERROR: --sweep-require: no test launched {', '.join(missing)}; {cure}", red=True)


def say(config: pytest.Config, line: str, *, red: bool = False) -> None:
    """Write a line for the user, to the terminal if there is one still."""
    with contextlib.suppress(OSError, ValueError):  # it may be closed
        _write(config, line, red=red)


def _write(config: pytest.Config, line: str, *, red: bool) -> None:
    reporter = _reporter(config)
    if reporter is None:
        print(line, file=sys.stderr)  # noqa: T201 - there is no terminal reporter
        return
    reporter.ensure_newline()
    if red:
        reporter.line("")  # xdist leaves its last line open
    reporter.write_line(line, red=red)


def note_end(session: pytest.Session) -> None:
    """Take note of whether all tests were run, or something is left to resume."""
    stopped = session.shouldstop or session.shouldfail
    session.config.stash[COMPLETE] = session.exitstatus in ENDED and not stopped


def deliver_kept(config: pytest.Config) -> None:
    """Report loads cut short by the end of the run, marked as interrupted."""
    run = existing(config)
    while run is not None and run.kept:
        _, deliver = run.kept.popitem()
        deliver()


def close(config: pytest.Config, *, delivered: bool) -> None:
    """End the helpers, remove the private directory, and print how to resume a run that was cut short.

    Args:
        config: the session's.
        delivered: the results are known to have reached the user; the journal of a complete run may go.
    """
    run = existing(config)
    if run is None:
        return
    del config.stash[RUN]
    complete = config.stash.get(COMPLETE, False) and not run.interrupted
    try:
        journal_path = run.close_journal(complete=complete and delivered)
        if journal_path is not None:
            say(config, f"resume with: --sweep-resume={journal_path}")
            if run.not_in_journal:
                say(config, f"sweep: the journal lacks loads: {run.not_in_journal}", red=True)
    finally:
        run.close()
