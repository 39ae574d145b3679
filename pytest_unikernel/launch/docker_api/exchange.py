"""A request and its reply, on a non-blocking unix socket of its own."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable

from pytest_unikernel.launch.docker_api.reply import Request, begin

READ_BYTES = 1 << 16
EPOLLIN, EPOLLOUT = int(select.EPOLLIN), int(select.EPOLLOUT)


class Exchange:
    """A connection from its request to the end of its reply; ``handler`` is called whenever more has come.

    Attributes:
        reply: the reply so far.
        stream: the bytes of an upgraded connection that came last.
        descriptor: -1 until it is connected.
    """

    __slots__ = ("_socket", "_unsent", "descriptor", "handler", "reply", "stream")

    def __init__(self, request: Request, handler: Callable[[Exchange, int], None]) -> None:
        self._unsent, self.reply = begin(request)
        self._socket: socket.socket | None = None
        self.handler = handler
        self.stream = b""
        self.descriptor = -1

    def connect(self, path: str) -> bool:
        """Connect and send; return False if the engine has too many callers waiting at this moment.

        Raises:
            OSError: no server listens, permission is denied, or no descriptor is left.

        Source: connect(2): EAGAIN on a unix socket is a full backlog; the call is to be repeated.
        """
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            made.connect(path)
        except BlockingIOError:
            made.close()
            return False
        except OSError:
            made.close()
            raise
        self._socket, self.descriptor = made, made.fileno()
        self._send(made)
        return True

    @property
    def mask(self) -> int:
        """The events that the connection waits for."""
        return EPOLLIN | EPOLLOUT if self._unsent else EPOLLIN

    def _send(self, connected: socket.socket) -> None:
        try:
            while self._unsent:
                self._unsent = self._unsent[connected.send(self._unsent) :]
        except BlockingIOError:
            pass
        except OSError:  # the other end is gone: receiving shows that, after its last bytes
            self._unsent = b""

    def proceed(self, now_ns: int) -> None:
        """Send the rest of the request, receive, and have the received bytes handled."""
        connected = self._socket
        if connected is None:
            return
        if self._unsent:
            self._send(connected)
        try:
            data = connected.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self.stream = b""
            self.reply.lose(f"the connection broke: {error.strerror}")
        else:
            self.stream = self.reply.feed(data)
        self.handler(self, now_ns)

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket, self.descriptor = None, -1
