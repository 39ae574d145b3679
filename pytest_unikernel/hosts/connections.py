"""The settings of all connections of a cluster, and which of them are refused. Pure."""

from __future__ import annotations

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
