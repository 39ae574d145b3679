"""Takes a container's output out of the frames in which the engine sends it. Pure."""

from __future__ import annotations

import struct

# Source: Engine API, ContainerAttach, "Stream format": stream, three zeros, the payload's size.
HEADER = struct.Struct(">BxxxI")


class Frames:
    """Undoes the multiplexing of stdout and stderr, which are one output here, as a terminal shows them."""

    __slots__ = ("_header", "_left")

    def __init__(self) -> None:
        self._header = b""
        self._left = 0

    def feed(self, data: bytes) -> bytes:
        """Return the output in the next bytes; frames may be cut anywhere between two calls."""
        output: list[bytes] = []
        at = 0
        while at < len(data):
            if self._left:
                output.append(data[at : at + self._left])
                at += len(output[-1])
                self._left -= len(output[-1])
            else:
                missing = HEADER.size - len(self._header)
                self._header += data[at : at + missing]
                at += missing
                if len(self._header) == HEADER.size:
                    self._left, self._header = HEADER.unpack(self._header)[1], b""
        return b"".join(output)
