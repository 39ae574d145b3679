"""Signals that would end pytest while results are being saved: held back until that is done."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PATIENCE = 3  # a saving that hangs must be possible to end: so many signals do


class HeldSignals:
    """While entered, SIGINT, SIGTERM and SIGHUP are held; the third of them takes effect at once.

    Signals that are ignored (SIGHUP under nohup) stay ignored. Outside the main thread Python delivers no
    signals, and nothing is changed.

    Attributes:
        first: the first signal that was held, or 0.
    """

    def __init__(self) -> None:
        self.first = 0
        self._count = 0
        self._old: dict[int, Any] = {}

    def __enter__(self) -> HeldSignals:  # noqa: PYI034 - typing.Self came with 3.11
        if threading.current_thread() is threading.main_thread():
            handlers = {number: signal.getsignal(number) for number in SIGNALS}
            for number, handler in handlers.items():
                if handler not in {None, signal.SIG_IGN}:
                    self._old[number] = signal.signal(number, self._hold)
        return self

    def _hold(self, number: int, frame: FrameType | None) -> None:
        del frame
        self.first = self.first or number
        self._count += 1
        if self._count >= PATIENCE:
            self._put_back()
            signal.raise_signal(number)

    def own_handler(self, number: int) -> bool:
        """Whether a signal has a handler of somebody's own, which decides what it does."""
        return self._old.get(number) not in {signal.SIG_DFL, signal.default_int_handler}

    def __exit__(self, *_: object) -> None:
        self._put_back()

    def _put_back(self) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)
