"""Whether a qcow2 file is whole: whether all that its tables name begins within it.

Source: QEMU's docs/interop/qcow2.txt. Numbers are big-endian.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

OFFSET = 0x00FF_FFFF_FFFF_FE00
COMPRESSED = 1 << 62
EXTENDED_L2 = 1 << 4
VERSION_WITH_FEATURES = 3
ENTRY_BYTES = 8
CLUSTER_BITS = range(9, 22)
MOST_ENTRIES = (32 << 20) // ENTRY_BYTES  # of an L1 table; QEMU opens none that is larger


class Header(NamedTuple):
    """The fields in their order; ``features`` are the incompatible ones, from version 3 on."""

    magic: bytes
    version: int
    backing_at: int
    backing_bytes: int
    cluster_bits: int
    disk_bytes: int
    encryption: int
    l1_entries: int
    l1_at: int
    refcounts_at: int
    refcount_clusters: int
    snapshots: int
    snapshots_at: int
    features: int

    @property
    def is_extended(self) -> bool:
        """Whether its L2 entries are of another form."""
        return self.version >= VERSION_WITH_FEATURES and bool(self.features & EXTENDED_L2)


LAYOUT = struct.Struct(">4sIQIIQIIQQIIQQ")


def why_not_whole(path: Path, size: int) -> str | None:
    """Return what is wrong with a qcow2 file of that size, or None."""
    with path.open("rb") as file:
        start = file.read(LAYOUT.size)
        if len(start) < LAYOUT.size:
            return f"truncated: a file of {size} bytes"
        head = Header(*LAYOUT.unpack(start))
        if head.cluster_bits not in CLUSTER_BITS or head.l1_entries > MOST_ENTRIES:
            return "its header is damaged"
        last = max(_offsets(file, head))
    return None if last < size else f"truncated: something of it is at {last}, its end at {size}"


def _offsets(file: BinaryIO, head: Header) -> Iterator[int]:
    """Yield where tables and clusters begin, and where the first table ends."""
    yield head.refcounts_at
    yield head.l1_at + max(0, head.l1_entries * ENTRY_BYTES - 1)
    for entry in _table(file, head.l1_at, head.l1_entries):
        at = entry & OFFSET
        yield at
        if at and not head.is_extended:
            clusters = _table(file, at, (1 << head.cluster_bits) // ENTRY_BYTES)
            yield max((each & OFFSET for each in clusters if not each & COMPRESSED), default=0)


def _table(file: BinaryIO, at: int, entries: int) -> array[int]:
    """Return what there is of a table."""
    file.seek(at)
    data = file.read(entries * ENTRY_BYTES)
    found = array("Q", data[: len(data) // ENTRY_BYTES * ENTRY_BYTES])
    found.byteswap()  # x86 is little-endian
    return found
