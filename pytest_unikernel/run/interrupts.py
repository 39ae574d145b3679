"""Ctrl-C during a load: a flag and a readable descriptor, never an exception between two lines."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """While entered, SIGINT, SIGTERM and SIGHUP only set ``requested`` and make ``descriptor`` readable.

    A SIGHUP that is ignored (by nohup) stays so. Leaving puts the old handlers back; the caller then raises
    the interrupt. Outside the main thread Python delivers no signals, and nothing is changed.
    """

    def __init__(self) -> None:
        self.requested = 0
        self.descriptor, self._write_end = os.pipe()
        os.set_blocking(self.descriptor, False)
        os.set_blocking(self._write_end, False)
        self._old: dict[int, Any] = {}
        self._old_wakeup = -1

    def __enter__(self) -> Interrupts:  # noqa: PYI034 - typing.Self came with 3.11
        if threading.current_thread() is threading.main_thread():
            self._old_wakeup = signal.set_wakeup_fd(self._write_end, warn_on_full_buffer=False)
            # A handler that wasn't installed from Python couldn't be put back: it is left alone.
            ours = [number for number in SIGNALS if signal.getsignal(number) is not None]
            if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
                ours.remove(signal.SIGHUP)
            self._old = {number: signal.signal(number, self._note) for number in ours}
        return self

    def _note(self, number: int, frame: FrameType | None) -> None:
        del frame
        self.requested = number

    def asked(self) -> bool:
        """Return whether the user wants the load to end."""
        return self.requested != 0

    def drain(self, now_ns: int) -> None:
        """Empty the descriptor; a handler for the supervisor's loop."""
        del now_ns
        with contextlib.suppress(BlockingIOError):
            os.read(self.descriptor, 512)

    def __exit__(self, *_: object) -> None:
        if threading.current_thread() is threading.main_thread():
            for number, handler in self._old.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(self._old_wakeup)
        os.close(self.descriptor)
        os.close(self._write_end)
