"""Kernels as ELF files: whole, foreign, cut short, and made to do harm. All are made of the shipped one."""

from __future__ import annotations

import contextlib
import os
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pytest_unikernel.errors import BuildError
from pytest_unikernel.guests.build.elf import memory_end, why_not_pvh, why_truncated
from pytest_unikernel.guests.build.rust_kernel import shipped_kernel

SHIPPED = shipped_kernel().read_bytes()
# Source: System V ABI, "ELF header", "program header". The shipped file's fourth segment is its notes.
TYPE, MACHINE, TABLE, SECTIONS, ENTRY_BYTES, ENTRIES, SECTION_COUNT = 16, 18, 32, 40, 54, 56, 60
NOTE_HEAD, NOTE = 64 + 3 * 56, 0x120
SEGMENT_TYPE, OFFSET, FILE_BYTES = 0, 8, 32
NOTE_OFFSET, NOTE_BYTES, DESCRIPTION_BYTES = NOTE_HEAD + OFFSET, NOTE_HEAD + FILE_BYTES, NOTE + 4
LOADED_END = 0x3000  # where the bss, which has no bytes, would be
HEADERS_AND_NOTE = 0x138
SIZES = {"<H": 2, "<I": 4, "<Q": 8}
GIB = 1 << 30

Kernel = Callable[[bytes], Path]


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    def written(content: bytes) -> Path:
        path = tmp_path / "kernel"
        path.write_bytes(content)
        return path

    return written


def changed(*fields: tuple[int, str, int]) -> bytes:
    """Return the shipped file with other numbers in it: place, form, value."""
    content = bytearray(SHIPPED)
    for at, form, value in fields:
        struct.pack_into(form, content, at, value)
    return bytes(content)


