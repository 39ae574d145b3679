"""Faults of processes, ``linux_process``."""

from __future__ import annotations

import contextlib
import errno
import itertools
import re
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from faults import COMPLETED, Fault

from pytest_unikernel.host import wall_clock
from pytest_unikernel.plan.readiness import Event, Http, Line, Port
from pytest_unikernel.plan.stamps import Stamps
from pytest_unikernel.plan.target import Target
from pytest_unikernel.targets.linux_process import LINUX_PROCESS

TARGET = "linux_process"
UP: dict[str, Any] = {"ready": Line("up")}
HOUR_NS = 3600 * 10**9
AARCH64 = 183  # e_machine
SERVER = """
import http.server, os, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if sys.argv[1] == "silent":
            time.sleep(600)
        self.send_error(int(sys.argv[1]))
    def log_message(self, *words): pass
http.server.HTTPServer(("127.0.0.1", int(os.environ["UNIKERNEL_PORT"])), Handler).serve_forever()
"""


def process(kind: str, line: str, expected: str, words: str = "", **more: Any) -> Fault:
    """Return the fault of a line of the shell; fields of the target are in ``fields``."""
    fields = more.pop("fields", {})
    return Fault(kind, TARGET, lambda _: LINUX_PROCESS(line, **fields), expected, words, **more)


def program(kind: str, make: Any, number: int) -> Fault:
    """Return the fault of a file that can't be started."""

    def made(place: Path) -> Target:
        path = place / "program"
        make(path)
        return LINUX_PROCESS([str(path)])

    return Fault(kind, TARGET, made, "spawn-error", status=number)


def _text(content: bytes, mode: int = 0o755) -> Any:
    def write(path: Path) -> None:
        path.write_bytes(content)
        path.chmod(mode)

    return write


def _foreign_elf(path: Path) -> None:
    content = bytearray(Path(sys.executable).resolve().read_bytes()[:4096])
    content[18] = AARCH64
    _text(bytes(content))(path)


def _server(how: str) -> Any:
    ready = Http(path="/", interval_s=0.005)
    return lambda _: Target(TARGET, [sys.executable, "-IS", "-c", SERVER, how], ready=ready, long_lived=True)


PORT_FILE = "port"


@contextlib.contextmanager
def _wall_clock_steps(_: Path) -> Iterator[None]:
    """Set the wall clock forward by an hour, whenever it is read."""
    with mock.patch.object(wall_clock, "unix_ns", side_effect=itertools.count(0, HOUR_NS)):
        yield


def _stamped(program: str) -> Callable[[Path], Target]:
    return lambda _: LINUX_PROCESS("exit 0", stamps=Stamps([program], lambda _: None))


