"""Clusters of dask.distributed: how one is started, reached and left."""

from __future__ import annotations

import contextlib
import logging
import re
import sys
import warnings
from collections.abc import Iterator
from typing import Any

from pytest_unikernel.errors import LoadError
from pytest_unikernel.hosts.connections import (
    CONNECT_S,
    IDLE_SETTINGS,
    check_certificates,
    refuse_open,
    why_unconnected,
)
from pytest_unikernel.hosts.ssh_errors import Python

try:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a test's filters are not meant for it
        import dask
        from distributed import Client, LocalCluster
        from distributed.security import Security
except ImportError as error:
    raise LoadError(
        f"--sweep-hosts needs dask.distributed and cloudpickle ({error}); "
        "run pip install 'pytest-unikernel[hosts]'"
    ) from error

LOOPBACK = "127.0.0.1"
OF_PYTEST = (
    "DASK_DISTRIBUTED__COMM__TLS__CA_FILE, DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT and "
    "DASK_DISTRIBUTED__COMM__TLS__CLIENT__KEY in the environment"
)


@contextlib.contextmanager
def connected(
    hosts: str, *, insecure: bool = False, python: str = "", option: str = "--sweep-hosts"
) -> Iterator[Any]:
    """Return a client of the cluster that an option names; end afterwards what was started for it.

    Args:
        hosts: the option's value.
        insecure: connections without encryption may leave this machine.
        python: the Python of workers that SSH starts; by default the one that runs here.
        option: names the hosts in errors; its others begin with it.

    Raises:
        LoadError: it can't be started or reached, or not in a secure way.
    """
    with contextlib.ExitStack() as undo:
        undo.enter_context(_unheard())
        undo.enter_context(dask.config.set(IDLE_SETTINGS))
        try:
            if hosts.startswith("local:"):
                there: Any = undo.enter_context(_local_cluster(int(hosts.removeprefix("local:"))))
                how: dict[str, Any] = {}
            elif hosts.startswith("ssh:"):
                from pytest_unikernel.hosts.ssh import ssh_cluster  # noqa: PLC0415 - asyncssh for it only

                remote = Python(python or sys.executable, f"{option}-python")
                names = hosts.removeprefix("ssh:").split(",")
                there, how = undo.enter_context(ssh_cluster(names, remote))
            else:
                refuse_open(hosts, insecure=insecure, cure=f"{option}-insecure")
                security = Security()  # type: ignore[no-untyped-call]
                check_certificates(hosts, security, "client", OF_PYTEST)
                there, how = hosts, {"security": security, "timeout": CONNECT_S}
            client = undo.enter_context(Client(there, set_as_default=False, **how))  # type: ignore[no-untyped-call]
        except (OSError, RuntimeError, TimeoutError, TypeError) as error:
            raise LoadError(f"{option}={hosts}: {why_unconnected(hosts, error)}") from error
        yield client


def _local_cluster(count: int) -> LocalCluster:
    return LocalCluster(  # type: ignore[no-untyped-call]
        n_workers=count,
        threads_per_worker=1,
        processes=True,
        host=LOOPBACK,
        # Whoever reaches a scheduler can run code: other users of this machine lack the key of this run.
        security=Security.temporary(),  # type: ignore[no-untyped-call]
        memory_limit=0,
        dashboard_address=None,
        scheduler_kwargs={"dashboard_address": f"{LOOPBACK}:0"},  # 8787 may be taken, and dask would say so
        silence_logs=logging.CRITICAL,
    )


def workers(client: Any) -> list[tuple[str, str]]:
    """Return the addresses and the names of a cluster's workers, in the order of the names."""
    found = client.scheduler_info(n_workers=-1)["workers"]
    named = [(address, str(about["name"])) for address, about in found.items()]
    return sorted(named, key=lambda each: _in_order(each[1]))


def _in_order(name: str) -> list[tuple[str, int]]:
    """Return the key by which a-2 comes before a-10."""
    return [(text, int(digits or 0)) for text, digits in re.findall(r"([^0-9]*)([0-9]*)", name)]


@contextlib.contextmanager
def _unheard() -> Iterator[None]:
    """Keep dask's own messages to itself: a host that is lost is reported by us, with its name."""
    loggers = [logging.getLogger(name) for name in ("distributed", "tornado", "asyncio", "asyncssh")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
