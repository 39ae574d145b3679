"""HTTP as the engine speaks it, without a socket: a request as bytes, and its reply parsed as it comes."""

from __future__ import annotations

from typing import NamedTuple

import h11

MAX_BODY_BYTES = 1 << 20  # an engine's answers to our requests have less than a kilobyte
SWITCHING_PROTOCOLS = 101


class Request(NamedTuple):
    """A request to the engine.

    Attributes:
        upgrade: whether the connection shall become a raw stream. Source: the API's ContainerAttach.
    """

    method: str
    path: str
    body: bytes = b""
    upgrade: bool = False

    def __str__(self) -> str:
        return f"{self.method} {self.path.partition('?')[0]}"


def begin(request: Request) -> tuple[bytes, Reply]:
    """Return a request's bytes, and the parser of its reply."""
    connection = h11.Connection(h11.CLIENT)
    headers = [("Host", "docker"), ("Content-Length", str(len(request.body)))]
    if request.body:
        headers.append(("Content-Type", "application/json"))
    if request.upgrade:
        headers += [("Connection", "Upgrade"), ("Upgrade", "tcp")]
    head = connection.send(h11.Request(method=request.method, target=request.path, headers=headers))
    body = connection.send(h11.Data(data=request.body)) if request.body else b""
    end = connection.send(h11.EndOfMessage())
    return b"".join(filter(None, (head, body, end))), Reply(request, connection)


class Reply:
    """A reply so far.

    Attributes:
        status: 0 until the headers have come.
        body: as much of it as has come.
        is_complete: the whole reply has come.
        is_upgraded: the connection is a raw stream now.
        problem: why the reply, or the stream, won't go on; empty while it may.
    """

    __slots__ = ("_connection", "_request", "body", "is_complete", "is_upgraded", "problem", "status")

    def __init__(self, request: Request, connection: h11.Connection) -> None:
        self._request = request
        self._connection = connection
        self.status = 0
        self.body = b""
        self.is_complete = self.is_upgraded = False
        self.problem = ""

    def feed(self, data: bytes) -> bytes:
        """Take received bytes, none at the end; return the bytes that belong to a raw stream."""
        if self.is_upgraded:
            if not data:
                self.lose("the engine closed the connection")
            return data
        try:
            self._connection.receive_data(data)
            return self._parse(closed=not data)
        except h11.RemoteProtocolError as error:
            self.lose("the engine closed the connection" if not data else f"no HTTP: {error}")
            return b""

    def lose(self, why: str) -> None:
        """Note that nothing more comes."""
        if not self.is_complete:
            self.problem = self.problem or f"{self._request}: {why}"

    def _parse(self, *, closed: bool) -> bytes:
        while not (self.is_complete or self.problem):
            event = self._connection.next_event()
            if event is h11.NEED_DATA or isinstance(event, h11.ConnectionClosed):
                if closed:
                    self.lose("the engine closed the connection")
                break
            if isinstance(event, h11.InformationalResponse) and event.status_code == SWITCHING_PROTOCOLS:
                self.status, self.is_upgraded = SWITCHING_PROTOCOLS, True
                return self._connection.trailing_data[0]
            self._take(event)
        return b""

    def _take(self, event: object) -> None:
        if isinstance(event, h11.Response):
            self.status = event.status_code
        elif isinstance(event, h11.Data):
            self.body += event.data
            if len(self.body) > MAX_BODY_BYTES:
                self.lose(f"more than {MAX_BODY_BYTES} bytes")
        elif isinstance(event, h11.EndOfMessage):
            self.is_complete = True
