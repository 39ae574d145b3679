"""Clusters of dask.distributed: how one is started and left. The only module that knows it."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator
from typing import Any

from pytest_unikernel.errors import LoadError

try:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a test's filters are not meant for it
        import dask
        from distributed import Client, LocalCluster
except ImportError as error:
    raise LoadError(
        f"--sweep-hosts needs dask.distributed and cloudpickle ({error}); "
        "run pip install 'pytest-unikernel[hosts]'"
    ) from error

LOOPBACK = "127.0.0.1"
# An idle worker with these takes 0.2 % of a CPU, one with dask's defaults 3 %: measured.
IDLE_SETTINGS = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.system-monitor.interval": "60s",
    "distributed.admin.tick.interval": "10s",
    "distributed.admin.tick.limit": "60s",
    "distributed.admin.tick.cycle": "60s",
    "distributed.worker.memory.monitor-interval": "60s",
}


@contextlib.contextmanager
def connected(hosts: str) -> Iterator[Any]:
    """Return a client of the cluster that an option names; end afterwards what was started for it.

    Raises:
        LoadError: it can't be started.
    """
    count = int(hosts.removeprefix("local:"))
    with contextlib.ExitStack() as undo:
        undo.enter_context(_unheard())
        undo.enter_context(dask.config.set(IDLE_SETTINGS))
        try:
            cluster = undo.enter_context(
                LocalCluster(  # type: ignore[no-untyped-call]
                    n_workers=count,
                    threads_per_worker=1,
                    processes=True,
                    host=LOOPBACK,
                    memory_limit=0,
                    dashboard_address=None,
                    silence_logs=logging.CRITICAL,
                )
            )
            client = undo.enter_context(Client(cluster, set_as_default=False))  # type: ignore[no-untyped-call]
        except (OSError, RuntimeError, TimeoutError) as error:
            raise LoadError(f"--sweep-hosts={hosts}: the workers could not be started: {error}") from error
        yield client


def workers(client: Any) -> list[str]:
    """Return the addresses of a cluster's workers."""
    return sorted(client.scheduler_info(n_workers=-1)["workers"])


@contextlib.contextmanager
def _unheard() -> Iterator[None]:
    """Keep dask's own messages to itself: a host that is lost is reported by us, with its name."""
    loggers = [logging.getLogger(name) for name in ("distributed", "tornado", "asyncio")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
