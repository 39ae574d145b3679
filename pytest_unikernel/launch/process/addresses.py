"""The addresses of the host whose ports are tried; ports that are answered with nothing launched."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Sequence
from typing import Any, NamedTuple

from pytest_unikernel.errors import LoadError
from pytest_unikernel.plan.readiness import Http, Port

# For an answer of who was there before. A host on the same network answers within some milliseconds.
PATIENCE_S = 0.25


class Address(NamedTuple):
    """An address of a host; a name may have several, as ``localhost`` has one of each family."""

    family: socket.AddressFamily
    host: str
    more: tuple[Any, ...]  # of IPv6: flow information and scope

    def at(self, port: int) -> tuple[Any, ...]:
        """Return the address of a port, as a socket takes it."""
        return (self.host, port, *self.more)

    @property
    def is_local(self) -> bool:
        """Whether the address is one of this host's."""
        return self.is_free(0)

    def is_free(self, port: int, *, for_a_server: bool = False) -> bool:
        """Whether a program could listen on the port; one that reuses addresses, as servers do, if asked."""
        try:
            with socket.socket(self.family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, for_a_server)
                probe.bind(self.at(port))
        except OSError:
            return False
        return True


def addresses_of(host: str) -> list[Address]:
    """Return the host's addresses, once for all tries: a look-up may block.

    Raises:
        LoadError: the name is unknown.
    """
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise LoadError(f"ready: host {host!r} has no address ({why}); give its number") from error
    return list(dict.fromkeys(Address(family, str(at[0]), at[2:]) for family, _, _, _, at in found))


def connects(addresses: Sequence[Address], port: int) -> bool:
    """Whether a port of the host accepts a connection now."""
    for address in addresses:
        with contextlib.suppress(OSError), socket.socket(address.family, socket.SOCK_STREAM) as connection:
            connection.settimeout(PATIENCE_S)
            connection.connect(address.at(port))
            return bool(connection.getpeername() != connection.getsockname())
    return False


def refuse_if_ready(ready: Port, addresses: Sequence[Address]) -> None:
    """Refuse a port whose readiness would be another program's: it is answered with nothing launched.

    Raises:
        LoadError: it is answered in the way that means ready.
    """
    if ready.number is None or not connects(addresses, ready.number):
        return
    if isinstance(ready, Http) and _status(ready, ready.number) not in ready.statuses:
        return
    raise LoadError(
        f"ready: expected nobody at {ready} before the first launch, but it is answered already; end the "
        "program that listens there, or take another port (Port() has one of each instance's own)"
    )


def _status(ready: Http, port: int) -> int:
    """Return the status of an answer to the request; 0 without one."""
    import http.client  # noqa: PLC0415 - slow to import, and few targets are servers

    asked = http.client.HTTPConnection(ready.host, port, timeout=PATIENCE_S)
    try:
        asked.request("GET", ready.path)
        return asked.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        asked.close()
