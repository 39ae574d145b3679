"""Readiness over TCP: connect, and for Http ask, until there is an answer; never blocks the loop."""

from __future__ import annotations

import errno
import socket
from collections import OrderedDict
from collections.abc import Callable
from typing import Literal, NamedTuple

from pytest_unikernel.clock import nanoseconds
from pytest_unikernel.errors import LoadError
from pytest_unikernel.launch.deadlines import NEVER_NS
from pytest_unikernel.launch.event_loop import EventLoop
from pytest_unikernel.launch.process.child import Child
from pytest_unikernel.plan.readiness import Http, Port

# A SYN that is lost before the guest listens is sent again after 1 s only (RFC 6298): a new try is quicker.
CONNECT_PATIENCE_NS = 50_000_000
REPLY_BYTES = 4096
TRIES_PER_TURN = 8  # each costs some 30 µs, which exits and launches wait for


_NO_CONNECTION: tuple[socket.socket | None, int] = None, 0


class _Question(NamedTuple):
    """A sent request, and its reply so far."""

    child: Child
    connection: socket.socket
    reply: bytearray


class Prober:
    """Tries the ports of instances that aren't ready yet, each every ``interval_s``.

    Raises:
        LoadError: the host's name is unknown.
    """

    def __init__(self, ready: Port, loop: EventLoop[Child], on_ready: Callable[[Child, int], None]) -> None:
        self._ready = ready
        self._loop = loop
        self._on_ready = on_ready
        self._interval_ns = nanoseconds(ready.interval_s)
        self._family, self._host = _resolved(ready.host)
        self._due: OrderedDict[int, tuple[int, Child]] = OrderedDict()
        self._connecting: dict[int, tuple[socket.socket | None, int]] = {}
        self._asked: dict[int, _Question] = {}

    def add(self, child: Child, now_ns: int) -> None:
        """Begin to try the child's port, after an interval."""
        due_ns = now_ns + self._interval_ns
        self._due[child.pid] = (due_ns, child)
        self._loop.expect(due_ns)

    def discard(self, child: Child) -> None:
        """Stop trying the child's port."""
        self._due.pop(child.pid, None)
        connection, _ = self._connecting.pop(child.pid, _NO_CONNECTION)
        if connection is not None:
            connection.close()
        self._hang_up(child)

    def next_ns(self) -> int:
        """Return when the next try is due."""
        return next(iter(self._due.values()))[0] if self._due else NEVER_NS

    def attempt(self, now_ns: int) -> None:
        """Try due ports, the longest overdue first; a bounded number, so that launches are not late."""
        for _ in range(min(len(self._due), TRIES_PER_TURN)):
            pid, (due_ns, child) = next(iter(self._due.items()))
            if due_ns > now_ns:
                break
            del self._due[pid]
            if not self._try(child, now_ns):
                self.add(child, now_ns)

    def _try(self, child: Child, now_ns: int) -> bool:
        """Return whether no further try is needed for now."""
        connection = self._connected(child, now_ns)
        if connection is None:
            return False
        if isinstance(self._ready, Http):
            return self._ask(child, connection, self._ready.path)
        connection.close()
        self._on_ready(child, now_ns)
        return True

    def _connected(self, child: Child, now_ns: int) -> socket.socket | None:
        """Return a connection once it is established; a pending one is checked again at the next try."""
        if child.pid not in self._connecting:
            self._connecting[child.pid] = self._connect(child), now_ns
        connection, begun_ns = self._connecting.pop(child.pid)
        if connection is None:
            return None
        state = _state(connection)
        if state == "connected":
            return connection
        if state == "under way" and now_ns - begun_ns < CONNECT_PATIENCE_NS:
            self._connecting[child.pid] = (connection, begun_ns)
        else:
            connection.close()
        return None

    def _connect(self, child: Child) -> socket.socket | None:
        """Begin to connect; None if that failed at once, as it does on the loopback."""
        try:
            connection = socket.socket(self._family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        except OSError:  # no descriptor left: tried again
            return None
        number = connection.connect_ex((self._host, self._ready.number or int(child.instance.port)))
        if number in (0, errno.EINPROGRESS):
            return connection
        connection.close()
        return None

    def _ask(self, child: Child, connection: socket.socket, path: str) -> bool:
        """Send the request; return whether that could be done."""
        request = f"GET {path} HTTP/1.0\r\nHost: {self._ready.host}\r\nConnection: close\r\n\r\n"
        try:
            connection.send(request.encode())
        except OSError:
            connection.close()
            return False
        question = _Question(child, connection, bytearray())
        self._asked[child.pid] = question
        self._loop.watch(connection.fileno(), lambda now_ns: self._on_reply(question, now_ns))
        return True

    def _on_reply(self, question: _Question, now_ns: int) -> None:
        if not _has_first_line(question):
            return
        self._hang_up(question.child)
        if isinstance(self._ready, Http) and _status(question.reply) in self._ready.statuses:
            self._on_ready(question.child, now_ns)
        else:
            self.add(question.child, now_ns)

    def _hang_up(self, child: Child) -> None:
        question = self._asked.pop(child.pid, None)
        if question is not None:
            self._loop.unwatch(question.connection.fileno())
            question.connection.close()

    def close(self) -> None:
        """Close every open connection."""
        for question in list(self._asked.values()):
            self._hang_up(question.child)
        for connection, _ in self._connecting.values():
            if connection is not None:
                connection.close()
        self._connecting.clear()


def _resolved(host: str) -> tuple[socket.AddressFamily, str]:
    """Return the host's address, once for all tries: a look-up may block."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise LoadError(f"ready: host {host!r} has no address ({error.strerror}); give its number") from error
    return family, str(address[0])


def _state(connection: socket.socket) -> Literal["connected", "under way", "failed"]:
    """Return how far a connection is; by TCP's simultaneous open one may reach itself, and fails."""
    try:
        reached_itself = connection.getpeername() == connection.getsockname()
    except OSError:
        return "failed" if connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) else "under way"
    return "failed" if reached_itself else "connected"


def _has_first_line(question: _Question) -> bool:
    """Receive; return whether the first line is whole, or no more of it will come."""
    try:
        data = question.connection.recv(REPLY_BYTES)
    except BlockingIOError:
        return False
    except OSError:
        data = b""
    question.reply.extend(data)
    return not data or b"\n" in question.reply or len(question.reply) >= REPLY_BYTES


def _status(reply: bytearray) -> int:
    """Return the status of the reply's first line, or 0. Source: RFC 9112, section 4."""
    words = bytes(reply).split(b"\n", 1)[0].split()
    return int(words[1]) if len(words) >= 2 and words[0].startswith(b"HTTP/") and words[1].isdigit() else 0
