"""Places that results are to go to, tried before anything is measured: a file is made there and removed.

Permissions alone say too little: root ignores them, a disk may be full, a file system read-only.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
from pathlib import Path

NEEDED_BYTES = 16_384  # about one load's record and some hundred samples; less room than that is none
CANNOT_SYNCHRONIZE = frozenset({errno.EPERM, errno.ENOSYS, errno.EINVAL, errno.ENOTSUP})
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
CURES = {
    errno.ENOENT: "make the directory first",
    errno.ENOSPC: "make room there, or name another place",
    errno.EDQUOT: "make room there, or name another place",
    errno.EISDIR: "name a file in it",
    errno.EPIPE: "start the program that reads it first, and let it read to the end",
}


def check_file(path: Path) -> None:
    """Try whether a file can be written; what it holds stays.

    A named pipe is not opened, see :func:`open_pipe`: when it is closed, its reader sees its end.

    Raises:
        OSError: it can't.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        _try_new(Path(os.path.realpath(path)))  # a link to a file that is to be made is fine
        return
    if stat.S_ISREG(mode):
        _try_existing(path)
    elif stat.S_ISCHR(mode):
        _try_device(path)
    elif stat.S_ISDIR(mode):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    elif not stat.S_ISFIFO(mode) or not os.access(path, os.W_OK):
        raise OSError(errno.EACCES, "it is no file that can be written")


def check_directory(directory: Path) -> None:
    """Try whether files can be written into a directory, or into one that can be made.

    Raises:
        OSError: they can't.
    """
    descriptor, name = tempfile.mkstemp(prefix=".unikernel-", dir=_nearest(directory))
    _fill(descriptor, name)


def is_pipe(path: Path) -> bool:
    """Return whether a path is a named pipe."""
    return path.exists() and stat.S_ISFIFO(path.stat().st_mode)


def open_pipe(path: Path) -> int:
    """Open a named pipe for writing; return its descriptor. Its reader waits as long as that is open.

    Raises:
        OSError: no process reads it: opening it as a file would wait for a reader, maybe for ever.
    """
    try:
        return os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        raise OSError(errno.EPIPE, "no process reads this pipe", str(path)) from error


def cause_and_cure(error: OSError) -> str:
    """Return why a place takes no results, and what helps."""
    cure = CURES.get(error.errno or 0, "name a place that can be written to")
    return f"{error.strerror or error}; {cure}"


def refusal(path: Path, error: OSError | ValueError) -> str:
    """Return why a place was refused before anything was measured; a ValueError is of a NUL in its name."""
    if isinstance(error, OSError):
        return f"can't write {str(path)!r}: {cause_and_cure(error)}; nothing was measured"
    return f"can't write {str(path)!r}: {error}; name another place"


def _nearest(directory: Path) -> Path:
    """Return the directory, or the one that exists and that it would be made in."""
    for each in (directory, *directory.absolute().parents):
        try:
            mode = each.stat().st_mode
        except FileNotFoundError:
            if each.is_symlink():
                raise OSError(errno.EEXIST, f"{str(each)!r} is a link to nothing") from None
            continue
        if not stat.S_ISDIR(mode):
            raise OSError(errno.ENOTDIR, f"{str(each)!r} is not a directory")
        return each
    raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))


def _try_new(path: Path) -> None:
    _fill(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), str(path))


def _try_existing(path: Path) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC))
    if path.stat().st_size >= NEEDED_BYTES:  # its own room is free when it is written anew
        return
    try:
        check_directory(Path(os.path.realpath(path)).parent)
    except OSError as error:
        if error.errno in NO_ROOM:
            raise


def _try_device(path: Path) -> None:
    """Write nothing to a device: one that is always full refuses even that."""
    descriptor = os.open(path, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        os.write(descriptor, b"")
    finally:
        os.close(descriptor)


def synchronize(descriptor: int) -> None:
    """Wait until a file is on the disk, where that can be asked for.

    A seccomp profile may refuse the call, and some file systems do not have it: then nothing is known to be
    wrong with the file.

    Raises:
        OSError: the file can't be written.
    """
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in CANNOT_SYNCHRONIZE:
            raise


def _fill(descriptor: int, name: str) -> None:
    """Write as much as is needed at least into a file, close it and remove it."""
    try:
        left = bytes(NEEDED_BYTES)
        while left:
            left = left[os.write(descriptor, left) :]
        synchronize(descriptor)  # some file systems refuse only now
    finally:
        with contextlib.suppress(OSError):
            os.close(descriptor)
        Path(name).unlink(missing_ok=True)
