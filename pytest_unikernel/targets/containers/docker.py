"""A Docker container: by the command line that people type, or by the Engine API without a client."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable, Mapping, Sequence

from pytest_unikernel.errors import TargetError
from pytest_unikernel.plan.stamps import Stamp, Stamps
from pytest_unikernel.plan.target import Target
from pytest_unikernel.plan.target_fields import Unavailable
from pytest_unikernel.targets.containers import engine as engines
from pytest_unikernel.targets.containers.container import Container
from pytest_unikernel.targets.containers.docker_api import by_api
from pytest_unikernel.targets.containers.engine import Engine

NAME = "docker_container"
VIAS = ("cli", "api")
# A client's message when its daemon ends, whatever its status is then (1, 125, 126 were seen).
CONNECTION_LOST = (
    rb"error during connect: |error waiting for container: |Cannot connect to the Docker daemon"
    rb"|permission denied while trying to connect to the Docker daemon|read unix @->[^\n]*connection reset"
)
Probe = Callable[[Engine, Container], Unavailable | None]
Versions = Callable[[Engine, Container], Mapping[str, str]]
EVENTS = ("create", "start", "die", "destroy")


def parse_event(line: bytes) -> Stamp | None:
    """Return the stamp of a line of ``docker events``, if it is one of a container's life."""
    try:
        event = json.loads(line)
        name, action = event["Actor"]["Attributes"]["name"], event["Action"]
        if action not in EVENTS or not isinstance(name, str):
            return None
        return Stamp(name, action, int(event["timeNano"]))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None


DOCKER = Engine(
    target=NAME,
    program="docker",
    install="apt-get install docker.io",
    start="start it: systemctl start docker, or dockerd",
    choosing=("DOCKER_HOST", "DOCKER_CONTEXT"),
    daemons=frozenset({"dockerd", "containerd"}),
    removal=("docker", "rm", "--force", "--volumes", "{ids}"),
    events=(
        *("--filter", "type=container", "--filter", f"label={engines.SESSION_LABEL}"),
        *(f"--filter=event={event}" for event in EVENTS),
    ),
    parse=parse_event,
    # Measured: proportional set sizes and tasks of client and shim, and a little for the container.
    memory_mib=32,
    processes=24,
)


def docker_container(
    *,
    image: str | None = None,
    command: Sequence[str] = (),
    network: str | None = None,
    runtime: str | None = None,
    pull: str = "missing",
    options: Sequence[str] = (),
    via: str = "cli",
) -> Target:
    """Return a target that runs a container; it is ready at its exit, and succeeds with status 0.

    Args:
        image: the image to run; by default a small static program of ours, loaded without a registry.
        command: the command in the container, by default the image's.
        network: the container's network, by default the engine's own choice.
        runtime: the OCI runtime, by a name that the engine knows.
        pull: ``missing``, ``always`` or ``never``: when the image is pulled, once before the load.
        options: more arguments of ``docker run``; of the command line only.
        via: ``cli``, one ``docker run`` per launch, or ``api``, the Engine's API without a client process: a
            container that is stopped is killed then, ``stop_signal`` isn't sent.

    Raises:
        TargetError: a parameter can't be right.
    """
    container = Container(image, command, network, runtime, pull, options).checked(NAME)
    if via not in VIAS:
        raise TargetError(f"{NAME}: via must be one of {', '.join(VIAS)}, got {via!r}")
    target = container_target(DOCKER, container, probe, versions)
    return target if via == "cli" else by_api(target, DOCKER.program, container)


def container_target(engine: Engine, container: Container, probe: Probe, versions: Versions) -> Target:
    """Return the target that an engine's client runs."""
    argv = (engine.program, "events", *engine.events, "--since", "{now}", "--format", "{{json .}}")
    return Target(
        engine.target,
        engines.run_argv(engine, container),
        # Source: docker run's documentation: 125 is the daemon's, 126 and 127 the command's.
        exit_reasons={125: "daemon-error"},
        failures={CONNECTION_LOST: "daemon-error"},
        marks={"output": rb"[\s\S]"},
        removal=engine.removal,
        leftovers=engine.leftovers,
        prepare=engines.pinned,
        stamps=Stamps(argv, engine.parse),
        daemons=engine.daemons,
        probe=functools.partial(probe, engine, container),
        versions=functools.partial(versions, engine, container),
        memory_bytes=engine.memory_mib << 20,
        processes=engine.processes,
        intervals=engines.INTERVALS,
        phases=engines.PHASES,
        partition=engines.PARTITION,
        naming={"via": str, "image": engines.short, "runtime": str, "network": "{}".format},
    )


def probe(engine: Engine, container: Container) -> Unavailable | None:
    """Return why this container can't be run here, or None."""
    missing = engines.why_not(engine, container)
    if missing is not None or container.runtime is None:
        return missing
    known = engines.info(engine.program).get("Runtimes") or {}
    if container.runtime in known:
        return None
    return Unavailable(
        f"docker has the runtimes {', '.join(sorted(known))}, and not {container.runtime!r}",
        f"add it: dockerd --add-runtime {container.runtime}=/path, or daemon.json",
    )


def versions(engine: Engine, container: Container) -> Mapping[str, str]:
    """Return the versions that the launches use."""
    found = engines.info(engine.program)
    runtime = container.runtime or found.get("DefaultRuntime", "unknown")
    return {
        "docker": str(found.get("ServerVersion", "unknown")),
        "containerd": _commit(found, "ContainerdCommit"),
        "runtime": f"{runtime} {_commit(found, 'RuncCommit')}" if runtime == "runc" else runtime,
        "storage": str(found.get("Driver", "unknown")),
        "cgroup": f"{found.get('CgroupDriver', 'unknown')} v{found.get('CgroupVersion', '?')}",
        "kernel": str(found.get("KernelVersion", "unknown")),
        **engines.described(engine, container),
    }


def _commit(found: Mapping[str, object], key: str) -> str:
    commit = found.get(key)
    return str(commit.get("ID", "unknown")) if isinstance(commit, dict) else "unknown"


DOCKER_CONTAINER = dataclasses.replace(docker_container(), factory=docker_container)
