"""The FIFO through which instances report events: lines ``<UNIKERNEL_ID> <name>``."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

READ_BYTES = 1 << 16


class EventPipe:
    """A FIFO in a private directory, held open for reading and writing so that it never ends."""

    def __init__(self, directory: Path) -> None:
        self.path = str(directory / "events")
        os.mkfifo(self.path, 0o600)
        self.descriptor = os.open(self.path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._carry = b""

    def read(self) -> Iterator[tuple[str, str]]:
        """Yield (instance id, event) for each whole line that has arrived; others are ignored."""
        try:
            data = self._carry + os.read(self.descriptor, READ_BYTES)
        except BlockingIOError:
            return
        *lines, self._carry = data.split(b"\n")
        self._carry = self._carry[-READ_BYTES:]
        for line in lines:
            words = line.decode(errors="replace").split()
            if len(words) == 2:
                yield words[0], words[1]

    def close(self) -> None:
        """Close and remove the FIFO."""
        os.close(self.descriptor)
        with contextlib.suppress(FileNotFoundError):  # an instance took it away
            os.unlink(self.path)  # noqa: PTH108 - the path is text already
