"""posix_spawn(3) by ctypes: arguments are converted once, and not for every call as by ``os.posix_spawn``.

Between the stamp of a start and the system call nothing should be computed: with ``os.posix_spawn`` the
environment alone is some thirty conversions. And only libc's own has a working directory.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable, Sequence

# Source: POSIX, <spawn.h>; flag values of glibc and musl alike.
POSIX_SPAWN_SETPGROUP = 0x02
POSIX_SPAWN_SETSIGDEF = 0x04
POSIX_SPAWN_SETSIGMASK = 0x08
POSIX_SPAWN_SETSCHEDULER = 0x20
# Where glibc's posix_spawnattr_t has its policy: behind flags, group, two signal sets and the priority.
POLICY_AT = 268
OBJECT_BYTES = 1024  # room for posix_spawnattr_t (336 in glibc) and its like (80), and for a sigset_t (128)

_libc = ctypes.PyDLL(None)  # keeps the GIL, as os.posix_spawn does: giving it up costs more
_spawn = _libc.posix_spawn
_pid = ctypes.c_int(0)
_pid_address = ctypes.byref(_pid)

Strings = ctypes.Array[ctypes.c_char_p]
Opaque = ctypes.Array[ctypes.c_char]


def strings(items: Sequence[bytes]) -> Strings:
    """Return a NULL-ended array of C strings, which keeps the bytes alive; items may be replaced."""
    return (ctypes.c_char_p * (len(items) + 1))(*items, None)


def attributes(default_signals: Iterable[int], priority: int | None = None) -> Opaque:
    """Return attributes: a process group of its own, no signal blocked, the given ones at their default.

    Args:
        default_signals: signals to be reset.
        priority: the caller's as SCHED_FIFO; the process has it too, and whatever it forks has not.
    """
    made, none, defaults = _object(), _object(), _object()
    _check(_libc.posix_spawnattr_init(made))
    _libc.sigemptyset(none)
    _libc.sigemptyset(defaults)
    for number in default_signals:
        _libc.sigaddset(defaults, number)
    _check(_libc.posix_spawnattr_setpgroup(made, 0))
    _check(_libc.posix_spawnattr_setsigmask(made, none))
    _check(_libc.posix_spawnattr_setsigdefault(made, defaults))
    flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK
    if priority is not None:
        flags |= _not_handed_on(made, priority)
    _check(_libc.posix_spawnattr_setflags(made, ctypes.c_short(flags)))
    return made


def _not_handed_on(made: Opaque, priority: int) -> int:
    """Have the process scheduled as SCHED_FIFO, but not its children; return the flag for that.

    glibc's setter refuses SCHED_RESET_ON_FORK, although the system call takes it: the field is
    written, and its getter asked whether it was the right one. 0 for another library. Source: sched(7).
    """
    policy, got = os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, ctypes.c_int(0)
    field = ctypes.c_int.from_buffer(made, POLICY_AT)
    before, field.value = field.value, policy
    _check(_libc.posix_spawnattr_setschedparam(made, ctypes.byref(ctypes.c_int(priority))))
    _check(_libc.posix_spawnattr_getschedpolicy(made, ctypes.byref(got)))
    if got.value == policy:
        return POSIX_SPAWN_SETSCHEDULER
    field.value = before
    return 0


def file_actions(duplicates: Iterable[tuple[int, int]], directory: str | None = None) -> Opaque:
    """Return file actions: enter the directory, then duplicate each descriptor onto its number."""
    made = _object()
    _check(_libc.posix_spawn_file_actions_init(made))
    if directory is not None:
        _check(_libc.posix_spawn_file_actions_addchdir_np(made, os.fsencode(directory)))
    for descriptor, number in duplicates:
        _check(_libc.posix_spawn_file_actions_adddup2(made, descriptor, number))
    return made


def spawn(argv: Strings, environment: Strings, actions: Opaque, how: Opaque) -> int:
    """Start ``argv[0]``, a path, and return its pid.

    Raises:
        OSError: the kernel refused (ENOENT, EACCES, EAGAIN, ENOMEM ...).
    """
    number = _spawn(_pid_address, argv[0], actions, how, argv, environment)
    if number:
        raise OSError(number, os.strerror(number))
    return _pid.value


def _object() -> Opaque:
    return ctypes.create_string_buffer(OBJECT_BYTES)


def _check(number: int) -> None:
    if number:
        raise OSError(number, os.strerror(number))
