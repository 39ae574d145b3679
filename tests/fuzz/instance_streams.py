"""Output of instances: lines, marks, events, the first bytes of a server's reply."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cases import Reader
from engine_replies import Stream, change_stream

from pytest_unikernel.launch.output import Wanted, Watch
from pytest_unikernel.launch.process import tcp_probe
from pytest_unikernel.launch.process.event_pipe import EventPipe
from pytest_unikernel.plan.readiness import Line
from pytest_unikernel.plan.target import Target
from pytest_unikernel.text.grid import printable

OUTPUT = b"booting\r\nlevel 3 \xe2\x9c\x93\nready at 1234 ns\nstatus=0\n[    0.5] panic: no\nlast words"
EVENTS = b"u1-1 ready\nu1-2 listening\nnonsense\nu1-3 a b\n\xff\xfe x\n"
REPLIES = (
    b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\nhello",
    b"HTTP/1.0 503 no\r\n\r\n",
    b"SSH-2.0-x\r\n",
    b"HTTP/1.1 204\n",
)
PATTERNS: tuple[Any, ...] = (
    "ready",
    b"status=0",
    re.compile("^ready at [0-9]+ ns$"),
    re.compile(b"(?i)PANIC"),
)


def _target(pattern: Any) -> Target:
    marks = {"up": b"level [0-9]", "at": rb"ready at (?P<ns>[0-9]{1,18}) ns"}
    return Target(
        "it", ["x"], ready=Line(pattern), output="status", failures={b"no init": "guest-panic"}, marks=marks
    )


def _watched(stream: Stream, place: Path) -> None:
    """Watch an output: the same is found, however its bytes are cut; its last words can be shown."""
    del place
    for pattern in PATTERNS:
        wanted = Wanted(_target(pattern))
        whole, cut = Watch(wanted), Watch(wanted)
        whole.feed(stream.data)
        for piece in stream.pieces():
            cut.feed(piece)
        for watch in (whole, cut):
            watch.end()
        if len(stream.data) < 1 << 16:  # of a longer line only the end is kept
            assert (whole.ready, whole.required, whole.failure) == (cut.ready, cut.required, cut.failure)
            assert {name for name, _ in whole.marked} == {name for name, _ in cut.marked}
    assert printable(stream.data[-4096:].decode(errors="replace")).isprintable()


def _events(stream: Stream, place: Path) -> None:
    """Read events from the FIFO: each is an instance and a name; other lines are passed over."""
    pipe = EventPipe(place)
    try:
        for piece in stream.pieces():
            for at in range(0, len(piece), 4096):
                os.write(pipe.descriptor, piece[at : at + 4096])
                assert all(len(each) == 2 and all(each) for each in pipe.read())
    finally:
        pipe.close()


class _Connection:
    """A connection on which the pieces of a reply arrive."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def recv(self, most: int) -> bytes:
        return next(self._pieces, b"")[:most]


def _answered(stream: Stream, place: Path) -> None:
    """Read a server's reply up to its first line: its status, or 0; within bounds."""
    del place
    connection: Any = _Connection(stream.pieces())
    question = tcp_probe._Question(None, connection, bytearray())  # type: ignore[arg-type]
    for _ in range(3 * tcp_probe.REPLY_BYTES):
        if tcp_probe._has_first_line(question):
            break
    assert len(question.reply) < 2 * tcp_probe.REPLY_BYTES
    assert tcp_probe._status(question.reply) >= 0


READERS = (
    Reader("output", 1000, lambda: [Stream(OUTPUT)], change_stream, _watched),
    Reader("events", 1000, lambda: [Stream(EVENTS)], change_stream, _events),
    Reader("http-ready", 1500, lambda: [Stream(each) for each in REPLIES], change_stream, _answered),
)
