"""Instances of a target: unique ids, private directories, filled-in argv and environment."""

from __future__ import annotations

import itertools
import os
import shutil
import socket
from collections.abc import Iterable
from pathlib import Path

from pytest_unikernel.launch.process.addresses import Address, addresses_of
from pytest_unikernel.launch.process.directories import Directories
from pytest_unikernel.launch.process.posix_spawn import Strings, strings
from pytest_unikernel.plan.readiness import Port
from pytest_unikernel.plan.target import Target
from pytest_unikernel.plan.target_fields import Instance

LOOPBACK = "127.0.0.1"
OWN_VARIABLES = 2  # UNIKERNEL_ID and UNIKERNEL_DIR, at the front of the environment
_counter = itertools.count(1)


def command_line(target: Target) -> tuple[str, ...]:
    """Return the argv with its program found on the instance's PATH.

    A program that isn't found stays as it is, for the kernel to refuse.
    """
    program = shutil.which(target.argv[0], path=target.env.get("PATH")) or target.argv[0]
    return (program, *target.argv[1:])


class Instances:
    """Makes the instances of one load."""

    def __init__(self, target: Target, directory: Path, session: str, events: str) -> None:
        self._prefix = id_prefix(session)
        self._directories = Directories(directory)
        self._session = session
        self._events = events
        argv = command_line(target)
        self._argv = strings(list(map(os.fsencode, argv)))
        self._argv_fills = [(place, part) for place, part in enumerate(argv) if "{" in part]
        self._fills = {key: value for key, value in target.env.items() if "{" in value}
        self._own_port = _needs_port(target)
        if self._own_port:
            self._fills["UNIKERNEL_PORT"] = "{port}"
        self._ports: set[str] = set()
        self._addresses = _local_addresses(target) if self._own_port else []
        self._environment = _base(target, self._fills, session, events)

    def make(self) -> Instance:
        """Return the next instance; its directory exists and is empty, mode 0700."""
        number = next(_counter)
        name = f"{self._prefix}{number}"
        directory = self._directories.take()
        port = self._take_port() if self._own_port else ""
        return Instance(name, directory, self._session, self._events, port, number)

    def _take_port(self) -> str:
        """Return a free port that no other instance has been given and may be about to listen on."""
        port = free_port(self._addresses[0])
        while str(port) in self._ports or not self._are_free(port):
            port = free_port(self._addresses[0])
        self._ports.add(str(port))
        return str(port)

    def _are_free(self, port: int) -> bool:
        return all(address.is_free(port) for address in self._addresses)

    def is_usable(self, instance: Instance) -> bool:
        """Whether nobody else has taken the instance's port since it was made."""
        return not instance.port or self._are_free(int(instance.port))

    def discard(self, instance: Instance) -> None:
        """Take an instance's directory back, with whatever is in it."""
        self._ports.discard(instance.port)
        self._directories.give_back(instance.dir)

    def argv(self, instance: Instance) -> Strings:
        """Return the instance's argv: one array, used again for the next instance."""
        argv = self._argv
        for place, part in self._argv_fills:
            argv[place] = os.fsencode(instance.fill(part))
        return argv

    def environment(self, instance: Instance) -> Strings:
        """Return the instance's environment: one array, used again for the next instance."""
        environment = self._environment
        environment[0] = b"UNIKERNEL_ID=" + instance.id.encode()
        environment[1] = b"UNIKERNEL_DIR=" + instance.dir.encode()
        for place, (key, value) in enumerate(self._fills.items(), OWN_VARIABLES):
            environment[place] = os.fsencode(f"{key}={instance.fill(value)}")
        return environment


def bare_instance(session: str) -> Instance:
    """Return the next instance, of a kind that has no use for files of ours."""
    number = next(_counter)
    return Instance(f"{id_prefix(session)}{number}", "", session, "", number=number)


def id_prefix(session: str) -> str:
    """Return the prefix of the ids of a session's instances; their numbers follow."""
    return f"u{session[:8]}-"


def free_port(address: Address) -> int:
    """Return a TCP port of the address that is free at the moment."""
    with socket.socket(address.family) as probe:
        probe.bind(address.at(0))
        return int(probe.getsockname()[1])


def _local_addresses(target: Target) -> list[Address]:
    """Return the addresses of this host that instances' ports have to be free at."""
    hosts = [target.ready.host] if isinstance(target.ready, Port) else []
    found = [address for host in (*hosts, LOOPBACK) for address in addresses_of(host) if address.is_local]
    return list(dict.fromkeys(found))


def _needs_port(target: Target) -> bool:
    own = isinstance(target.ready, Port) and target.ready.number is None
    return own or any("{port}" in text for text in (*target.argv, *target.env.values()))


def _base(target: Target, fills: Iterable[str], session: str, events: str) -> Strings:
    """Return the environment, with the places first that differ from instance to instance."""
    merged = {**os.environ, **target.env}
    merged |= {"UNIKERNEL_SESSION": session, "UNIKERNEL_EVENTS": events}
    for key in (*fills, "UNIKERNEL_ID", "UNIKERNEL_DIR"):
        merged.pop(key, None)
    places = [b""] * (OWN_VARIABLES + len(list(fills)))
    return strings([*places, *(os.fsencode(f"{key}={value}") for key, value in merged.items())])
