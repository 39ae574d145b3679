"""The helper process that samples the host and draws the live line, to spare the generator both.

Run with PIDFD COMMANDS PROGRESS SAMPLES TERMINAL. Commands are JSON lines on a pipe:
``{"begin": LABEL, "place": PLACE, "number": N}`` starts a load, ``{"end": true, "number": N}`` ends it; PLACE
says where the run stands. ``{"sample": true}`` asks for a sample now. The generator writes its progress into
one mapping, this process writes what it sees of the host, and the number of the last command it obeyed, into
the other. The generator never waits for it while a load runs, and a terminal stopped by Ctrl-S stops only the
drawing, for the memory guard needs the samples. It ends with pytest.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
from pathlib import Path

from pytest_unikernel.clock import monotonic_ns
from pytest_unikernel.host.samples import SAMPLE_CELLS, Sample, take_sample
from pytest_unikernel.launch.cleanup.reaper import let_go_of_others
from pytest_unikernel.launch.progress import PROGRESS_CELLS, Progress
from pytest_unikernel.run.live_line import live_line
from pytest_unikernel.run.shared_memory import SharedCells

INTERVAL_S = 0.2
FIRST_INTERVAL_S = 0.1  # the first load waits for the look at the host; 0.1 s are 10 ticks of each CPU
SAVE, RESTORE, DOWN, CLEAR = "\x1b7", "\x1b8", "\x1b[B", "\r\x1b[2K"
MAKE_ROOM = "\x1bD\x1b[A"  # one line down, scrolling if need be, and up again; the column stays
# Each drawing begins where the cursor is then: a test that prints meanwhile (-s) is not overwritten.


class Monitor:
    """Samples the host regularly and draws one line below the cursor while a load runs."""

    def __init__(self, progress: SharedCells, samples: SharedCells, terminal: int) -> None:
        self._progress = progress
        self._samples = samples
        self._terminal = terminal
        self._label = self._place = ""
        self._sample = Sample()
        self._obeyed = 0
        self._drawn = False

    @property
    def interval_s(self) -> float:
        """The time from one sample to the next, in seconds; shorter before the first load."""
        return INTERVAL_S if self._obeyed else FIRST_INTERVAL_S

    def command(self, line: str) -> None:
        """Begin or end a load: forget its extremes, clear its line; done when the next sample is written."""
        command = json.loads(line)
        if "sample" in command:
            return
        self._erase()
        self._label, self._place = command.get("begin", ""), command.get("place", "")
        self._obeyed = command["number"]
        self._sample = Sample()

    def turn(self) -> None:
        """Take one sample, write it down and draw the line."""
        self._sample = take_sample(self._sample)
        self._samples.write(*self._sample, self._obeyed)
        if self._label and self._terminal >= 0:
            self._draw()

    def _draw(self) -> None:
        columns = shutil.get_terminal_size().columns
        with contextlib.suppress(OSError):
            columns = os.get_terminal_size(self._terminal).columns or columns
        progress = Progress(*self._progress.read())
        text = live_line(self._label, progress, monotonic_ns(), columns - 1, self._place)
        self._write(f"{MAKE_ROOM}{SAVE}{DOWN}{CLEAR}{text}{RESTORE}")
        self._drawn = True

    def _erase(self) -> None:
        if self._drawn:
            self._write(f"{SAVE}{DOWN}{CLEAR}{RESTORE}")
        self._drawn = False

    def _write(self, text: str) -> None:
        """Write to the terminal if it takes something now; a stopped one misses this."""
        with contextlib.suppress(OSError):
            if select.select([], [self._terminal], [], 0)[1]:
                os.write(self._terminal, text.encode())


def own_terminal(descriptor: int) -> int:
    """Open the terminal again in non-blocking mode, which pytest's own descriptor must not get.

    Where the terminal belongs to another user (``su``) that is refused, and the old one has to do.
    """
    try:
        return os.open(
            f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        )
    except OSError:
        return descriptor


def main(argv: list[str]) -> int:
    """Run until pytest ends or closes the command pipe."""
    pidfd, commands, progress, samples, terminal = (*map(int, argv[1:3]), argv[3], argv[4], int(argv[5]))
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTTOU):
        signal.signal(number, signal.SIG_IGN)
    let_go_of_others(max(pidfd, commands, terminal))
    monitor = Monitor(
        SharedCells(Path(progress), PROGRESS_CELLS, create=False),
        SharedCells(Path(samples), SAMPLE_CELLS + 1, create=False),
        own_terminal(terminal) if terminal >= 0 else -1,
    )
    watch(monitor, pidfd, commands)
    return 0


def watch(monitor: Monitor, pidfd: int, commands: int) -> None:
    """Obey commands and take samples until pytest ends or hangs up."""
    carry = b""
    monitor.turn()  # the first load waits for two samples
    while True:
        readable, _, _ = select.select([pidfd, commands], [], [], monitor.interval_s)
        if pidfd in readable:
            return
        if commands in readable:
            data = os.read(commands, 65536)
            if not data:
                return
            *lines, carry = (carry + data).split(b"\n")
            for line in lines:
                monitor.command(line.decode())
        monitor.turn()
