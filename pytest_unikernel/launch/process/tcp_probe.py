"""Readiness over TCP: connect, and for Http ask, until there is an answer; never blocks the loop."""

from __future__ import annotations

import errno
import re
import socket
from collections import deque
from collections.abc import Callable
from typing import Literal, NamedTuple

from pytest_unikernel.clock import monotonic_ns, nanoseconds
from pytest_unikernel.launch.deadlines import NEVER_NS
from pytest_unikernel.launch.event_loop import EventLoop
from pytest_unikernel.launch.process.addresses import addresses_of, connects, refuse_if_ready
from pytest_unikernel.launch.process.child import Child
from pytest_unikernel.launch.process.listening import Listening
from pytest_unikernel.launch.process.lookout import Lookout
from pytest_unikernel.launch.process.pacing import SLOWEST, Pacing, pause_ns
from pytest_unikernel.plan.readiness import Http, Port

# A SYN that is lost before the guest listens is sent again after 1 s only (RFC 6298): a new try is quicker.
CONNECT_PATIENCE_NS = 50_000_000
REPLY_BYTES = 4096
# Where the kernel lists what is listened on, a port that isn't listed is tried that much more rarely.
UNLISTED = 40
TRIES_PER_TURN = 8  # each costs some 30 µs, which exits and launches wait for


_NO_CONNECTION: tuple[socket.socket | None, int] = None, 0


class _Question(NamedTuple):
    """A sent request, and its reply so far."""

    child: Child
    connection: socket.socket
    reply: bytearray


