"""The settings of all connections of a cluster, which of them are refused, and why others fail."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from distributed.security import Security

from pytest_unikernel.errors import LoadError

CONNECT_S = 10
# An idle worker with these takes 0.2 % of a CPU, one with dask's defaults 3 %: measured.
IDLE_SETTINGS = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.system-monitor.interval": "60s",
    "distributed.admin.tick.interval": "10s",
    "distributed.admin.tick.limit": "60s",
    "distributed.admin.tick.cycle": "60s",
    "distributed.worker.memory.monitor-interval": "60s",
    "distributed.worker.http.routes": [],  # nothing is served without encryption
    "distributed.scheduler.http.routes": [],
}


def is_open(address: str) -> bool:
    """Return whether connections to a scheduler go beyond this machine without encryption."""
    scheme, _, rest = address.partition("://")
    host = rest.rpartition(":")[0]
    is_ours = host in {"localhost", "::1", "[::1]"} or host.startswith("127.")
    return bool(rest) and scheme != "tls" and not is_ours


def refuse_open(address: str, *, insecure: bool, cure: str) -> None:
    """Refuse a connection without encryption that leaves this machine, unless it is asked for.

    Raises:
        LoadError: it is refused.
    """
    if not insecure and is_open(address):
        raise LoadError(
            f"{address} is without encryption, and whoever reaches a dask scheduler can run code on its "
            f"hosts; take tls://, or {cure} in a network that you trust"
        )


def open_warning(address: str) -> str:
    """Return a warning about connections that are open to others; empty if they aren't."""
    if not is_open(address):
        return ""
    return (
        f"WARNING: {address} is without encryption: whoever reaches the scheduler can run code as its "
        "workers' users, and read and change results; tls:// prevents it"
    )


def check_certificates(address: str, security: Security, role: str, where: str) -> None:
    """Check that the files for an encrypted connection are named and can be used.

    Args:
        address: of the scheduler.
        security: has the files of the role, client or worker.
        role: who connects.
        where: the names by which the user gives the files: certificate of the authority, own one, its key.

    Raises:
        LoadError: they can't.
    """
    if not address.startswith("tls://"):
        return
    files = security.get_tls_config_for_role(role)  # type: ignore[no-untyped-call]
    named = [files.get(name) for name in ("ca_file", "cert", "key")]
    if not all(named):
        raise LoadError(f"{address} needs certificates; name their files by {where}")
    missing = [file for file in named if "\n" not in str(file) and not Path(str(file)).is_file()]
    if missing:
        raise LoadError(f"{address}: expected a file at {missing[0]!r}, named by {where}, found none")
    try:
        security.get_connection_args(role)  # type: ignore[no-untyped-call]
    except OSError as error:
        raise LoadError(f"{address}: {named} can't be used for TLS ({error}); check {where}") from error


def why_unconnected(address: str, error: BaseException) -> str:
    """Return why there is no connection to a scheduler, and what cures it."""
    tls = address.startswith("tls://")
    causes = "; ".join(dict.fromkeys(map(str, _chain(error))))
    if "certificate" in causes.lower():
        return "the certificates of both ends are not of one authority; make them with the same ca.pem"
    if isinstance(error, TimeoutError) or "timed out" in causes.lower():
        whose = " with a certificate of the same authority" if tls else ""
        return f"no scheduler{whose} has answered within {CONNECT_S} s; start one there: dask scheduler"
    other = "tcp://" if tls else "tls://"
    return (
        f"no connection ({causes or repr(error)}); check the address, and whether its scheduler is at {other}"
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
