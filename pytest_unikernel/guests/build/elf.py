"""Whether a file is a kernel that QEMU's ``-kernel`` boots by the PVH protocol."""

from __future__ import annotations

import struct
from pathlib import Path

# Source: System V ABI, "ELF header", "program header", "note section"; 64-bit, little-endian.
_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")
_NOTE = struct.Struct("<III")
_MAGIC = b"\x7fELF\x02\x01"
_MACHINE_X86_64 = 62
_SEGMENT_LOAD, _SEGMENT_NOTE = 1, 4
# Source: Xen's public/elfnote.h, XEN_ELFNOTE_PHYS32_ENTRY.
_PVH_NOTE = (b"Xen\0", 18)


def why_not_pvh(kernel: Path) -> str | None:
    """What is missing in a file that should be a PVH kernel; None if nothing is."""
    data = kernel.read_bytes()
    if len(data) < _HEADER.size or not data.startswith(_MAGIC):
        return "not a 64-bit ELF file"
    fields = _HEADER.unpack_from(data)
    machine, table, size, count = fields[2], fields[5], fields[9], fields[10]
    if machine != _MACHINE_X86_64:
        return f"not for x86-64 but for ELF machine {machine}"
    try:
        notes = [note for at in range(table, table + size * count, size) for note in _notes(data, at)]
    except (struct.error, ValueError):
        return "a damaged ELF file"
    return None if _PVH_NOTE in notes else "an ELF file without the PVH entry note (.note.Xen, type 18)"


def why_truncated(kernel: Path) -> str | None:
    """What is missing at the end of an ELF file; None if nothing is."""
    data = kernel.read_bytes()
    ends = [offset + in_file for offset, _, in_file, _ in _segments(data)]
    end = max(ends, default=0)
    return f"truncated: expected {end} bytes, found {len(data)}" if end > len(data) else None


def memory_end(kernel: Path) -> int:
    """The first byte of memory behind what the file occupies once it is loaded."""
    return max(
        (address + in_memory for _, address, _, in_memory in _segments(kernel.read_bytes())), default=0
    )


def _segments(data: bytes) -> list[tuple[int, int, int, int]]:
    """Offset, physical address, bytes in the file and in memory of each segment that is loaded."""
    fields = _HEADER.unpack_from(data)
    table, size, count = fields[5], fields[9], fields[10]
    heads = [_SEGMENT.unpack_from(data, table + number * size) for number in range(count)]
    return [(head[2], head[4], head[5], head[6]) for head in heads if head[0] == _SEGMENT_LOAD]


def _notes(data: bytes, at: int) -> list[tuple[bytes, int]]:
    """Owner and type of each note in the program header at ``at``."""
    kind, _, begin, _, _, length, _, _ = _SEGMENT.unpack_from(data, at)
    found = []
    end = begin + length
    while kind == _SEGMENT_NOTE and begin < end:
        owner_bytes, content_bytes, note_type = _NOTE.unpack_from(data, begin)
        begin += _NOTE.size
        found.append((data[begin : begin + owner_bytes], note_type))
        begin += _aligned(owner_bytes) + _aligned(content_bytes)
    return found


def _aligned(length: int) -> int:
    return (length + 3) & ~3
