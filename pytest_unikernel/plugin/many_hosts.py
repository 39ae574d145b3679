"""``--sweep-hosts``: the hosts of a run, and what is said of them before its first load."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from pytest_unikernel.errors import LoadError
from pytest_unikernel.plugin import options
from pytest_unikernel.plugin.usage_error import SweepUsageError

if TYPE_CHECKING:
    from pytest_unikernel.run.run import Hosts


def check(config: pytest.Config) -> None:
    """Check that the packages which ``--sweep-hosts`` needs are installed; nothing of them is imported.

    Raises:
        SweepUsageError: one is missing.
    """
    hosts = options.settings(config).hosts
    missing = [name for name in ("distributed", "cloudpickle") if hosts and find_spec(name) is None]
    if missing:
        raise SweepUsageError(
            f"--sweep-hosts={hosts} needs {' and '.join(missing)}; run pip install 'pytest-unikernel[hosts]'"
        )


def of(config: pytest.Config) -> Hosts | None:
    """Return the hosts of ``--sweep-hosts``; without it nothing of dask is imported."""
    settings = options.settings(config)
    if not settings.hosts:
        return None
    try:
        from pytest_unikernel.hosts.fleet import Fleet  # noqa: PLC0415 - runs on several hosts only
    except LoadError as error:
        pytest.fail(str(error), pytrace=False)
    return Fleet(
        settings.hosts,
        go_on=settings.hosts_lost == "go-on",
        insecure=settings.hosts_insecure,
        python=settings.hosts_python,
    )


def warn(config: pytest.Config, say: Callable[[pytest.Config, str], None]) -> None:
    """Warn of connections to hosts that others can read and use."""
    settings = options.settings(config)
    if not settings.hosts_insecure or hasattr(config, "workerinput"):
        return
    from pytest_unikernel.hosts.connections import open_warning  # noqa: PLC0415 - runs on several hosts only
    from pytest_unikernel.text.grid import wrapped  # noqa: PLC0415 - as above

    for line in wrapped(open_warning(settings.hosts), ""):
        say(config, line)
