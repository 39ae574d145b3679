"""The most that is read of a file: more would fill the memory."""

from __future__ import annotations

import errno
import os
import stat
from typing import IO

PIECE_BYTES = 1 << 20
MOST_BYTES = 1 << 30  # a run's file has some 30 bytes a launch: 36 million of them


def refuse_too_large(size: int) -> None:
    """Refuse a size that can't be read into memory.

    Raises:
        OSError: it is larger than ``MOST_BYTES``.
    """
    if size > MOST_BYTES:
        most, got = MOST_BYTES / (1 << 30), size / (1 << 30)
        raise OSError(
            errno.EFBIG,
            f"it has {got:.1f} GiB, more than the {most:g} GiB that are read; split it, or cut it",
        )


def read_bounded(stream: IO[bytes]) -> bytes:
    """Return the rest of a file.

    Raises:
        OSError: it has more than ``MOST_BYTES``, or can't be read.
    """
    status = os.fstat(stream.fileno())
    if stat.S_ISREG(status.st_mode):
        refuse_too_large(status.st_size)
    data = bytearray()
    while piece := stream.read(PIECE_BYTES):  # one read of the most would have a buffer of that size
        data += piece
        refuse_too_large(len(data))
    return bytes(data)
