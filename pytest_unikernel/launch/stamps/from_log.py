"""Reads a log of stamps when a trial is over, and gives them to its launches."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from pytest_unikernel.host.wall_clock import WallClock
from pytest_unikernel.launch.stamps.rows import rows_by_instance
from pytest_unikernel.plan.stamps import StampLog
from pytest_unikernel.results.launches import LaunchLog

READ_BYTES = 1 << 20


class StampLogReader:
    """A :class:`StampLog`, followed for as long as a load: from where it ended when the load began."""

    def __init__(self, stamps: StampLog, token: str) -> None:
        self._path = Path(stamps.path)
        self._parse = stamps.parser()
        self._session = token
        self._clock = WallClock()
        self._file, self._offset = self._identity(), self._size()

    def _size(self) -> int:
        try:
            return self._path.stat().st_size
        except OSError:
            return 0

    def _identity(self) -> tuple[int, int]:
        try:
            found = self._path.stat()
        except OSError:
            return (0, 0)
        return (found.st_dev, found.st_ino)

    def look(self) -> None:
        """Note both clocks now and then."""
        self._clock.look()

    def settle(self, log: LaunchLog) -> None:
        """Write the stamps since the last trial into the launches' rows; repeated stamps keep the latest.

        All stamps of a launch were written before its end, so this does not wait.
        """
        self._clock.end()
        rows, at_ns = rows_by_instance(log, self._session), self._clock.monotonic_ns
        for data in self._pieces():
            for stamp in self._parse(data):
                if stamp is None:
                    log.foreign_lines += 1
                    continue
                row = rows.get(stamp.instance)
                if row is None:
                    log.other_stamps += 1
                    continue
                log.events.setdefault(row, {})[stamp.event] = at_ns(stamp.unix_ns)
                log.wall_clock.add(stamp.event)
        log.wall_clock_moved |= self._clock.has_moved

    def _pieces(self) -> Iterator[bytes]:
        """Yield the bytes since the last look; of a file replaced or emptied meanwhile all."""
        if self._identity() != self._file or self._size() < self._offset:
            self._file, self._offset = self._identity(), 0
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return
        try:
            while data := os.pread(descriptor, READ_BYTES, self._offset):
                self._offset += len(data)
                yield data
        finally:
            os.close(descriptor)

    def close(self) -> None:
        """Nothing is held between two looks."""
