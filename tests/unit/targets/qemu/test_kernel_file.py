"""Packed kernels: a small file must not fill the memory."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tracemalloc
from pathlib import Path

import pytest
from kernelfiles import bzimage

from pytest_unikernel.targets.qemu import kernel_file
from pytest_unikernel.targets.qemu.kernel_file import given_kernel

MOST_BYTES, BOMB_BYTES = 1 << 20, 64 << 20


@pytest.mark.parametrize("packed", [gzip.compress, bz2.compress, lzma.compress], ids=["gzip", "bzip2", "xz"])
def test_a_payload_that_unpacks_without_end_is_booted_as_it_is(
    packed: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert callable(packed)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(kernel_file, "MOST_UNPACKED_BYTES", MOST_BYTES)
    kernel = tmp_path / "vmlinuz"
    kernel.write_bytes(bzimage(packed(kernel_file.ELF + bytes(BOMB_BYTES))))
    tracemalloc.start()
    found = given_kernel(kernel)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.boot == "bzImage"
    assert peak_bytes < BOMB_BYTES // 2
