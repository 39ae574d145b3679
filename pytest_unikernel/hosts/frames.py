"""The frames between a worker and the process on its host that makes a share of the loads. Pure.

A frame is a letter and a number of eight bytes; letters of ``WITH_BODY`` are followed by so many bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

HEAD = struct.Struct("<cq")
LEASE_S = 5.0  # a host that is left alone for so long, or does not answer, is on its own

TRIAL = b"T"  # to the process: the request of a trial or of cold starts
GO = b"G"  # begin at this instant of your clock
RENEW = b"L"  # the run lives still
STOP = b"S"  # end the load, for this signal
LEAVE = b"Q"  # end
HELLO = b"h"  # from the process: it is there, with the facts of its host
READY = b"r"  # all is set up for the trial
DONE = b"d"  # the answer
FAILED = b"e"  # it could not be run, and why
MISSING = b"m"  # the target can't run on the host; the body is the reason and the cure
WITH_BODY = frozenset({TRIAL, HELLO, DONE, FAILED, MISSING})


class Frame(NamedTuple):
    """A letter, its number, and its body."""

    kind: bytes
    value: int = 0
    body: bytes = b""


def packed(frame: Frame) -> bytes:
    """Return the bytes of a frame; the number of one with a body is its length."""
    value = len(frame.body) if frame.kind in WITH_BODY else frame.value
    return HEAD.pack(frame.kind, value) + frame.body


class Unpacker:
    """Makes frames of bytes that come in pieces."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Yield the frames that are complete now."""
        self._buffer += data
        while len(self._buffer) >= HEAD.size:
            kind, value = HEAD.unpack_from(self._buffer)
            end = HEAD.size + (value if kind in WITH_BODY else 0)
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[HEAD.size : end])
            del self._buffer[:end]
            yield Frame(kind, value, body)