def note(owner: bytes, kind: int, description: bytes) -> bytes:
    name = owner + b"\0"
    head = struct.pack("<III", len(name), len(description), kind)
    return (
        head
        + name.ljust(-(-len(name) // 4) * 4, b"\0")
        + description.ljust(-(-len(description) // 4) * 4, b"\0")
    )


def with_notes(notes: bytes) -> bytes:
    """Return the shipped file with other notes, behind what it has."""
    return changed((NOTE_OFFSET, "<Q", len(SHIPPED)), (NOTE_BYTES, "<Q", len(notes))) + notes


def test_the_shipped_kernel_is_whole_and_its_memory_ends_behind_its_bss() -> None:
    path = shipped_kernel()
    assert (why_not_pvh(path), why_truncated(path)) == (None, None)
    assert memory_end(path) == 0x103000 + 0x4258


def test_the_entry_note_is_found_among_others(kernel: Kernel) -> None:
    others = note(b"GNU", 3, b"twenty bytes of hash") + note(b"Linux", 257, b"\0")
    assert why_not_pvh(kernel(with_notes(others + note(b"Xen", 18, bytes(8))))) is None
    without = "an ELF file without the PVH entry note (.note.Xen, type 18)"
    assert why_not_pvh(kernel(with_notes(others))) == without
    assert why_not_pvh(kernel(with_notes(note(b"Xen", 17, bytes(8))))) == without
    assert why_not_pvh(kernel(with_notes(note(b"GNU", 18, bytes(8))))) == without


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not a 64-bit ELF file"),
        (b"#!/bin/sh\n", "not a 64-bit ELF file"),
        (b"\x7fELF\x01\x01", "not a 64-bit ELF file"),
        (SHIPPED[:63], "not a 64-bit ELF file"),
        (changed((4, "<H", 0x0101)), "not a 64-bit ELF file"),  # 32 bits
        (changed((4, "<H", 0x0202)), "not a 64-bit ELF file"),  # big-endian
        (changed((MACHINE, "<H", 183)), "not for x86-64 but for ELF machine EM_AARCH64"),
        (changed((MACHINE, "<H", 60000)), "not for x86-64 but for ELF machine 60000"),
        (changed((TYPE, "<H", 1)), "not a program but an ELF file of type ET_REL"),
        (changed((TYPE, "<H", 4)), "not a program but an ELF file of type ET_CORE"),
        (changed((ENTRIES, "<H", 0)), "an ELF file without the PVH entry note (.note.Xen, type 18)"),
        (with_notes(bytes(65537)), "an ELF file with 65537 bytes of notes, expected at most 65536"),
    ],
)
def test_another_file_is_refused_with_what_it_is(content: bytes, reason: str, kernel: Kernel) -> None:
    assert why_not_pvh(kernel(content)) == reason


@pytest.mark.parametrize(
    "content",
    [
        SHIPPED[:64],  # no table of segments
        SHIPPED[: NOTE + 12],  # half of the notes
        changed((TABLE, "<Q", 2**64 - 1)),
        changed((TABLE, "<Q", len(SHIPPED) - 1)),
        changed((ENTRIES, "<H", 0xFFFF)),  # the number is in a section
        changed((TABLE, "<Q", len(SHIPPED)), (ENTRIES, "<H", 1171)) + bytes(1171 * 56),
        changed((ENTRY_BYTES, "<H", 0)),
        changed((ENTRY_BYTES, "<H", 55)),
        changed((ENTRY_BYTES, "<H", 57)),
        changed((NOTE_OFFSET, "<Q", 2**64 - 1)),
        changed((NOTE_OFFSET, "<Q", 2**63)),
        changed((NOTE_BYTES, "<Q", 2**63)),
        changed((NOTE, "<I", 2**32 - 1)),  # the owner's length
        changed((DESCRIPTION_BYTES, "<I", 12)),
        with_notes(b"\4\0\0\0" + b"\0\0\0\0" + b"\x12\0\0\0" + b"Xeno"),  # an owner without an end
        with_notes(note(b"GNU", 5, struct.pack("<II", 1, 2**32 - 1)) + note(b"Xen", 18, bytes(8))),
    ],
)
def test_numbers_that_cannot_be_are_damage(content: bytes, kernel: Kernel) -> None:
    assert why_not_pvh(kernel(content)) == "a damaged ELF file"


def test_sections_are_not_looked_at(kernel: Kernel) -> None:
    dynamic = (64 + SEGMENT_TYPE, "<I", 2)  # pyelftools looks for its section
    nonsense = [(SECTIONS, "<Q", 2**63 - 1), (SECTION_COUNT, "<H", 0), dynamic]
    assert why_not_pvh(kernel(changed(*nonsense))) is None


@pytest.mark.parametrize("size", [3 * GIB, 4 * GIB + 1])
@pytest.mark.parametrize(
    "fields",
    [
        [],
        [(DESCRIPTION_BYTES, "<I", 2 * GIB)],
        [(NOTE_BYTES, "<Q", 2 * GIB)],
        [(64 + FILE_BYTES, "<Q", 2 * GIB)],
        [(SECTIONS, "<Q", len(SHIPPED)), (SECTION_COUNT, "<H", 0), (64 + SEGMENT_TYPE, "<I", 2)],
    ],
)
def test_a_huge_file_is_not_read(size: int, fields: list[tuple[int, str, int]], kernel: Kernel) -> None:
    path = kernel(changed(*fields))
    os.truncate(path, size)  # a hole
    why_not_pvh(path)  # what is imported then doesn't count
    tracemalloc.start()
    try:
        reason, truncated = why_not_pvh(path), why_truncated(path)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < 4 << 20
    assert truncated is None
    if size > 4 * GIB:
        assert reason == f"an ELF file of {size} bytes, expected at most {4 * GIB}"


@given(length=st.integers(0, LOADED_END - 1))
@example(length=LOADED_END - 1)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_truncated_kernel_is_taken_for_whole(length: int, kernel: Kernel) -> None:
    path = kernel(SHIPPED[:length])
    reasons = {why_not_pvh(path), why_truncated(path)} - {None}
    assert reasons
    assert reasons <= {
        "not a 64-bit ELF file",
        "a damaged ELF file",
        f"truncated: expected {LOADED_END} bytes, found {length}",
    }


numbers = st.tuples(
    st.integers(16, HEADERS_AND_NOTE - 8),
    st.sampled_from(sorted(SIZES)),
    st.sampled_from([0, 1, 2, 3, 4, 5, 6, 18, 56, 0xFF, 0xFFFF, 2**31 - 1, 2**32 - 1, 2**63, 2**64 - 1]),
).map(lambda drawn: (drawn[0], drawn[1], drawn[2] & ((1 << 8 * SIZES[drawn[1]]) - 1)))
any_bytes = st.tuples(st.integers(0, HEADERS_AND_NOTE), st.just("<B"), st.integers(0, 255))


@given(fields=st.lists(numbers | any_bytes, min_size=1, max_size=6))
@settings(deadline=None, max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_in_the_headers_the_answer_is_a_reason(
    fields: list[tuple[int, str, int]], kernel: Kernel
) -> None:
    path = kernel(changed(*fields))
    for why_not in (why_not_pvh, why_truncated):
        reason = why_not(path)
        assert reason is None or reason.startswith(("not ", "an ELF file ", "a damaged ", "truncated: "))
    with contextlib.suppress(BuildError):
        assert memory_end(path) >= 0


def test_the_memory_of_what_is_no_kernel_is_an_error_with_its_path(kernel: Kernel) -> None:
    path = kernel(SHIPPED[:64])
    with pytest.raises(BuildError, match=r"expected an x86-64 ELF kernel, got '.*': a damaged ELF file"):
        memory_end(path)