@contextlib.contextmanager
def _port_taken(place: Path) -> Iterator[None]:
    """Listen on a port, which is then written into a file."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        (place / PORT_FILE).write_text(str(holder.getsockname()[1]))
        yield


def _on_taken_port(place: Path) -> Target:
    number = int((place / PORT_FILE).read_text())
    code = f"import socket; s = socket.socket(); s.bind(('127.0.0.1', {number})); s.listen()"
    return Target(TARGET, [sys.executable, "-IS", "-c", code], ready=Port(number), long_lived=True)


ROWS = (
    process("exits with a status", "echo words; exit 3", "exit-code", "words", status=3),
    process("ends by a signal", "kill -SEGV $$", "signal", status=-signal.SIGSEGV),
    process("ends by SIGKILL, as of the OOM killer", "kill -KILL $$", "signal", status=-signal.SIGKILL),
    process("never exits", "echo waiting; exec sleep 1000", "timeout", "waiting", timeout_s=0.2),
    process("never ready", "echo down", "not-ready", "down", fields=UP),
    process("never ready and never exits", "echo down; exec sleep 1000", "timeout", fields=UP, timeout_s=0.2),
    process("ready, then dies", "echo up; exit 7", "exit-code", "up", status=7, fields=UP),
    process("ready, then never exits", "echo up; exec sleep 1000", "timeout", fields=UP, timeout_s=0.2),
    process("ready line twice", "echo up; echo up", COMPLETED, fields=UP),
    process("ready line in several writes", "printf u; sleep 0.02; printf 'p\\n'", COMPLETED, fields=UP),
    process("ready line without its end", "printf up", COMPLETED, fields={"ready": Line(re.compile("^up$"))}),
    process("binary output", "printf '\\377\\000\\n\\376up\\r\\n'", COMPLETED, fields=UP),
    process(
        "100 MB of output", "head -c 100M /dev/zero; echo; echo last; exit 3", "exit-code", "last", status=3
    ),
    process("stdout closed", "exec >&- 2>&-; exit 3", "exit-code", status=3),
    process("a child outlives its parent", "sleep 1000 & exit 0", COMPLETED),
    process("double fork", "setsid sh -c 'setsid sleep 1000 & exit 0' & wait", COMPLETED),
    process("a child goes on printing", "sh -c 'while :; do echo on; done' & sleep 0.02", COMPLETED),
    process("stops itself", "kill -STOP $$", "timeout", timeout_s=0.2),
    process(
        "ignores SIGTERM",
        "trap '' TERM; echo up; while :; do sleep 1000; done",
        COMPLETED,
        fields={**UP, "long_lived": True, "stop_grace_s": 0.05},
    ),
    process(
        "event of a stranger",
        'echo "u1-9 ready" > "$UNIKERNEL_EVENTS"',
        "not-ready",
        fields={"ready": Event("ready")},
    ),
    process("takes its events' FIFO away", 'rm -f "$UNIKERNEL_EVENTS"', COMPLETED),
    process("locks its directory", 'mkdir -p "$UNIKERNEL_DIR/a/b"; chmod 0 "$UNIKERNEL_DIR/a"', COMPLETED),
    process(
        "replaces its directory by a link", 'rmdir "$UNIKERNEL_DIR"; ln -s /usr "$UNIKERNEL_DIR"', COMPLETED
    ),
    process(
        "steering characters in the last words",
        "printf '\\033[31m\\000'; exit 3",
        "exit-code",
        "\x1b[31m",
        status=3,
    ),
    process("full disk", "echo x > /dev/full", "exit-code", "I/O error", status=1),
    process(
        "file size limit", "ulimit -f 1; exec head -c 1M /dev/zero > $UNIKERNEL_DIR/x", "signal", status=-25
    ),
    process("descriptor limit", "ulimit -n 3; exec cat /dev/null", "exit-code", "Error 24", status=127),
    process(
        "memory limit",
        f"ulimit -v 200000; exec {sys.executable} -ISc 'bytearray(10**9)'",
        "exit-code",
        "MemoryError",
        status=1,
    ),
    process("working directory that can't be written", ": > x", "exit-code", "x", fields={"cwd": "/proc"}),
    process(
        "working directory missing", "exit 0", "spawn-error", fields={"cwd": "/nowhere"}, status=errno.ENOENT
    ),
    process("HOME missing", "cd", "exit-code", "/nowhere", fields={"env": {"HOME": "/nowhere"}}),
    program("program missing", lambda _: None, errno.ENOENT),
    program("program is a directory", Path.mkdir, errno.EACCES),
    program("program not executable", _text(b"#!/bin/sh\n", 0o644), errno.EACCES),
    program("program without shebang", _text(b"echo\n"), errno.ENOEXEC),
    program("interpreter missing", _text(b"#!/nowhere/sh\n"), errno.ENOENT),
    program("program for another machine", _foreign_elf, errno.ENOEXEC),
    Fault(
        "arguments too long",
        TARGET,
        lambda _: LINUX_PROCESS(["/bin/true", "x" * 200_000]),
        "spawn-error",
        status=errno.E2BIG,
    ),
    Fault("wall clock steps", TARGET, _stamped("true"), COMPLETED, around=_wall_clock_steps),
    Fault(
        "program of its stamps missing", TARGET, _stamped("/nowhere/events"), "LoadError", "/nowhere/events"
    ),
    Fault("HTTP 500", TARGET, _server("500"), "timeout", timeout_s=0.7),
    Fault("HTTP without an answer", TARGET, _server("silent"), "timeout", timeout_s=0.7),
    Fault("port already used", TARGET, _on_taken_port, "LoadError", "answered already", around=_port_taken),
)
