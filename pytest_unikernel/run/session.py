"""The possessions of one pytest run on this machine: a private directory, a token, two helper processes."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
from pathlib import Path

from pytest_unikernel.clock import monotonic_ns, sleep_s
from pytest_unikernel.errors import SessionError
from pytest_unikernel.host.samples import SAMPLE_CELLS, Sample
from pytest_unikernel.launch.cleanup import leftovers, reaper
from pytest_unikernel.launch.cleanup.helper_process import FIRST, HelperProcess
from pytest_unikernel.launch.progress import PROGRESS_CELLS, Progress
from pytest_unikernel.run.shared_memory import PidTable, SharedCells

MONITOR_PATIENCE_NS = 300_000_000
LOOK_EVERY_S = 0.002
# Isolated mode keeps the working directory and user settings out; our own path is handed over instead.
MONITOR = (
    "import json, os, sys; sys.path[:] = json.loads(sys.argv.pop(1));"
    "from pytest_unikernel.run.monitor import main; os._exit(main(sys.argv))"
)

SHARED_MEMORY_BYTES = 8 << 20  # free in /dev/shm; containers may have 64 KiB of it in all


class Session:
    """The run's directory (0700), token, pid table, reaper and monitor; made at the first load.

    ``close`` ends the helpers and removes the directory; if pytest can't call it, the reaper does.

    Raises:
        SessionError: the directory can't be made or filled, or a helper can't be started.
    """

    def __init__(self, terminal: int = -1) -> None:
        self.token = os.urandom(16).hex()  # as the module secrets makes one, which is slow to import
        self._owner = os.getpid()
        self._terminal = terminal
        self._loads = self._told = 0
        self.directory = _private_directory()
        self.progress_file = self.directory / "progress"
        with contextlib.ExitStack() as undo:
            undo.callback(reaper.remove, str(self.directory))
            self._reaper = self._new_reaper()
            undo.callback(self._reaper.close, goodbye=True)
            try:
                self._make_files()
            except OSError as error:
                raise SessionError(f"can't write into {str(self.directory)!r}: {error.strerror}") from error
            self._monitor = self._new_monitor()
            undo.pop_all()

    def _make_files(self) -> None:
        (self.directory / "removals").mkdir(0o700)
        self.table = PidTable(self.directory / "table")
        self._progress = SharedCells(self.progress_file, PROGRESS_CELLS, create=True)
        # The last cell counts the commands that the monitor has obeyed.
        self._samples = SharedCells(self.directory / "samples", SAMPLE_CELLS + 1, create=True)
        self._samples.write(*Sample(), 0)

    def _new_reaper(self) -> HelperProcess:
        return HelperProcess("reaper", ["-S", reaper.__file__], [str(self.directory), self.token])

    def _new_monitor(self) -> HelperProcess:
        """Start the monitor, and register it: a monitor that hangs on its terminal can't see pytest end."""
        given = (self._terminal,) if self._terminal >= 0 else ()
        terminal = FIRST + 2 if given else -1
        shared = [str(self.progress_file), str(self.directory / "samples"), str(terminal)]
        monitor = HelperProcess("monitor", ["-c", MONITOR, json.dumps(sys.path)], shared, given)
        self._monitor_slot = self.table.enter(
            monitor.pid, monitor.started_ns, monotonic_ns() - monitor.started_ns
        )
        return monitor

    def load_directory(self) -> Path:
        """Return a new private directory for the instances of one load."""
        self._loads += 1
        self.table.synchronize()
        directory = self._directory_of_load()
        directory.mkdir(0o700)
        return directory

    def _directory_of_load(self) -> Path:
        return self.directory / f"load-{self._loads}"

    def owe(self, argv: list[str]) -> Path:
        """Register a command that removes a load's leftovers, to be run as if from here; return its file.

        As long as the file is there, the reaper runs it if pytest dies, and :meth:`close` does.
        """
        made = self.directory / "removals" / str(self._loads)
        new = self.directory / "removal"
        new.write_text(json.dumps({"argv": argv, "env": dict(os.environ)}), encoding="ascii")
        return new.replace(made)

    def begin(self, label: str, place: str = "") -> None:
        """Notify the monitor that a load begins; replace a helper that was ended from outside."""
        if not self._reaper.lives():
            self._reaper.close()
            self._reaper = self._new_reaper()
        if not self._monitor.lives():
            self._end_monitor()
            self._monitor = self._new_monitor()
        self._command({"begin": label, "place": place})

    def end(self) -> None:
        """Notify the monitor that the load is over, wait until its line is gone, remove its directory."""
        self.progress(Progress())
        self._command({"end": True})
        reaper.remove(str(self._directory_of_load()))

    def _command(self, command: dict[str, object]) -> None:
        """Send the monitor a command, and give it a moment to obey; a load doesn't depend on it."""
        self._told += 1
        self._monitor.tell({**command, "number": self._told})
        end_ns = monotonic_ns() + MONITOR_PATIENCE_NS
        while self._samples.read()[-1] < self._told and self._monitor.lives() and monotonic_ns() < end_ns:
            sleep_s(LOOK_EVERY_S)

    def progress(self, progress: Progress) -> None:
        """Show how far the load has come."""
        self._progress.write(*progress)

    def sample(self) -> Sample:
        """Return the monitor's last look at the host."""
        return Sample(*self._samples.read()[:-1])

    def hurry(self) -> None:
        """Ask the monitor for a sample now; the next one follows after a whole interval."""
        self._monitor.tell({"sample": True})

    def close(self) -> None:
        """Kill remaining instances, end the helpers, remove the directory: once, in the owning process."""
        if os.getpid() != self._owner:
            return
        self._owner = 0
        leftovers.sweep(self.token)
        reaper.run_removals(str(self.directory / "removals"))
        self._end_monitor()
        reaper.remove(str(self.directory))
        self._reaper.close(goodbye=True)
        self.table.close()
        self._progress.close()
        self._samples.close()

    def _end_monitor(self) -> None:
        self._monitor.close()
        self.table.leave(self._monitor_slot)


def _private_directory() -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix="unikernel-", dir=_parent()))
    except OSError as error:
        raise SessionError(
            f"can't make a private directory: {error}; set TMPDIR to one that is writable"
        ) from error


def _parent() -> str | None:
    """Return the parent of the private directory: memory, if it has room, because each launch makes files."""
    shared_memory = "/dev/shm"  # noqa: S108 - the directory in it is private and unpredictable
    if not os.access(shared_memory, os.W_OK | os.X_OK):
        return None
    room = os.statvfs(shared_memory)
    return shared_memory if room.f_bavail * room.f_frsize >= SHARED_MEMORY_BYTES else None
