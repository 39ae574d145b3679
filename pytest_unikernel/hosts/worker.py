"""A worker that waits, quietly, for sweeps of a pytest elsewhere: ``pytest-unikernel worker``."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import dask
from distributed import Worker
from distributed.security import Security

from pytest_unikernel.errors import LoadError
from pytest_unikernel.hosts.connections import (
    CONNECT_S,
    IDLE_SETTINGS,
    check_certificates,
    refuse_open,
    why_unconnected,
)

OF_WORKER = "--tls-ca-file, --tls-cert and --tls-key"


class Certificates(NamedTuple):
    """The files that TLS needs; those that are not named come from dask's own configuration."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def security(self) -> Security:
        """Return what dask makes connections with."""
        named = {"tls_ca_file": self.ca, "tls_worker_cert": self.certificate, "tls_worker_key": self.key}
        return Security(**{key: str(path) for key, path in named.items() if path})  # type: ignore[no-untyped-call]


def serve(
    scheduler: str,
    security: Security,
    *,
    name: str | None = None,
    insecure: bool = False,
    ready: Callable[[str], None] = lambda _: None,
    until: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """Work for a scheduler until it ends, or this process is interrupted.

    Args:
        scheduler: its address, tls://HOST:PORT or tcp://HOST:PORT.
        security: for TLS.
        name: the host's name in runs; its host name by default.
        insecure: connections without encryption may leave this machine.
        ready: is given the name when sweeps can come.
        until: returns when the work is to end before the scheduler does.

    Raises:
        LoadError: there is no scheduler, or the connection would be open to others.
    """
    refuse_open(scheduler, insecure=insecure, cure="--insecure")
    check_certificates(scheduler, security, "worker", OF_WORKER)
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    with dask.config.set(IDLE_SETTINGS), contextlib.suppress(asyncio.CancelledError):
        asyncio.run(_serve(scheduler, security, name or socket.gethostname(), ready, until))


async def _serve(
    scheduler: str,
    security: Security,
    name: str,
    ready: Callable[[str], None],
    until: Callable[[], Awaitable[None]] | None,
) -> None:
    how: dict[str, Any] = {"security": security, "death_timeout": CONNECT_S}
    try:
        worker = await Worker(scheduler, name=name, nthreads=1, memory_limit=0, dashboard=False, **how)
    except (OSError, TimeoutError, asyncio.TimeoutError, RuntimeError, ValueError, TypeError) as error:
        raise LoadError(f"{scheduler}: {why_unconnected(scheduler, error)}") from error
    ready(name)
    ends = [asyncio.ensure_future(worker.finished())]
    if until is not None:
        ends.append(asyncio.ensure_future(until()))
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    await worker.close()
    for each in ends:
        each.cancel()
    await asyncio.gather(*ends, return_exceptions=True)
