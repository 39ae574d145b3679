"""Runs ``build linux-image`` on a terminal that a test types into."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time

from realloads import heed_signals

PATIENCE_S = 60.0


class Typed:
    """The command on a terminal of its own."""

    def __init__(self, *arguments: str) -> None:
        self.terminal, its_end = pty.openpty()
        argv = [sys.executable, "-m", "pytest_unikernel.commands.main", "build", "linux-image", *arguments]
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *argv],  # noqa: S607
            stdin=its_end,
            stdout=its_end,
            stderr=its_end,
            preexec_fn=heed_signals,  # noqa: PLW1509 - no threads here
        )
        os.close(its_end)
        self.shown = ""
        self._seen = 0

    def until(self, text: str) -> str:
        """Wait for the text in output that no earlier call has consumed."""
        end_s = time.monotonic() + PATIENCE_S
        while text not in self.shown[self._seen :]:
            assert time.monotonic() < end_s, f"no {text!r} in {self.shown!r}"
            assert self._read(), f"ended without {text!r}: {self.shown!r}"
        self._seen = self.shown.index(text, self._seen) + len(text)
        return self.shown

    def type(self, keys: str) -> None:
        os.write(self.terminal, keys.encode())

    def status(self) -> int:
        while self._read():
            pass
        return self.process.wait(PATIENCE_S)

    def _read(self) -> bool:
        ready, _, _ = select.select([self.terminal], [], [], PATIENCE_S)
        assert ready, f"silence after {self.shown!r}"
        try:
            came = os.read(self.terminal, 4096)
        except OSError:  # EIO: the other end of the terminal is closed
            return False
        self.shown += came.decode(errors="replace")
        return bool(came)

    def close(self) -> None:
        """End the command if it still runs."""
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGTERM)
            self.process.wait(PATIENCE_S)
        self.hang_up()

    def hang_up(self) -> None:
        """Close the terminal, once."""
        if self.terminal >= 0:
            os.close(self.terminal)
        self.terminal = -1
