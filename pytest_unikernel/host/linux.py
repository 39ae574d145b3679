"""The few Linux calls that Python lacks, by ctypes: prctl, and timerfd before Python 3.13."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Callable

from pytest_unikernel.clock import NS_PER_S

# Source: prctl(2), timerfd_create(2), <linux/prctl.h>, <linux/time.h>
PR_SET_TIMERSLACK = 29
PR_GET_TIMERSLACK = 30
PR_SET_CHILD_SUBREAPER = 36
PR_GET_CHILD_SUBREAPER = 37
CLOCK_MONOTONIC = 1
TFD_TIMER_ABSTIME = 1
TFD_NONBLOCK = os.O_NONBLOCK
TFD_CLOEXEC = os.O_CLOEXEC

TIME_SPEC = struct.Struct("@ll")  # struct timespec: seconds, nanoseconds

_libc = ctypes.CDLL(None, use_errno=True)
_libc_with_gil = ctypes.PyDLL(None, use_errno=True)  # for calls that never block, and are made often


def prctl(option: int, argument: int = 0) -> int:
    """Set or ask something of this process, with one integer argument.

    Raises:
        OSError: the kernel refused.
    """
    result = int(_libc.prctl(option, ctypes.c_ulong(argument), 0, 0, 0))
    if result < 0:
        raise _last_error()
    return result


def is_subreaper() -> bool:
    """Return whether orphaned descendants become children of this process."""
    flag = ctypes.c_int(0)
    if _libc.prctl(PR_GET_CHILD_SUBREAPER, ctypes.byref(flag), 0, 0, 0) < 0:
        raise _last_error()
    return bool(flag.value)


def timerfd() -> int:
    """Return a CLOCK_MONOTONIC timerfd, non-blocking and closed on exec."""
    descriptor = int(_libc.timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC))
    if descriptor < 0:
        raise _last_error()
    return descriptor


def timer_setter(descriptor: int) -> Callable[[int], None]:
    """Return a function that arms the timerfd at an absolute instant in ns (0 disarms it).

    Arming also clears an expiry that was not read, so the descriptor never needs reading.
    The call's arguments are made once: this is the hot path.
    """
    spec = bytearray(2 * TIME_SPEC.size)  # struct itimerspec: the interval, which stays 0, and the value
    settime, fill = _libc_with_gil.timerfd_settime, TIME_SPEC.pack_into
    address = (ctypes.c_char * len(spec)).from_buffer(spec)
    arguments = (ctypes.c_int(descriptor), ctypes.c_int(TFD_TIMER_ABSTIME), address, None)

    def arm(at_ns: int) -> None:
        fill(spec, TIME_SPEC.size, at_ns // NS_PER_S, at_ns % NS_PER_S)
        if settime(*arguments):
            raise _last_error()

    return arm


def _last_error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))
