"""Saves results: where they go is tried before the first load, and what was written is read back.

Knows pytest-benchmark, as ``benchmark.py`` does. Its ``handle_saving`` is called as ever, but an error in it
costs neither the tables nor what other plugins do at the end.
"""

from __future__ import annotations

import contextlib
import copy
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_unikernel.plugin import benchmark, marker, places
from pytest_unikernel.plugin.usage_error import SweepUsageError

SAVING = pytest.StashKey["Saving"]()
COMMIT = pytest.StashKey[dict[str, Any]]()
NOT_DONE = "the run ended before they were written"


# before the first load ----------------------------------------------------------------------------


def prepare(session: pytest.Session) -> None:
    """Try every place that the results of loads are to go to, and collect what is saved beside them.

    Raises:
        SweepUsageError: a place takes no results, or a plugin fails to say what machine this is.
    """
    config = session.config
    known = config._benchmarksession  # type: ignore[attr-defined] # noqa: SLF001 - it has no other name
    saving = Saving(config, known)
    saving.check()
    config.stash[SAVING] = saving


def has_loads(session: pytest.Session) -> bool:
    """Whether tests of this session, in this process, measure loads."""
    config = session.config
    known = getattr(config, "_benchmarksession", None)
    if config.option.collectonly or hasattr(config, "workerinput") or known is None:
        return False
    if known.disabled or known.skip:
        return False
    items = getattr(session, "items", ())
    return any(map(marker.has_load, items))


# at the end ---------------------------------------------------------------------------------------


class Saving:
    """The saving of one session, done once, and whether it is known to have worked.

    Attributes:
        asked: whether pytest-benchmark was asked to save anything.
        unreadable: pipes and devices that results were written to.
        doubt: why the results aren't known to be saved; empty if they are.
        done: whether it was tried.
    """

    def __init__(self, config: pytest.Config, known: Any) -> None:
        self._config = config
        self._known = known
        self._save: Callable[[], None] = known.handle_saving
        self.asked = bool(known.json or known.save or known.autosave)
        self.doubt = NOT_DONE
        self.done = False
        self.unreadable: list[Path] = []
        self._pipes: dict[Path, int] = {}  # held open, or their readers would end before the results come
        config.add_cleanup(self._close_pipes)
        known.handle_saving = self.save

    def check(self) -> None:
        """Try every place and collect what is saved beside the results.

        Raises:
            SweepUsageError: a place takes no results, or facts can't be had.
        """
        self.done = True  # a run that is refused has nothing to save
        places.check_directories(self._config)
        places.check_histogram(self._known)
        for option, path in places.files(self._known):
            if option != "--benchmark-json":  # its directory is made
                places.check(option, path.parent)
            places.check(option, path, is_file=True)
            self._hold_pipe(option, path)
        if self.asked:
            self._collect()
        self.done = False

    def _hold_pipe(self, option: str, path: Path) -> None:
        from pytest_unikernel.results import destinations  # noqa: PLC0415 - loads only, not collection

        if destinations.is_pipe(path):
            self._pipes[path] = places.tried(option, path, destinations.open_pipe)

    def _close_pipes(self) -> None:
        while self._pipes:
            os.close(self._pipes.popitem()[1])

    def _check_readers(self) -> None:
        """Raise the error of a pipe whose reader has gone: saving would wait for another one."""
        from pytest_unikernel.results import destinations  # noqa: PLC0415 - the end of a run with loads only

        for path in self._pipes:
            os.close(destinations.open_pipe(path))

    def _collect(self) -> None:
        """Collect what is saved beside the results now: it takes processes, which signals would end.

        Raises:
            SweepUsageError: a plugin fails to; it would at the end.
        """
        known, config = self._known, self._config
        try:
            machine_info = known.get_machine_info()
            config.stash[COMMIT] = config.hook.pytest_benchmark_generate_commit_info(config=config)
        except Exception as error:
            raise SweepUsageError(
                "--benchmark-json, --benchmark-save: a plugin failed to collect facts about machine or "
                f"commit: {type(error).__name__}: {error}; without them nothing can be saved, nothing was "
                "measured"
            ) from error
        known.get_machine_info = lambda: copy.deepcopy(machine_info)

    def save(self) -> None:
        """Save, and read back what was written; what goes wrong is kept as ``doubt``."""
        if self.done:
            return
        self.done = True
        if not self._known.benchmarks:
            self.doubt = ""
            self._save()  # which says so
            return
        try:
            before = self._stored()
            self._check_readers()
            self._save()
            self.doubt = self._found(before)
        except Exception as error:  # noqa: BLE001 - the tables and other plugins must not be lost by it
            self.doubt = _said(error, ", ".join(repr(str(path)) for _, path in places.files(self._known)))
        finally:
            self._close_pipes()

    def _found(self, before: set[Path]) -> str:
        """Return why the files aren't known to hold every load; empty if they do."""
        from pytest_unikernel.results.proof import doubt  # noqa: PLC0415 - the end of a run with loads only

        benchmarks = benchmark.delivered(self._config)
        written = [places.json_path(self._known.json)] if self._known.json else []
        if (self._known.save or self._known.autosave) and places.is_on_disk(self._known.storage):
            new = sorted(self._stored() - before)
            if not new and benchmarks:
                return f"no new file in {str(self._known.storage)!r}"
            written += new[-1:]
        self.unreadable = [path for path in written if _is_stream(path)]
        files = (path for path in written if path not in self.unreadable)
        return next(filter(None, (doubt(path, benchmarks) for path in files)), "")

    def _stored(self) -> set[Path]:
        storage = self._known.storage
        return set(storage.query()) if self.asked and places.is_on_disk(storage) else set()


def _is_stream(path: Path) -> bool:
    """Whether a path is a device, a pipe, or where this process writes lines to."""
    streams = []
    for descriptor in (1, 2):
        with contextlib.suppress(OSError):
            streams.append(os.fstat(descriptor))
    found = path.stat() if path.exists() else None
    return found is not None and (
        not path.is_file() or any(os.path.samestat(found, each) for each in streams)
    )


def _said(error: Exception, paths: str) -> str:
    """Return what went wrong, and for a system's error where and what helps."""
    from pytest_unikernel.results import destinations  # noqa: PLC0415 - the end of a run with loads only

    if not isinstance(error, OSError) or error.errno is None:
        return f"{type(error).__name__}: {error}"
    place = paths if error.filename is None else repr(str(error.filename))
    return f"{place}: " + destinations.cause_and_cure(error)


def of(config: pytest.Config) -> Saving | None:
    """Return the session's saving; None where no load was to be measured."""
    return config.stash.get(SAVING, None)


def known_commit(config: pytest.Config) -> dict[str, Any] | None:
    """Return the commit as it was when the loads began; None before."""
    return copy.deepcopy(config.stash.get(COMMIT, None))
