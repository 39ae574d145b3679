"""Tunes the generator's process for the time of a load and restores it afterwards."""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_unikernel.errors import LoadError
from pytest_unikernel.host import linux

PRIORITY = 1  # the lowest real-time priority is above every ordinary process


@dataclass
class Tuned:
    """The granted tuning: real-time scheduling, and the RLIMIT_NOFILE that children are given back."""

    realtime: bool = False
    realtime_refused: bool = False
    child_nofile: tuple[int, int] | None = None


@contextlib.contextmanager
def tuned(realtime: str, descriptors: int, cpus: frozenset[int] | None = None) -> Iterator[Tuned]:
    """Set this process up for a load of at most ``descriptors`` open files; undo it at the end.

    Raises:
        LoadError: ``realtime="on"`` and the kernel refuses.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(_no_garbage_collection())
        stack.enter_context(_timer_slack_kept())
        stack.enter_context(_subreaper())
        stack.enter_context(_default_sigchld())
        stack.enter_context(_nothing_handed_down())
        nofile = stack.enter_context(_descriptors(descriptors))
        stack.enter_context(_apart_from(cpus))
        granted = stack.enter_context(_realtime(realtime))
        yield Tuned(granted, not granted and realtime != "off", nofile)


@contextlib.contextmanager
def _no_garbage_collection() -> Iterator[None]:
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@contextlib.contextmanager
def _timer_slack_kept() -> Iterator[None]:
    """Keep the timer slack: real-time scheduling sets it to 0, and leaving that may not restore it.

    It isn't changed otherwise: a timerfd is punctual with any slack, and children would inherit it.
    Source: PR_SET_TIMERSLACK(2const).
    """
    slack_ns = linux.prctl(linux.PR_GET_TIMERSLACK)
    try:
        yield
    finally:
        linux.prctl(linux.PR_SET_TIMERSLACK, slack_ns)


@contextlib.contextmanager
def _subreaper() -> Iterator[None]:
    """Orphans of our instances become our children, so that they can be reaped."""
    before = linux.is_subreaper()
    linux.prctl(linux.PR_SET_CHILD_SUBREAPER, 1)
    try:
        yield
    finally:
        linux.prctl(linux.PR_SET_CHILD_SUBREAPER, int(before))


@contextlib.contextmanager
def _default_sigchld() -> Iterator[None]:
    """With SIGCHLD ignored the kernel would reap our children, and their usage with them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGCHLD)
    if before is None:  # a handler that Python didn't set, and couldn't put back
        yield
        return
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGCHLD, before)


@contextlib.contextmanager
def _nothing_handed_down() -> Iterator[None]:
    """Keep inherited descriptors beyond 0, 1 and 2 (a jobserver's pipe, a lock) from instances."""
    inheritable = [
        descriptor for descriptor in _descriptors_open() if descriptor > 2 and _is_inheritable(descriptor)
    ]
    for descriptor in inheritable:
        os.set_inheritable(descriptor, False)
    try:
        yield
    finally:
        for descriptor in inheritable:
            with contextlib.suppress(OSError):  # closed meanwhile
                os.set_inheritable(descriptor, True)


def _descriptors_open() -> list[int]:
    return [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]


def _is_inheritable(descriptor: int) -> bool:
    try:
        return os.get_inheritable(descriptor)
    except OSError:  # the one by which they were listed
        return False


@contextlib.contextmanager
def _descriptors(wanted: int) -> Iterator[tuple[int, int] | None]:
    """Raise the soft RLIMIT_NOFILE if it is too low; yield the old limit if it was raised."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft == resource.RLIM_INFINITY or soft >= most:
        yield None
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    try:
        yield soft, hard
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextlib.contextmanager
def _apart_from(cpus: frozenset[int] | None) -> Iterator[None]:
    """Keep the generator off the CPUs that the instances are given, if any other are left."""
    before = os.sched_getaffinity(0)
    if cpus is None or not before - cpus:
        yield
        return
    os.sched_setaffinity(0, before - cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextlib.contextmanager
def _realtime(wanted: str) -> Iterator[bool]:
    """Run as SCHED_FIFO where allowed: under overload a launch else waits behind the load it made."""
    if wanted == "off":
        yield False
        return
    before, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
    except OSError as error:
        if wanted == "on":
            raise LoadError(
                f"--sweep-realtime=on: SCHED_FIFO was refused ({error.strerror}); "
                "run as root, with CAP_SYS_NICE or RLIMIT_RTPRIO >= 1, or use --sweep-realtime=auto"
            ) from error
        yield False
        return
    try:
        yield True
    finally:
        os.sched_setscheduler(0, before, parameters)
