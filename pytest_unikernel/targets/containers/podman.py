"""A Podman container: the same command line as Docker's, and no daemon."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime

from pytest_unikernel.clock import NS_PER_S
from pytest_unikernel.plan.stamps import Stamp
from pytest_unikernel.plan.target import Target
from pytest_unikernel.plan.target_fields import Unavailable
from pytest_unikernel.targets.containers import engine as engines
from pytest_unikernel.targets.containers.container import Container
from pytest_unikernel.targets.containers.docker import container_target
from pytest_unikernel.targets.containers.engine import Engine
from pytest_unikernel.targets.one_launch import launched_once

NAME = "podman_container"
SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin"  # where Podman looks as well
# Podman's words, and Docker's for the same.
# Error messages of its runtimes -> cures.
CURES = {
    "setrlimit": 'default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"] below [containers] in '
    "/etc/containers/containers.conf",
    "newuidmap": "apt-get install uidmap, and lines for the user in /etc/subuid and /etc/subgid",
}
_STARTED: set[tuple[str | None, str]] = set()  # programs and containers that have run
INSTANT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)")
EVENTS = {"create": "create", "start": "start", "died": "die", "remove": "destroy"}


def parse_event(line: bytes) -> Stamp | None:
    """Return the stamp of a line of ``podman events``, if it is one of a container's life."""
    try:
        event = json.loads(line)
        name, action = event["Name"], EVENTS[event["Status"]]
        return Stamp(name, action, unix_ns(event["Time"])) if isinstance(name, str) else None
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None


def unix_ns(text: str) -> int:
    """Return an instant of RFC 3339, with up to nine decimals of the second.

    Raises:
        ValueError: it is none.
    """
    found = INSTANT.fullmatch(text)
    if found is None:
        raise ValueError(f"expected an instant as in RFC 3339, got {text!r}")
    seconds, decimals, zone = found.groups()
    whole = datetime.fromisoformat(seconds + ("+00:00" if zone == "Z" else zone))
    return int(whole.timestamp()) * NS_PER_S + int((decimals or "0").ljust(9, "0"))


PODMAN = Engine(
    target=NAME,
    program="podman",
    install="apt-get install podman",
    start="podman info shows more",
    choosing=("CONTAINER_HOST", "CONTAINER_CONNECTION"),
    daemons=frozenset({"podman"}),
    # Without a time it asks politely first, and waits ten seconds.
    removal=("podman", "rm", "--force", "--time", "0", "--volumes", "--ignore", "{ids}"),
    events=("--filter", f"label={engines.SESSION_LABEL}"),
    parse=parse_event,
    # Measured: proportional set sizes and tasks of client and conmon, and a little for the container.
    memory_mib=24,
    processes=14,
    runtime_is_global=True,
)


def podman_container(
    *,
    image: str | None = None,
    command: Sequence[str] = (),
    network: str | None = None,
    runtime: str | None = None,
    pull: str = "missing",
    options: Sequence[str] = (),
) -> Target:
    """Return a target that runs a container; it is ready at its exit, and succeeds with status 0.

    Args:
        image: the image to run; by default a small static program of ours, loaded without a registry.
        command: the command in the container, by default the image's.
        network: the container's network, by default the engine's own choice.
        runtime: the OCI runtime, a name or path.
        pull: ``missing``, ``always`` or ``never``: when the image is pulled, once before the load.
        options: more arguments of ``podman run``.

    Raises:
        TargetError: a parameter can't be right.
    """
    container = Container(image, command, network, runtime, pull, options)
    return container_target(PODMAN, container.checked(NAME), probe, versions)


def probe(engine: Engine, container: Container) -> Unavailable | None:
    """Return why this container can't be run here, or None."""
    runtime = container.runtime
    if (
        runtime is not None
        and shutil.which(runtime) is None
        and shutil.which(runtime, path=SYSTEM_PATH) is None
    ):
        return Unavailable(f"no runtime {runtime!r} on PATH", f"apt-get install {runtime}")
    return engines.why_not(engine, container) or _why_no_launch(engine, container)


def _why_no_launch(engine: Engine, container: Container) -> Unavailable | None:
    """Return why a container of ours can't be started, or None: ``podman info`` answers where none can.

    Tried with our own image only, whose command does nothing; once, for each load asks.
    """
    asked = (shutil.which(engine.program), repr(container))
    if container.image is not None or asked in _STARTED:
        return None
    said = launched_once(container_target(engine, container, probe, versions))
    if said is None:
        _STARTED.add(asked)
        return None
    usual = "podman run, by hand with --log-level=debug, says more"
    cure = next((cure for words, cure in CURES.items() if words in said), usual)
    return Unavailable(f"podman can't run a container here: {said}", cure)


def versions(engine: Engine, container: Container) -> Mapping[str, str]:
    """Return the versions that the launches use."""
    found = engines.info(engine.program)
    host = found.get("host", {})
    runtime = host.get("ociRuntime", {})
    return {
        "podman": str(found.get("version", {}).get("Version", "unknown")),
        "runtime": container.runtime
        or f"{runtime.get('name', 'unknown')} {runtime.get('package', '')}".strip(),
        "conmon": str(host.get("conmon", {}).get("package", "unknown")),
        "storage": str(found.get("store", {}).get("graphDriverName", "unknown")),
        "cgroup": f"{host.get('cgroupManager', 'unknown')} {host.get('cgroupVersion', '?')}",
        "network": str(host.get("networkBackend", "unknown")),
        **engines.described(engine, container),
    }


PODMAN_CONTAINER = dataclasses.replace(podman_container(), factory=podman_container)
