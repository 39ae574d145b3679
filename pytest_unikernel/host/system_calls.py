"""The system calls and limits that every load needs, tried: a seccomp profile or a limit may refuse it."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import select
import signal
from collections.abc import Callable, Mapping
from typing import NamedTuple

from pytest_unikernel.host import linux

# pytest and one load have some 30 files open, and helpers get theirs from 64 on.
LEAST_DESCRIPTORS = 128


class Refused(NamedTuple):
    """A call that this host, container or limit refuses.

    Attributes:
        call: the system call's name.
        errno: why.
        descriptors: the limit on open files, where that is too low for any call; None else.
    """

    call: str
    errno: int
    descriptors: int | None = None


def first_refused() -> Refused | None:
    """Return the first call that is refused; None if loads can run."""
    try:
        descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    except OSError as error:
        return Refused("prlimit64", error.errno or 0)
    if descriptors != resource.RLIM_INFINITY and descriptors < LEAST_DESCRIPTORS:
        return Refused("open", errno.EMFILE, descriptors)
    for call, attempt in ATTEMPTS.items():
        try:
            attempt()
        except OSError as error:  # noqa: PERF203 - a few calls, once
            return Refused(call, error.errno or 0)
    return None


def _pidfd_open() -> None:
    os.close(os.pidfd_open(os.getpid()))


def _pidfd_send_signal() -> None:
    descriptor = os.pidfd_open(os.getpid())
    try:
        signal.pidfd_send_signal(descriptor, 0)  # sends nothing
    finally:
        os.close(descriptor)


def _timerfd_create() -> None:
    os.close(linux.timerfd())


def _timerfd_settime() -> None:
    descriptor = linux.timerfd()
    try:
        linux.timer_setter(descriptor)(0)
    finally:
        os.close(descriptor)


def _epoll() -> None:
    with select.epoll() as epoll:
        epoll.poll(0)


def _epoll_ctl() -> None:
    descriptor = linux.timerfd()
    try:
        with select.epoll() as epoll:
            epoll.register(descriptor, select.EPOLLIN)
    finally:
        os.close(descriptor)


def _prctl() -> None:
    linux.prctl(linux.PR_SET_TIMERSLACK, linux.prctl(linux.PR_GET_TIMERSLACK))
    linux.prctl(linux.PR_SET_CHILD_SUBREAPER, int(linux.is_subreaper()))


def _waitid() -> None:
    with contextlib.suppress(ChildProcessError):  # there is no such child
        os.waitid(os.P_PID, os.getpid(), os.WEXITED | os.WNOHANG | os.WNOWAIT)


# In this order: a call may need those before it.
ATTEMPTS: Mapping[str, Callable[[], object]] = {
    "pidfd_open": _pidfd_open,
    "pidfd_send_signal": _pidfd_send_signal,
    "timerfd_create": _timerfd_create,
    "timerfd_settime": _timerfd_settime,
    "epoll_create1": _epoll,
    "epoll_ctl": _epoll_ctl,
    "kill": lambda: os.kill(os.getpid(), 0),  # sends nothing
    "getrusage": lambda: resource.getrusage(resource.RUSAGE_SELF),
    "sched_getaffinity": lambda: os.sched_getaffinity(0),
    "prctl": _prctl,
    "waitid": _waitid,
}