class Prober:
    """Finds out when the ports of instances begin to answer.

    On this host one look at the listening ports serves all instances; what it shows is tried at once. Ports
    are also tried without that: those of other hosts, and those that are forwarded by packet filters.

    Raises:
        LoadError: the host's name is unknown, or its port is answered with nothing launched.
    """

    def __init__(self, ready: Port, loop: EventLoop[Child], on_ready: Callable[[Child, int], None]) -> None:
        self._ready = ready
        self._loop = loop
        self._on_ready = on_ready
        self._interval_ns = nanoseconds(ready.interval_s)
        self._addresses = deque(addresses_of(ready.host))  # the next to be tried is first
        self._in_front = ready.number is not None and connects(self._addresses, ready.number)
        refuse_if_ready(ready, self._addresses)
        self._lookout = self._open_lookout()
        # Of a port that is not listed and yet may answer, for it is forwarded.
        self._unlisted_ns = self._interval_ns * (1 if self._lookout is None else UNLISTED)
        self._pacing = Pacing(self._interval_ns * (1 if self._lookout is None else SLOWEST))
        self._tried_ns: dict[int, int] = {}
        self._connecting: dict[int, tuple[socket.socket | None, int]] = {}
        self._asked: dict[int, _Question] = {}

    def _open_lookout(self) -> Lookout | None:
        """Return None where the kernel gives no list, or its list isn't that of the instances' host."""
        if not all(address.is_local for address in self._addresses):
            return None
        try:
            return Lookout(Listening(), self._interval_ns)
        except OSError:
            return None

    def is_taken(self) -> bool:
        """Whether an instance that is launched now would find its fixed port in use, by an earlier one.

        Its readiness can't be seen then. Behind a server that is always there, as a proxy is, nobody knows.
        """
        number = self._ready.number
        if number is None or self._in_front or self._lookout is None:
            return False
        try:
            is_listed = self._lookout.is_listed(number)
        except OSError:
            return False
        # Never by a connection: one may have to wait, and launches with it.
        return is_listed and not all(each.is_free(number, for_a_server=True) for each in self._addresses)

    def add(self, child: Child, now_ns: int) -> None:
        """Begin to wait for the port of a child that was started now."""
        if self._lookout is not None:
            self._loop.expect(self._lookout.add(child, self._port(child), now_ns))
        self._try_later(child, now_ns, self._unlisted_ns)

    def _try_later(self, child: Child, now_ns: int, interval_ns: int) -> None:
        """Note that there was no answer now, and have the port tried again."""
        self._tried_ns[child.pid] = now_ns
        pause = pause_ns(interval_ns, now_ns - child.log.started_ns[child.index])
        self._loop.expect(self._pacing.add(child, now_ns, pause))

    def discard(self, child: Child) -> None:
        """Stop waiting for the child's port."""
        self._pacing.discard(child.pid)
        self._tried_ns.pop(child.pid, None)
        if self._lookout is not None:
            self._lookout.discard(child, self._port(child))
        connection, _ = self._connecting.pop(child.pid, _NO_CONNECTION)
        if connection is not None:
            connection.close()
        self._hang_up(child)

    def next_ns(self) -> int:
        """Return when the next look or try is due."""
        looks_ns = NEVER_NS if self._lookout is None else self._lookout.due_ns
        return min(looks_ns, self._pacing.next_ns())

    def attempt(self, now_ns: int) -> None:
        """Try the ports that are listened on, and due ones, the longest overdue first.

        Of the latter a bounded number, so that launches are not late.
        """
        if self._lookout is not None:
            self._look(self._lookout, now_ns)
        for _ in range(TRIES_PER_TURN):
            child = self._pacing.take(now_ns)
            if child is None:
                break
            if not self._try(child, now_ns):
                self._try_later(child, now_ns, self._unlisted_ns)

    def _look(self, lookout: Lookout, now_ns: int) -> None:
        try:
            for child in lookout.look(now_ns):
                if not self._try(child, now_ns):
                    self._try_later(child, now_ns, self._unlisted_ns)
        except OSError:  # no list any more: tries alone have to do
            lookout.close()
            self._lookout = None

    def _try(self, child: Child, now_ns: int) -> bool:
        """Return whether no further try is needed for now."""
        connection = self._connected(child, now_ns)
        if connection is None:
            return False
        at_ns = monotonic_ns()  # of an instance that began to listen in this very turn, too
        self._note_resolution(child, at_ns)
        if isinstance(self._ready, Http):
            return self._ask(child, connection, self._ready.path)
        connection.close()
        self._on_ready(child, at_ns)
        return True

    def _note_resolution(self, child: Child, now_ns: int) -> None:
        """Note for how long the port may have been open, and look for it no longer."""
        known_ns = self._tried_ns[child.pid]
        if self._lookout is not None:
            known_ns = max(known_ns, self._lookout.looked_ns)
            age_ns = now_ns - child.log.started_ns[child.index]
            self._lookout.found(child, self._port(child), age_ns)
        self._pacing.discard(child.pid)
        child.log.unseen_ns[child.index] = now_ns - known_ns

    def _port(self, child: Child) -> int:
        return self._ready.number or int(child.instance.port)

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
            self._addresses.rotate(-1)
        return None

    def _connect(self, child: Child) -> socket.socket | None:
        """Begin to connect; None if that failed at once at every address, as it does on the loopback."""
        for address in list(self._addresses):
            try:
                connection = socket.socket(address.family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            except OSError:  # no descriptor left: tried again
                return None
            if connection.connect_ex(address.at(self._port(child))) in (0, errno.EINPROGRESS):
                return connection
            connection.close()
            self._addresses.rotate(-1)
        return None

    def _ask(self, child: Child, connection: socket.socket, path: str) -> bool:
        """Send the request; return whether that could be done."""
        host = f"[{self._ready.host}]" if ":" in self._ready.host else self._ready.host  # RFC 3986, 3.2.2
        request = f"GET {path} HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n\r\n"
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
            self._try_later(question.child, now_ns, self._interval_ns)

    def _hang_up(self, child: Child) -> None:
        question = self._asked.pop(child.pid, None)
        if question is not None:
            self._loop.unwatch(question.connection.fileno())
            question.connection.close()

    def close(self) -> None:
        """Close every open connection."""
        if self._lookout is not None:
            self._lookout.close()
        for question in list(self._asked.values()):
            self._hang_up(question.child)
        for connection, _ in self._connecting.values():
            if connection is not None:
                connection.close()
        self._connecting.clear()


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
    """Return the status of the reply's first line, three digits, or 0. Source: RFC 9112, section 4."""
    words = bytes(reply).split(b"\n", 1)[0].split()
    is_status = len(words) >= 2 and words[0].startswith(b"HTTP/") and re.fullmatch(rb"[0-9]{3}", words[1])
    return int(words[1]) if is_status else 0
