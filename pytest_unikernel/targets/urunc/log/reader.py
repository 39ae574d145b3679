"""urunc's log -> stamps, in any pieces: a line that isn't complete yet waits for the next piece. Pure.

A line is ``{"containerID":"…","timestampID":"TS00","time":1795293326757458442}``, from 0.7 on with
``timestampName``. Whatever else a log holds is counted and passed over. Nothing here opens a file, so nothing
here can change one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

BOM = b"\xef\xbb\xbf"
LONGEST_BYTES = 65_536  # of a line; urunc's have 200. A file without line ends must not fill the memory
_SURELY_SHORT = LONGEST_BYTES // 4  # characters; one has 4 bytes at most
_MAX_NS = 2**63 - 1

Foreign = Literal["not_json", "other_json", "malformed"]

_decode = json.JSONDecoder().decode  # json.loads looks at its options first, which is a quarter of its time
# The lines that urunc writes itself, read in half the time that JSON's reader needs for them (measured: 1.4
# against 3.0 µs a line). Any other line goes to that reader; where both can read a line they agree.
_TEXT = r'"([^"\\\x00-\x1f]{1,1024})"'
_AS_WRITTEN = re.compile(
    rf'^\{{"containerID":{_TEXT},"timestampID":{_TEXT}'
    rf'(?:,"timestampName":{_TEXT},"timestampOrder":(?:0|[1-9][0-9]{{0,3}}))?,"time":([1-8][0-9]{{0,18}})\}}$',
    re.MULTILINE,
)


class LogStamp(NamedTuple):
    """An instant of one container.

    Attributes:
        container_id: exactly as logged.
        id: ``TS00`` and so on; its meaning depends on the release.
        at_unix_ns: wall clock (CLOCK_REALTIME) of the host.
        name: from 0.7 on, such as ``CR.invoked``; else empty.
    """

    container_id: str
    id: str
    at_unix_ns: int
    name: str = ""


@dataclass
class Counts:
    """Counts of a log's lines by kind; ``lines`` is the sum of the others.

    Attributes:
        stamps: timestamps.
        not_json: lines that aren't JSON, and those longer than ``LONGEST_BYTES``.
        other_json: JSON without a ``timestampID``.
        malformed: a ``timestampID`` with a field missing or of the wrong kind.
        incomplete: 1 if the log ended within a line; that line.
    """

    stamps: int = 0
    not_json: int = 0
    other_json: int = 0
    malformed: int = 0
    incomplete: int = 0

    @property
    def lines(self) -> int:
        """All lines, the incomplete last one too."""
        return self.stamps + self.foreign + self.incomplete

    @property
    def foreign(self) -> int:
        """The complete lines that are no timestamps."""
        return self.not_json + self.other_json + self.malformed


class LogReader:
    """Turns the bytes of a log, piece by piece, into its stamps, in the order of the lines.

    However the bytes are cut, the stamps and the counts are the same.
    """

    def __init__(self) -> None:
        self.counts = Counts()
        self._pending = b""
        self._skipping = False  # the rest of a line that was too long
        self._at_begin = True

    def feed(self, data: bytes) -> list[LogStamp]:
        """Return the stamps of the lines that this piece completes."""
        if self._at_begin and data:
            data = self._without_mark(data)
        if self._skipping:
            _, newline, data = data.partition(b"\n")
            self._skipping = not newline
        complete, newline, rest = data.rpartition(b"\n")
        stamps = self._stamps(_text(self._pending + complete)) if newline else []
        self._keep(rest if newline else self._pending + rest)
        return stamps

    def _without_mark(self, data: bytes) -> bytes:
        """Return the log's first bytes without a byte order mark, which some editors write."""
        data, self._pending = self._pending + data, b""
        if len(data) < len(BOM) and BOM.startswith(data):
            self._pending = data
            return b""
        self._at_begin = False
        return data.removeprefix(BOM)

    def finish(self) -> list[LogStamp]:
        """Take the rest as the last line; return its stamp if it has one, else count it as incomplete."""
        rest, self._pending, self._skipping = self._pending, b"", False
        self._at_begin = False
        found = parsed(_text(rest)) if rest else None
        if isinstance(found, LogStamp):
            self.counts.stamps += 1
            return [found]
        self.counts.incomplete += bool(rest)
        return []

    def _keep(self, rest: bytes) -> None:
        """Keep the beginning of a line for later, unless it is too long already."""
        self._pending = rest
        if len(rest) > LONGEST_BYTES:
            self.counts.not_json += 1
            self._pending, self._skipping = b"", True

    def _stamps(self, text: str) -> list[LogStamp]:
        """Return the stamps among complete lines, and count the others."""
        found = _AS_WRITTEN.findall(text)
        if len(found) == text.count("\n") + 1:
            stamps = [
                LogStamp(container, stamp_id, int(at_ns), name) for container, stamp_id, name, at_ns in found
            ]
        else:
            stamps = list(self._one_by_one(text.split("\n")))
        self.counts.stamps += len(stamps)
        return stamps

    def _one_by_one(self, lines: list[str]) -> Iterator[LogStamp]:
        for line in lines:
            found = parsed(line)
            if isinstance(found, LogStamp):
                yield found
            else:
                setattr(self.counts, found, getattr(self.counts, found) + 1)


def _text(data: bytes) -> str:
    """Return bytes as text; bytes that are not UTF-8 stay distinct, and so do ids."""
    return data.decode("utf-8", "surrogateescape")


def parsed(line: str) -> LogStamp | Foreign:
    """Return a line's stamp, or the kind of the line."""
    match = _AS_WRITTEN.fullmatch(line)
    if match is None:
        return parsed_as_json(line)
    container, stamp_id, name, at_ns = match.groups("")
    return LogStamp(container, stamp_id, int(at_ns), name)


def parsed_as_json(line: str) -> LogStamp | Foreign:
    """Return a line's stamp, or the kind of the line, however its JSON is written."""
    if len(line) > _SURELY_SHORT and _is_too_long(line):
        return "not_json"
    try:
        record = _decode(line)
    except (ValueError, RecursionError):
        return "not_json"
    if type(record) is not dict or "timestampID" not in record:
        return "other_json"
    container, stamp_id, at_ns = record.get("containerID"), record["timestampID"], record.get("time")
    name = record.get("timestampName", "")
    texts = type(container) is type(stamp_id) is type(name) is str
    if texts and container and stamp_id and type(at_ns) is int and 0 <= at_ns <= _MAX_NS:
        return LogStamp(container, stamp_id, at_ns, name)
    return "malformed"


def _is_too_long(line: str) -> bool:
    return len(line.encode("utf-8", "surrogateescape")) > LONGEST_BYTES
