"""Files that look like Linux kernels."""

from __future__ import annotations

import struct


def bzimage(payload: bytes, version: str = "6.1.0-test") -> bytes:
    """Make a file with a bzImage's header and no code."""
    setup = bytearray(1024)
    setup[0x1F1] = 1
    struct.pack_into("<I", setup, 0x1F4, -(-len(payload) // 16))
    setup[0x202:0x206] = b"HdrS"
    struct.pack_into("<H", setup, 0x20E, 0x300 - 0x200)
    setup[0x236] = 1
    struct.pack_into("<II", setup, 0x248, 0, len(payload))
    setup[0x300 : 0x300 + len(version)] = version.encode()
    return bytes(setup) + payload.ljust(-(-len(payload) // 16) * 16, b"\0")
