"""When an instance counts as ready: the five kinds, as plain data."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar

from pytest_unikernel.errors import TargetError
from pytest_unikernel.plan.numeric import is_number, is_whole
from pytest_unikernel.plan.schedule import LONGEST_S

__tracebackhide__ = True  # an error in a target is the caller's: pytest shows the line that made it


@dataclass(frozen=True)
class Exit:
    """Ready when the instance's first process has exited."""

    kind: ClassVar[str] = "exit"

    def __str__(self) -> str:
        return "exit"


@dataclass(frozen=True)
class Line:
    """Ready when the output (stdout or stderr) has a line that matches.

    Text and bytes match anywhere in a line, and at once: the line may still be incomplete.
    A compiled regular expression is searched in whole lines, without their line end.

    Attributes:
        pattern: text, bytes or a compiled regular expression.
    """

    pattern: bytes | str | re.Pattern[bytes] | re.Pattern[str]
    kind: ClassVar[str] = "line"

    def __post_init__(self) -> None:
        raw = self.pattern.pattern if isinstance(self.pattern, re.Pattern) else self.pattern
        if not isinstance(raw, (bytes, str)) or not raw:
            raise TargetError(
                f"Line: pattern must be text, bytes or a compiled regex, and not empty, got {self.pattern!r}"
            )
        try:
            text = raw.encode() if isinstance(raw, str) else raw
        except UnicodeEncodeError:
            raise TargetError(f"Line: expected text that UTF-8 can hold, got {self.pattern!r}") from None
        if not isinstance(self.pattern, re.Pattern) and b"\n" in text:
            raise TargetError(f"Line: pattern must not contain a line end, got {self.pattern!r}")

    def matcher(self) -> re.Pattern[bytes]:
        """Return the pattern as a regular expression over bytes."""
        return bytes_regex(self.pattern)

    @property
    def whole_lines(self) -> bool:
        """Whether only complete lines may match."""
        return isinstance(self.pattern, re.Pattern)

    def __str__(self) -> str:
        raw = self.pattern.pattern if isinstance(self.pattern, re.Pattern) else self.pattern
        return f"line {raw.decode(errors='replace') if isinstance(raw, bytes) else raw!r}"


@dataclass(frozen=True)
class Port:
    """Ready when a TCP connection to the port is accepted.

    ``number=None`` means the instance's own free port: ``{port}`` in its argv, UNIKERNEL_PORT in its
    environment. The port is tried every ``interval_s`` while the instance is young. With its age the pauses
    grow, to 1/128 of it and to ten times ``interval_s`` at most, and instances that wait at once share the
    tries. The pause before the try that succeeded is in the record: ``ready_resolution_s``. A fixed port must
    not be answered before the first launch, nor by an earlier instance: it says nothing about the later one.

    Attributes:
        number: the port, or None.
        host: the address that is connected to.
        interval_s: seconds between attempts while the instance is young.
    """

    number: int | None = None
    host: str = "127.0.0.1"
    interval_s: float = 0.0001
    kind: ClassVar[str] = "port"

    def __post_init__(self) -> None:
        if self.number is not None and not (is_whole(self.number) and 0 < self.number < 65536):
            raise TargetError(
                f"{type(self).__name__}: number must be a port from 1 to 65535, got {self.number!r}"
            )
        if not isinstance(self.host, str) or not self.host:
            raise TargetError(f"{type(self).__name__}: host must be a name or an address, got {self.host!r}")
        if not is_number(self.interval_s) or not 0 < self.interval_s <= LONGEST_S:
            raise TargetError(f"{type(self).__name__}: interval_s must be > 0, got {self.interval_s!r}")

    def __str__(self) -> str:
        return f"{self.kind} {self.host}:{self.number or 'own'}"


@dataclass(frozen=True)
class Http(Port):
    """Ready when ``GET path`` on the port is answered with one of the statuses.

    Attributes:
        path: the path of the request.
        statuses: the statuses of an answer that means ready.
    """

    path: str = "/"
    statuses: tuple[int, ...] = (200, 204)
    kind: ClassVar[str] = "http"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.path, str) or not re.fullmatch(r"/[!-~]*", self.path):
            raise TargetError(
                f"Http: path must begin with / and contain printable ASCII without spaces, got {self.path!r}"
            )
        statuses = self.statuses
        if not isinstance(statuses, Collection) or not all(map(is_whole, statuses)):
            raise TargetError(f"Http: statuses must be a list of numbers, got {statuses!r}")


@dataclass(frozen=True)
class Event:
    """Ready when the instance reports the named event.

    An event is reported by writing one line ``<UNIKERNEL_ID> <name>`` to the FIFO whose path is in
    UNIKERNEL_EVENTS: ``echo "$UNIKERNEL_ID ready" > "$UNIKERNEL_EVENTS"``. It is stamped with the
    host's CLOCK_MONOTONIC when it arrives; writes of up to 4,096 bytes don't interleave (pipe(7)).

    Attributes:
        name: the event: letters, digits and ``.:/-_``.
    """

    name: str
    kind: ClassVar[str] = "event"

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not re.fullmatch(r"[\w.:/-]+", self.name):
            raise TargetError(f"Event: name must consist of letters, digits and .:/-_, got {self.name!r}")

    def __str__(self) -> str:
        return f"event {self.name}"


Ready = Exit | Line | Port | Http | Event


def bytes_regex(pattern: bytes | str | re.Pattern[bytes] | re.Pattern[str]) -> re.Pattern[bytes]:
    """Return a literal or regular expression as one over bytes."""
    if isinstance(pattern, re.Pattern):
        source = pattern.pattern
        if isinstance(source, str):
            return re.compile(source.encode(), pattern.flags & ~re.UNICODE)
        return re.compile(source, pattern.flags)
    return re.compile(re.escape(pattern.encode() if isinstance(pattern, str) else pattern))
