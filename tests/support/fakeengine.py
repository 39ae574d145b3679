"""A scripted engine for tests: the part of Docker's API that launches use, on a unix socket."""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
import socketserver
import struct
import threading
from dataclasses import dataclass, field
from pathlib import Path

from pytest_unikernel.launch.docker_api.supervisor import ApiSupervisor
from pytest_unikernel.launch.runtime import Runtime
from pytest_unikernel.plan.target import Target
from pytest_unikernel.plan.target_fields import Instance

PATIENCE_S = 120.0  # longer than any test waits: a hanging request must not end by itself
MOMENT_S = 0.05
KILLED = 137
JSON = "Content-Type: application/json\r\n"


@dataclass(frozen=True)
class Script:
    """The behaviour of every container.

    Attributes:
        status: the exit status; None: the container does not exit by itself.
        output: the output.
        lingers_s: the time from the output to the exit.
        errors: request -> status and message of a refusal.
        silent: requests that are never answered.
        drops: requests whose connection is closed instead of an answer.
        wait_answer: the answer of ``wait`` instead of an exit status.
        piece: the number of bytes sent at once.
        never_ends_output: the output does not end at the exit.
        exits_before_answer: the end of the output, the exit and the answer to the start are sent in this
            order, shortly after each other.
    """

    status: int | None = 0
    output: bytes = b""
    lingers_s: float = 0.0
    errors: dict[str, tuple[int, str]] = field(default_factory=dict)
    silent: frozenset[str] = frozenset()
    drops: frozenset[str] = frozenset()
    wait_answer: bytes | None = None
    piece: int = 1 << 16
    never_ends_output: bool = False
    exits_before_answer: bool = False


class Container:
    """A container of the engine."""

    def __init__(self, name: str, body: dict[str, object]) -> None:
        self.name = name
        self.body = body
        self.status = 0
        self.is_started, self.is_killed, self.has_exited = (threading.Event() for _ in range(3))


class FakeEngine(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """An engine with a thread per connection; closing it closes every connection.

    Attributes:
        containers: the existing containers, by id.
        asked: all requests in their order, as ``create``, ``attach`` …
    """

    daemon_threads = False
    block_on_close = True
    request_queue_size = 512

    def __init__(self, path: Path, script: Script) -> None:
        self.path = str(path)
        self.script = script
        self.containers: dict[str, Container] = {}
        self.asked: list[str] = []
        self.is_over = threading.Event()
        self._open: set[socket.socket] = set()
        self._ids = itertools.count(1)
        super().__init__(self.path, Answering)
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def add(self, name: str, body: dict[str, object]) -> str:
        """Create a container and return its id."""
        identity = f"{next(self._ids):064x}"
        self.containers[identity] = Container(name, body)
        return identity

    def process_request(self, request: object, client_address: object) -> None:
        """Keep the connection, so that ``die`` can close it."""
        assert isinstance(request, socket.socket)
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: object) -> None:
        """Forget the connection."""
        assert isinstance(request, socket.socket)
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore errors of closed connections."""

    def die(self) -> None:
        """Close the socket and every connection, as the kernel does for a killed process."""
        if self.is_over.is_set():
            return
        self.is_over.set()
        self.shutdown()
        self._thread.join()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for container in list(self.containers.values()):
            for event in (container.is_killed, container.is_started, container.has_exited):
                event.set()
        self.server_close()


class Answering(socketserver.StreamRequestHandler):
    """A request and its answer."""

    server: FakeEngine

    def handle(self) -> None:
        """Answer the request as the script defines."""
        method, path, _ = self.rfile.readline().decode().split()
        length = 0
        for line in iter(self.rfile.readline, b"\r\n"):
            name, _, value = line.decode().partition(":")
            if name.lower() == "content-length":
                length = int(value)
        body = self.rfile.read(length)
        what = "delete" if method == "DELETE" else path.partition("?")[0].rpartition("/")[2]
        self.server.asked.append(what)
        script = self.server.script
        if what in script.drops:
            return
        if what in script.silent:
            self.server.is_over.wait(PATIENCE_S)
        elif what in script.errors:
            status, message = script.errors[what]
            if what == "start" and script.exits_before_answer:
                self._exit_early(self._container(path))
            self._answer(status, json.dumps({"message": message}).encode())
        else:
            getattr(self, f"_{what}")(path, body)

    def _send(self, data: bytes) -> None:
        for at in range(0, len(data), self.server.script.piece):
            self.wfile.write(data[at : at + self.server.script.piece])

    def _answer(self, status: int, body: bytes = b"") -> None:
        length = f"Content-Length: {len(body)}\r\n{JSON}" if body else ""
        self._send(f"HTTP/1.1 {status} Whatever\r\n{length}\r\n".encode() + body)

    def _container(self, path: str) -> Container:
        return self.server.containers[path.partition("?")[0].split("/")[2]]

    def _create(self, path: str, body: bytes) -> None:
        identity = self.server.add(path.partition("name=")[2], json.loads(body))
        self._answer(201, json.dumps({"Id": identity, "Warnings": []}).encode())

    def _attach(self, path: str, _body: bytes) -> None:
        container, script = self._container(path), self.server.script
        self._send(b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
        if not container.is_started.wait(PATIENCE_S):
            return
        if script.output:
            self._send(struct.pack(">BxxxI", 1, len(script.output)) + script.output)
        if not script.exits_before_answer:
            (self.server.is_over if script.never_ends_output else container.has_exited).wait(PATIENCE_S)

    def _wait(self, path: str, _body: bytes) -> None:
        container, script = self._container(path), self.server.script
        self._send(f"HTTP/1.1 200 OK\r\n{JSON}Transfer-Encoding: chunked\r\n\r\n".encode())
        if container.has_exited.wait(PATIENCE_S) and not self.server.is_over.is_set():
            answer = (
                script.wait_answer or json.dumps({"Error": None, "StatusCode": container.status}).encode()
            )
            self._send(b"%x\r\n%s\r\n0\r\n\r\n" % (len(answer), answer))

    def _start(self, path: str, _body: bytes) -> None:
        container, script = self._container(path), self.server.script
        container.is_started.set()
        if script.exits_before_answer:
            self._exit_early(container)
        self._answer(204)
        lasts_s = PATIENCE_S if script.status is None else script.lingers_s
        is_killed = container.is_killed.wait(lasts_s)
        container.status = KILLED if is_killed or script.status is None else script.status
        container.has_exited.set()

    def _exit_early(self, container: Container) -> None:
        container.is_started.set()
        self.server.is_over.wait(MOMENT_S)
        container.status = self.server.script.status or 0
        container.has_exited.set()
        self.server.is_over.wait(MOMENT_S)

    def _delete(self, path: str, _body: bytes) -> None:
        container = self.server.containers.pop(path.partition("?")[0].split("/")[2], None)
        if container is None:
            self._answer(404, b'{"message":"No such container"}')
            return
        container.is_killed.set()
        if container.is_started.is_set():
            container.has_exited.wait(PATIENCE_S)
        container.is_started.set()
        container.has_exited.set()
        self._answer(204)


def describe(instance: Instance) -> dict[str, object]:
    """Return the body that creates a container; the script ignores it."""
    return {"Image": "some", "Labels": {"session": instance.session}}


def api_supervisor(target: Target, runtime: Runtime, timeout_s: float, path: str | Path) -> ApiSupervisor:
    """Return a supervisor that asks the engine at the path."""
    return ApiSupervisor(target, runtime, timeout_s, socket_path=str(path), describe=describe)
