"""Answers of container engines and runtimes: HTTP, frames, events, JSON of their clients, urunc's log."""

from __future__ import annotations

import dataclasses
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple
from unittest import mock

import damage
import uruncscripts
from asked import sentence
from cases import Reader

from pytest_unikernel.guests.build import qemu_img
from pytest_unikernel.launch.answers import json_object
from pytest_unikernel.launch.docker_api import requests
from pytest_unikernel.launch.docker_api.frames import Frames
from pytest_unikernel.launch.docker_api.reply import Request, begin
from pytest_unikernel.plan.stamps import Stamp
from pytest_unikernel.targets.containers import docker, engine, podman
from pytest_unikernel.targets.urunc import program
from pytest_unikernel.targets.urunc.log.reader import LogReader

MOST_PIECES = 200


class Stream(NamedTuple):
    """Bytes as they arrive: the lengths of the pieces are repeated."""

    data: bytes
    lengths: tuple[int, ...] = (1 << 16,)

    def pieces(self) -> Iterator[bytes]:
        """Yield the pieces."""
        at = number = 0
        least = len(self.data) // MOST_PIECES  # the end of a line is searched anew with each piece
        while at < len(self.data):
            length = max(least, self.lengths[number % len(self.lengths)])
            yield self.data[at : at + length]
            at, number = at + length, number + 1


def change_stream(random: Random, stream: Stream) -> Stream:
    """Return a stream with a change of its bytes or of its pieces."""
    if random.random() < 0.3:
        return stream._replace(
            lengths=tuple(random.choice((1, 2, 7, 500)) for _ in range(random.randint(1, 3)))
        )
    return stream._replace(data=damage.edited(random, stream.data))


# the engine's API ---------------------------------------------------------------------------------

CHUNKED = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n11\r\n{"StatusCode":3}\n\r\n0\r\n\r\n'
UPGRADED = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
CREATED = (
    b'HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n{"Id":"5b0c2"}'
)
REFUSED = b'HTTP/1.1 500 X\r\nContent-Length: 42\r\n\r\n{"message":"exec: \\"x\\": permission denied"}'
FAILED = b'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{"StatusCode":1,"Error":{"Message":"x"}}'


def _frames() -> bytes:
    return b"".join(
        struct.pack(">BxxxI", stream, len(each)) + each for stream, each in ((1, b"hello\n"), (2, b""))
    )


def _replies() -> list[Stream]:
    return [Stream(each) for each in (CHUNKED, UPGRADED + _frames(), CREATED, REFUSED, FAILED)]


def _replied(stream: Stream, place: Path) -> None:
    """Feed a reply to each kind of request; whatever it says is a status, an id, a message or a problem."""
    del place
    for request in (Request("POST", "/x", b"{}"), requests.attach("1")):
        reply, frames = begin(request)[1], Frames()
        for piece in stream.pieces():
            assert isinstance(frames.feed(reply.feed(piece)), bytes)
            if reply.problem or reply.is_complete:
                break
        reply.feed(b"")
        assert reply.is_complete or reply.problem
        assert isinstance(requests.container_of(reply), str)
        assert not isinstance(requests.exit_of(reply), bool)
        message = requests.message_of(reply)
        assert isinstance(message, str)
        assert requests.status_of(message) in {125, 126, 127}


# clients ------------------------------------------------------------------------------------------

DOCKER_EVENT = {
    "Action": "start", "Actor": {"Attributes": {"name": "u1-7"}}, "timeNano": 1795293326757458442,
}  # fmt: skip
PODMAN_EVENT = {"Name": "u1-7", "Status": "died", "Time": "2026-01-02T03:04:05.123456789+02:00"}
INFO = {"ServerErrors": ["x"], "DriverStatus": [["a", "b"]], "host": {"ociRuntime": {"name": "crun"}}}
CHECKED = {
    "cluster-size": 65536, "image-end-offset": 393216, "corruptions": 0, "full-backing-filename": "b.qcow2",
    "format-specific": {"type": "qcow2", "data": {"compat": "1.1", "corrupt": False}},
}  # fmt: skip

LONGEST_BYTES = 3000  # of a line that is changed as a document: longer ones are nested too deeply for that


def _lines() -> list[bytes]:
    return [json.dumps(each).encode() for each in (DOCKER_EVENT, PODMAN_EVENT, INFO, CHECKED)]


def _change_line(random: Random, line: bytes) -> bytes:
    try:
        document = json.loads(line) if len(line) < LONGEST_BYTES else None
    except ValueError:
        document = None
    if isinstance(document, dict) and random.random() < 0.7:
        return damage.saved(damage.altered(random, document))
    return damage.edited(random, line)


def _line_read(line: bytes, place: Path) -> None:
    """Read a line of events, or the answer to a question, of every engine."""
    for parse in (docker.parse_event, podman.parse_event):
        found = parse(line)
        assert found is None or (isinstance(found, Stamp) and [*map(type, found)] == [str, str, int]), found
    assert isinstance(json_object(line), dict)
    assert isinstance(engine._errors_in(line.decode(errors="replace")), str)
    _qemu_img(line, place)


def _qemu_img(report: bytes, place: Path) -> None:
    """Have an image examined by a qemu-img that reports that."""
    image = place / "image.qcow2"
    image.write_bytes(b"QFI\xfb" + bytes(100))
    answer = qemu_img._Answer(0, qemu_img._parsed(report), "")
    with mock.patch.object(qemu_img, "_ask", return_value=answer):
        found = qemu_img.why_not_usable("qemu-img", str(image))
    assert found is None or isinstance(found, str)


# urunc --------------------------------------------------------------------------------------------


def _logs() -> list[Stream]:
    old, named = uruncscripts.life("a" * 64), uruncscripts.life("c" * 64, named=True)
    return [Stream(each.encode()) for each in (old, named, uruncscripts.SEED_LINES)]


def _log_read(stream: Stream, place: Path) -> None:
    """Read a growing log: the same stamps and counts, however its bytes are cut."""
    del place
    whole, cut = LogReader(), LogReader()
    stamps = [*whole.feed(stream.data), *whole.finish()]
    assert [*(each for piece in stream.pieces() for each in cut.feed(piece)), *cut.finish()] == stamps
    assert dataclasses.asdict(whole.counts) == dataclasses.asdict(cut.counts)
    assert all(0 <= each.at_unix_ns < 2**63 for each in stamps)


CONFIG = b"""\
[timestamps]
enabled = true
destination = "/tmp/urunc.zlog"
[monitors.qemu]
path = "/usr/bin/qemu-system-x86_64"
default_memory_mb = 256
"""


def _config_read(text: bytes, place: Path) -> None:
    """Read urunc's configuration, and make one of our own from it, or say why not."""
    file = place / "config.toml"
    file.write_bytes(text)
    with mock.patch.object(program, "SYSTEM_CONFIG", file):
        assert str(program.log_of_system())
        assert isinstance(program.config_or_nothing("system"), dict)
    with mock.patch.dict("os.environ", {program.CONFIG_VARIABLE: str(file)}):
        try:
            assert program.private_config(place / "log", "qemu", "/x")
        except (OSError, ValueError) as error:
            sentence(error)
        program.monitor_of(program.config_or_nothing("file"), "qemu")


READERS = (
    Reader("docker-api", 3000, _replies, change_stream, _replied),
    Reader("engine-answer", 2000, _lines, _change_line, _line_read),
    Reader("urunc-log", 700, _logs, change_stream, _log_read),
    Reader("urunc-config", 700, lambda: [CONFIG], damage.edited, _config_read),
)
