"""Whether a file is a kernel that QEMU's ``-kernel`` boots by the PVH protocol.

pyelftools reads the structures. It believes the numbers in them, and the file can be anybody's: what bounds
its time and memory is checked before. It is imported when a kernel is looked at: that takes 60 ms.
"""

from __future__ import annotations

import contextlib
import copy
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_unikernel.errors import BuildError

if TYPE_CHECKING:
    from elftools.construct import Container
    from elftools.elf.elffile import ELFFile
    from elftools.elf.segments import Segment

DAMAGED = "a damaged ELF file"
MOST_FILE_BYTES = 1 << 32  # the PVH entry is a 32-bit address: more can't be loaded
# Source: Linux's fs/binfmt_elf.c, load_elf_phdrs(): entries of this size, 64 KiB of them at most.
SEGMENT_BYTES = 56
MOST_SEGMENTS = (64 << 10) // SEGMENT_BYTES
MOST_NOTE_BYTES = 64 << 10  # Linux has 108, the Rust kernel 24
PADDING_BYTES = 3  # at most, behind a note
# Source: Xen's public/elfnote.h, XEN_ELFNOTE_PHYS32_ENTRY.
PVH_NOTE: tuple[object, object] = ("Xen", 18)


def why_not_pvh(kernel: Path) -> str | None:
    """Return what is missing in a file that should be a PVH kernel, or None.

    Raises:
        OSError: it can't be read.
    """
    try:
        with _opened(kernel) as elf:
            is_pvh = any((note["n_name"], note["n_type"]) == PVH_NOTE for note in _notes(elf))
    except _RefusedError as error:
        return str(error)
    return None if is_pvh else "an ELF file without the PVH entry note (.note.Xen, type 18)"


def why_truncated(kernel: Path) -> str | None:
    """Return what is missing at the end of an ELF file, or None; None too if it is no kernel at all.

    Raises:
        OSError: it can't be read.
    """
    try:
        with _opened(kernel) as elf:
            end, size = max(map(_end, _loaded(elf)), default=0), _size(elf)
    except _RefusedError:
        return None
    return f"truncated: expected {end} bytes, found {size}" if end > size else None


def memory_end(kernel: Path) -> int:
    """Return the first byte of memory behind the kernel once it is loaded.

    Raises:
        BuildError: it is no ELF file for x86-64.
        OSError: it can't be read.
    """
    try:
        with _opened(kernel) as elf:
            return max((each["p_paddr"] + each["p_memsz"] for each in _loaded(elf)), default=0)
    except _RefusedError as error:
        raise BuildError(
            f"expected an x86-64 ELF kernel, got {str(kernel)!r}: {error}; build it anew"
        ) from error


class _RefusedError(Exception):
    """The fault of a file, in a few words."""


@contextlib.contextmanager
def _opened(kernel: Path) -> Iterator[ELFFile]:
    """Open an ELF file whose numbers can be believed; what breaks while it is read is damage.

    Raises:
        _RefusedError: it is damaged, or not for x86-64.
    """
    from elftools.common.exceptions import ELFError  # noqa: PLC0415 - see above
    from elftools.construct import ConstructError  # noqa: PLC0415
    from elftools.elf.elffile import ELFFile  # noqa: PLC0415

    with kernel.open("rb") as file:
        try:
            elf = ELFFile(file)
        except ELFError as error:
            raise _RefusedError("not a 64-bit ELF file") from error
        _refuse_foreign(elf)
        _refuse_unbounded(elf)
        # Sections serve nobody here, and the header can name any number of them.
        elf.header["e_shoff"] = 0
        try:
            yield elf
        except (ELFError, ConstructError) as error:
            raise _RefusedError(DAMAGED) from error


def _refuse_foreign(elf: ELFFile) -> None:
    if elf.elfclass != 64 or not elf.little_endian:
        raise _RefusedError("not a 64-bit ELF file")
    if elf["e_machine"] != "EM_X86_64":
        raise _RefusedError(f"not for x86-64 but for ELF machine {elf['e_machine']}")
    if elf["e_type"] not in ("ET_EXEC", "ET_DYN"):
        raise _RefusedError(f"not a program but an ELF file of type {elf['e_type']}")


def _refuse_unbounded(elf: ELFFile) -> None:
    """Refuse a file that is larger than any kernel, and a table of segments that isn't a table."""
    size, count = _size(elf), elf["e_phnum"]
    if size > MOST_FILE_BYTES:
        raise _RefusedError(f"an ELF file of {size} bytes, expected at most {MOST_FILE_BYTES}")
    is_table = not count or elf["e_phentsize"] == SEGMENT_BYTES
    if count > MOST_SEGMENTS or not is_table or elf["e_phoff"] + count * SEGMENT_BYTES > size:
        raise _RefusedError(DAMAGED)


def _size(elf: ELFFile) -> int:
    return elf.stream.seek(0, io.SEEK_END)


def _loaded(elf: ELFFile) -> Iterator[Segment]:
    return elf.iter_segments("PT_LOAD")


def _end(segment: Segment) -> int:
    """Return the first byte of the file behind a segment."""
    return segment["p_offset"] + segment["p_filesz"]


def _notes(elf: ELFFile) -> Iterator[Container]:
    """Yield the notes, each segment's out of a copy: a note's length can't reach beyond its segment."""
    from elftools.elf.notes import iter_notes  # noqa: PLC0415 - see above

    segments = list(elf.iter_segments("PT_NOTE"))
    note_bytes, size = sum(each["p_filesz"] for each in segments), _size(elf)
    if any(_end(each) > size for each in segments):
        raise _RefusedError(DAMAGED)
    if note_bytes > MOST_NOTE_BYTES:
        raise _RefusedError(
            f"an ELF file with {note_bytes} bytes of notes, expected at most {MOST_NOTE_BYTES}"
        )
    for segment in segments:
        alone = copy.copy(elf)
        alone.stream = io.BytesIO(segment.data())
        for note in iter_notes(alone, 0, segment["p_filesz"]):
            if note["n_offset"] + note["n_size"] > segment["p_filesz"] + PADDING_BYTES:
                raise _RefusedError(DAMAGED)
            yield note
