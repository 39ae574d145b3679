"""Docker containers by the Engine API: no client and no command line, but a socket."""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_unikernel.errors import LoadError, TargetError
from pytest_unikernel.plan.readiness import Exit, Line
from pytest_unikernel.plan.target import Target
from pytest_unikernel.plan.target_fields import Instance, Place, Unavailable
from pytest_unikernel.targets.containers import engine as engines
from pytest_unikernel.targets.containers.container import LABEL, Container

if TYPE_CHECKING:
    from pytest_unikernel.launch.runtime import Runtime
    from pytest_unikernel.launch.supervisor import Supervisor

Probe = Callable[[], Unavailable | None]
UNIX = "unix://"
CONNECT_S = 5.0
# Measured with containerd 1.6: a shim has 3.4 MiB (Pss) and 12 threads; a small container that waits takes
# 6.3 MiB of the available memory; starting it takes two or three short runc processes more.
MEMORY_MIB = 16
PROCESSES = 16
FILES_AND_PORTS = ("{dir}", "{port}", "{events}")  # of a client process, too
# Fields of a target that concern a client process; there is none.
CLIENTS: Mapping[str, object] = {"argv": (), "env": {}, "cwd": None, "console": False}


def by_api(target: Target, program: str, container: Container) -> Target:
    """Return the target whose containers are started by the API instead of a client.

    Raises:
        TargetError: ``options=`` are the command line's, and so are files and ports.
    """
    _check(target.name, container)
    return dataclasses.replace(
        target,
        argv=(),
        exit_reasons={},  # the API keeps the engine's errors apart from a container's status
        removal=(),
        prepare=functools.partial(located, program),
        supervisor=Supervisors(container),
        probe=functools.partial(why_not, program, target.probe),
        memory_bytes=MEMORY_MIB << 20,
        processes=PROCESSES,
    )


def _check(name: str, container: Container) -> None:
    if container.options:
        raise TargetError(
            f"{name}: options= need via='cli', because via='api' has no command line, got "
            f"{container.options!r}"
        )
    for word in FILES_AND_PORTS:
        if any(word in part for part in container.command):
            raise TargetError(
                f"{name}: via='api' replaces only {{id}} and {{session}} in command=, got {word}"
            )


@dataclass(frozen=True)
class Supervisors:
    """Makes the supervisor of a load.

    Attributes:
        path: the engine's socket; known when a load begins.
    """

    container: Container
    path: str = ""

    def __call__(self, target: Target, runtime: Runtime, timeout_s: float) -> Supervisor:
        """Return a supervisor."""
        from pytest_unikernel.launch.docker_api.supervisor import ApiSupervisor  # noqa: PLC0415 - needs h11, an extra

        describe = functools.partial(create_body, self.container, runtime.conditions.cpus)
        return ApiSupervisor(target, runtime, timeout_s, socket_path=self.path, describe=describe)

    def check_target(self, target: Target) -> None:
        """Refuse parameters that the API does not support.

        Raises:
            TargetError: it is named.
        """
        if not isinstance(target.ready, (Exit, Line)):
            raise TargetError(f"{target.name}: via='api' needs ready=Exit() or Line(…), got {target.ready!r}")
        for key, nothing in CLIENTS.items():
            value = getattr(target, key)
            if value != nothing:
                raise TargetError(
                    f"{target.name}: {key} needs via='cli', because via='api' has no client process, got "
                    f"{value!r}"
                )


def create_body(container: Container, cpus: frozenset[int] | None, instance: Instance) -> dict[str, Any]:
    """Return the request body that creates a container like that of ``engine.run_argv``.

    Source: Engine API, ContainerCreate.
    """
    host: dict[str, Any] = {}
    if container.network is not None:
        host["NetworkMode"] = container.network
    if container.runtime is not None:
        host["Runtime"] = container.runtime
    if cpus:
        host["CpusetCpus"] = ",".join(map(str, sorted(cpus)))
    body = {
        "Image": container.image_name,
        "Labels": {LABEL: instance.session},
        "Env": [f"UNIKERNEL_ID={instance.id}", f"UNIKERNEL_SESSION={instance.session}"],
        "AttachStdout": True,
        "AttachStderr": True,
        "HostConfig": host,
    }
    command = [instance.fill(part) for part in container.command]
    return {**body, "Cmd": command} if command else body


def why_not(program: str, probe: Probe | None) -> Unavailable | None:
    """Return why containers can't be started by the API here, or None."""
    if importlib.util.find_spec("h11") is None:
        return Unavailable("via='api' needs h11", "pip install 'pytest-unikernel[docker]'")
    missing = None if probe is None else probe()
    if missing is not None:
        return missing
    path = socket_path(program)
    return path if isinstance(path, Unavailable) else _why_no_connection(path)


def socket_path(program: str) -> str | Unavailable:
    """Return the socket of the engine that the client would ask, by DOCKER_HOST or its context."""
    asked = engines.call(program, "context", "inspect", "--format", "{{.Endpoints.docker.Host}}")
    host = asked.out.strip()
    if asked.status or not host:
        return Unavailable(
            f"{program} does not show the address of its engine: {asked.error or asked.status}",
            "docker context inspect shows more",
        )
    if not host.startswith(UNIX):
        return Unavailable(
            f"via='api' needs an engine with a unix socket, got {host!r} from {program}",
            "unset DOCKER_HOST, or docker context use default, or via='cli'",
        )
    return host.removeprefix(UNIX)


def _why_no_connection(path: str) -> Unavailable | None:
    try:
        with socket.socket(socket.AF_UNIX) as asked:
            asked.settimeout(CONNECT_S)
            asked.connect(path)
    except PermissionError:
        return Unavailable(f"uid {os.getuid()} may not connect to {path!r}", engines.MAY_NOT_CONNECT)
    except OSError as error:
        return Unavailable(f"can't connect to {path!r}: {error.strerror or error}", "start dockerd")
    return None


def located(program: str, target: Target, place: Place) -> Target:
    """Return the target that knows its engine's socket.

    Raises:
        LoadError: there is none.
    """
    del place
    path = socket_path(program)
    if isinstance(path, Unavailable):
        raise LoadError(f"{target.full_name}: {path}")
    made = target.supervisor
    assert isinstance(made, Supervisors)  # noqa: S101 - it is this function's own kind of target
    return dataclasses.replace(target, supervisor=dataclasses.replace(made, path=path))
