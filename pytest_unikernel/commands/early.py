"""What makes ``run`` begin its load soon: helper processes start while modules are imported."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager

from pytest_unikernel.bench.terminal import terminal
from pytest_unikernel.errors import SessionError
from pytest_unikernel.run.session import Session


@contextmanager
def session() -> Iterator[Session | None]:
    """Start a session, and close it at the end; None where it can't be started.

    The first load will then start one, and say why it can't, unless there is a better reason not to run.
    """
    descriptor = terminal()
    try:
        started = _started(descriptor)
        try:
            yield started
        finally:
            if started is not None:
                started.close()
    finally:
        if descriptor >= 0:
            os.close(descriptor)


@contextmanager
def imports(*, alone: bool) -> Iterator[None]:
    """Switch the garbage collector off: what is imported stays, and each look through it takes milliseconds.

    Where the command is ``alone`` in its process, nobody looks through it later either: before the load, and
    at the end of the interpreter.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if alone:
            gc.freeze()
        if enabled:
            gc.enable()


def _started(terminal: int) -> Session | None:
    try:
        return Session(terminal)
    except (SessionError, OSError):
        return None
