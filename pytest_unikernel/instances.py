"""Instances of a target: unique ids, private directories, filled-in argv and environment."""

from __future__ import annotations

import itertools
import os
import shutil
import socket
from collections.abc import Mapping
from pathlib import Path

from pytest_unikernel.directories import Directories
from pytest_unikernel.readiness import Port
from pytest_unikernel.target import Instance, Target

Environment = dict[bytes, bytes]
_counter = itertools.count(1)


def command_line(target: Target) -> tuple[str, ...]:
    """Return the argv with its program found on PATH, and the working directory entered first.

    posix_spawn has no working directory, so ``cwd`` costs one more exec: ``env --chdir``
    (GNU coreutils >= 8.28). A program that isn't found stays as it is, for the kernel to refuse.
    """
    argv = target.argv if target.cwd is None else ("env", f"--chdir={target.cwd}", *target.argv)
    program = shutil.which(argv[0], path=target.env.get("PATH")) or argv[0]
    return (program, *argv[1:])


class Instances:
    """Makes the instances of one load."""

    def __init__(self, target: Target, directory: Path, session: str, events: str) -> None:
        self._prefix = f"u{session[:8]}-"
        self._directories = Directories(directory)
        self._session = session
        self._events = events
        self._argv = command_line(target)
        self._fixed_argv = (
            None if any("{" in part for part in self._argv) else list(map(os.fsencode, self._argv))
        )
        self._fills = {key: value for key, value in target.env.items() if "{" in value}
        self._own_port = _needs_port(target)
        self._ports: set[str] = set()
        self._environment = _base(target.env, session, events)

    def make(self) -> Instance:
        """Return the next instance; its directory exists and is empty, mode 0700."""
        name = f"{self._prefix}{next(_counter)}"
        directory = self._directories.take()
        port = self._take_port() if self._own_port else ""
        return Instance(name, directory, self._session, self._events, port)

    def _take_port(self) -> str:
        """Return a free port that no other instance has been given and may be about to listen on."""
        port = str(free_port())
        while port in self._ports:
            port = str(free_port())
        self._ports.add(port)
        return port

    def discard(self, instance: Instance) -> None:
        """Take an instance's directory back, with whatever is in it."""
        self._ports.discard(instance.port)
        self._directories.give_back(instance.dir)

    def argv(self, instance: Instance) -> list[bytes]:
        """Return the instance's argv."""
        if self._fixed_argv is not None:
            return self._fixed_argv
        return [os.fsencode(instance.fill(part)) for part in self._argv]

    def environment(self, instance: Instance) -> Environment:
        """Return the instance's environment."""
        environment = self._environment.copy()
        environment[b"UNIKERNEL_ID"] = instance.id.encode()
        environment[b"UNIKERNEL_DIR"] = instance.dir.encode()
        if instance.port:
            environment[b"UNIKERNEL_PORT"] = instance.port.encode()
        for key, value in self._fills.items():
            environment[os.fsencode(key)] = os.fsencode(instance.fill(value))
        return environment


def free_port() -> int:
    """Return a TCP port of the loopback interface that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _needs_port(target: Target) -> bool:
    own = isinstance(target.ready, Port) and target.ready.number is None
    return own or any("{port}" in text for text in (*target.argv, *target.env.values()))


def _base(env: Mapping[str, str], session: str, events: str) -> Environment:
    merged = {**os.environ, **env}
    merged |= {"UNIKERNEL_SESSION": session, "UNIKERNEL_EVENTS": events}
    return {os.fsencode(key): os.fsencode(value) for key, value in merged.items()}
