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


def refuse_open(address: str, *, insecure: bool, cure: str) -> None:
    """Refuse a connection without encryption that leaves this machine, unless it is asked for.

    Raises:
        LoadError: it is refused.
    """
    host = address.partition("://")[2].rpartition(":")[0]
    if address.startswith("tls://") or insecure or host in {"localhost", "::1"} or host.startswith("127."):
        return
    raise LoadError(
        f"{address} is without encryption, and whoever reaches a dask scheduler can run code on its hosts; "
        f"take tls://, or {cure} in a network that you trust"
    )
