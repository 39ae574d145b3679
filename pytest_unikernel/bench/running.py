"""Around a load without pytest: one at a time, its errors in the words of ``Bench``, signals after it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pytest_unikernel.bench.wording import Wording
from pytest_unikernel.errors import LoadError, UnikernelError
from pytest_unikernel.run.run import Run

RUNNING = threading.Lock()  # of the process: loads at once would measure each other


@contextmanager
def alone() -> Iterator[None]:
    """Refuse a load while another one runs in this process."""
    if not RUNNING.acquire(blocking=False):
        raise LoadError(
            "Bench: expected one load at a time in a process, got a second; loads at once disturb each other"
        )
    try:
        yield
    finally:
        RUNNING.release()


@contextmanager
def in_own_words(wording: Wording) -> Iterator[None]:
    """Reword errors that name pytest's options."""
    try:
        yield
    except UnikernelError as error:
        said = wording.without_pytest(str(error))
        if said == str(error):
            raise
        raise type(error)(said) from error


def take_effect(number: int) -> None:
    """Do what a signal would have done, had no load been running.

    Raises:
        KeyboardInterrupt: it was Ctrl-C.
        SystemExit: it would have ended the process: clean-up is done, and ``finally`` is heeded.
    """
    if not number:
        return
    handler = signal.getsignal(number)
    if handler is signal.SIG_DFL and number != signal.SIGINT:
        raise SystemExit(128 + number)
    if handler is signal.SIG_DFL:
        raise KeyboardInterrupt
    signal.raise_signal(number)


def close(run: Run, descriptor: int) -> None:
    """End what a run has started, and close its terminal."""
    run.close()
    if descriptor >= 0:
        os.close(descriptor)
