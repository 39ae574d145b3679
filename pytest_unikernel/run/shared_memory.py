"""The shared mapping: pids in flight for the reaper, progress and host samples for the monitor."""

from __future__ import annotations

import mmap
import os
import struct
from pathlib import Path

from pytest_unikernel.clock import boottime_ns, monotonic_ns
from pytest_unikernel.launch.cleanup.reaper import HEADER_BYTES, SLOT

MAX_SLOTS = 1 << 16
SLOT_BYTES = SLOT.size
COUNTER_BYTES = 8


class PidTable:
    """Pids in flight in a file that the reaper reads; entering one costs no system call.

    A pid is written down with the span in which its process started, so that a later process of the same
    number is spared. A full table takes no more: other processes are still found by their token.
    """

    def __init__(self, path: Path, slots: int = MAX_SLOTS) -> None:
        self._map = _new_map(path, HEADER_BYTES + slots * SLOT.size)
        self._free = list(range(slots - 1, -1, -1))
        self.synchronize()

    def synchronize(self) -> None:
        """Take how far the two clocks are apart; it changes only while the machine is suspended."""
        self._boot_offset_ns = boottime_ns() - monotonic_ns()

    def enter(self, pid: int, started_ns: int, spawn_ns: int) -> int:
        """Write down a pid that was started at that instant of CLOCK_MONOTONIC, or up to ``spawn_ns`` later.

        Returns:
            Its slot, or -1 if the table is full.
        """
        if not self._free:
            return -1
        slot = self._free.pop()
        place, took_us = HEADER_BYTES + slot * SLOT_BYTES, spawn_ns // 1000 + 1
        SLOT.pack_into(self._map, place, pid, took_us, started_ns + self._boot_offset_ns)
        return slot

    def leave(self, slot: int) -> None:
        """Free the slot; its pid has been reaped."""
        if slot >= 0:
            SLOT.pack_into(self._map, HEADER_BYTES + slot * SLOT_BYTES, 0, 0, 0)
            self._free.append(slot)

    def close(self) -> None:
        """Unmap the file."""
        self._map.close()


class SharedCells:
    """A fixed record of doubles shared with one other process; each side writes its own.

    There are two copies of the record: the writer fills the copy that isn't current, then makes it current by
    a single store. So a reader never sees half a record, and never waits for a writer that the scheduler has
    stopped in the middle of one.
    """

    def __init__(self, path: Path, count: int, *, create: bool) -> None:
        self._layout = struct.Struct(f"={count}d")
        self._map = (_new_map if create else _existing_map)(path, COUNTER_BYTES + 2 * self._layout.size)
        self._written = memoryview(self._map)[:COUNTER_BYTES].cast("Q")  # times; its parity is the copy

    def write(self, *values: float) -> None:
        """Replace all values."""
        number = self._written[0] + 1
        place = self._place(number)
        self._map[place : place + self._layout.size] = self._layout.pack(*values)
        self._written[0] = number

    def read(self) -> tuple[float, ...]:
        """Return all values, of the last write that was finished; zeros before the first."""
        while True:
            number = self._written[0]
            values = self._layout.unpack_from(self._map, self._place(number))
            if self._written[0] == number:
                return values

    def _place(self, number: int) -> int:
        return COUNTER_BYTES + number % 2 * self._layout.size

    def close(self) -> None:
        """Unmap the file."""
        self._written.release()
        self._map.close()


def _new_map(path: Path, size_bytes: int) -> mmap.mmap:
    """Map a new file whose space is reserved: writing where there is none would end us with SIGBUS."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.posix_fallocate(descriptor, 0, size_bytes)
        return mmap.mmap(descriptor, size_bytes)
    finally:
        os.close(descriptor)


def _existing_map(path: Path, size_bytes: int) -> mmap.mmap:
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        return mmap.mmap(descriptor, size_bytes)
    finally:
        os.close(descriptor)
