"""urunc by ``docker run`` or ``nerdctl run``.

Both give a container an id of their own, and urunc's log names that id: the client writes it into a file
of the instance's, which is read at its end.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_unikernel.host.facts import program_version
from pytest_unikernel.plan.target import Target
from pytest_unikernel.plan.target_fields import Instance, Place, Unavailable
from pytest_unikernel.targets.containers import engine as engines
from pytest_unikernel.targets.containers.container import Container
from pytest_unikernel.targets.containers.docker import CONNECTION_LOST, DOCKER
from pytest_unikernel.targets.containers.engine import Engine
from pytest_unikernel.targets.urunc.images import archive_of, image_of, why_not_for_urunc
from pytest_unikernel.targets.urunc.parameters import Parameters, Via, timed
from pytest_unikernel.targets.urunc.program import Urunc
from pytest_unikernel.targets.urunc.stand_in import stand_in

RUNTIME = "urunc"
LOAD_S = 60.0
ID_FILE = "container-id"
NERDCTL = DOCKER._replace(
    program="nerdctl",
    install="install nerdctl (see its documentation; Debian 12 has no package of it)",
    start="start containerd: systemctl start containerd",
    daemons=frozenset({"containerd"}),
    removal=("nerdctl", "rm", "--force", "--volumes", "{ids}"),
)
# A fatal error of nerdctl's own; a container's status is passed on.
NERDCTL_ERRORS = rb"level=fatal msg="


def fields(engine: Engine, _parameters: Parameters) -> dict[str, Any]:
    """Return the target's fields that do not depend on a load."""
    of_client: dict[str, Any] = (
        {"exit_reasons": {125: "daemon-error"}, "failures": {CONNECTION_LOST: "daemon-error"}}
        if engine.program == DOCKER.program
        else {"failures": {NERDCTL_ERRORS: "daemon-error"}}
    )
    return {
        **of_client,
        "argv": [engine.program, "run"],
        "removal": engine.removal,
        "leftovers": engine.leftovers,
        "daemons": engine.daemons,
        "memory_bytes": engine.memory_mib << 20,
        "processes": engine.processes,
    }


def takes_ours(engine: Engine, parameters: Parameters) -> bool:
    """Return whether the engine calls the runtime that we name, with our variables; else it uses its own."""
    return engine.program == NERDCTL.program and parameters.runtime is None


def prepare(engine: Engine, parameters: Parameters, target: Target, place: Place) -> Target:
    """Return the copy for a load: its runtime and its log."""
    urunc, directory = parameters.found(), Path(place.directory)
    runtime = parameters.runtime or RUNTIME
    if takes_ours(engine, parameters):
        log, environment = parameters.switched(urunc, directory)
        runtime = str(stand_in(directory / "urunc-w", urunc, environment))
    else:
        log, _ = parameters.switched_by_others(urunc)
    names: dict[str, str] = {}
    argv = engines.run_argv(engine, _container(parameters, runtime))
    at = argv.index("run") + 1
    snapshotter = () if parameters.snapshotter is None else ("--snapshotter", parameters.snapshotter)
    return dataclasses.replace(
        target,
        argv=(*argv[:at], "--cidfile", f"{{dir}}/{ID_FILE}", *snapshotter, *argv[at:]),
        cleanup=functools.partial(note_id, names),
        **timed(
            log,
            urunc.release,
            "engine",
            lambda container_id: names.get(container_id, container_id),
            greets=parameters.is_ours,
        ),
    )


def note_id(names: dict[str, str], instance: Instance) -> None:
    """Note the container of the instance; a refused instance has none."""
    try:
        found = Path(instance.dir, ID_FILE).read_text(encoding="ascii")
    except OSError:
        return
    names[found.strip()] = instance.id


def _container(parameters: Parameters, runtime: str) -> Container:
    network = parameters.network or ("none" if parameters.is_ours else None)
    return Container(image_of(parameters), parameters.command, network, runtime)


def why_not(engine: Engine, parameters: Parameters, urunc: Urunc) -> Unavailable | None:
    """Return why the engine can't be used, or None; gives it our image."""
    image, made = image_of(parameters), archive_of(parameters)
    missing = engines.why_no_engine(engine)
    if missing is not None:
        return missing
    if not takes_ours(engine, parameters) and (wrong := parameters.why_not_by_others(urunc)):
        return wrong
    if made is None:
        missing = why_not_for_urunc(image, parameters.hypervisor, engine.program, "save", image)
    elif engines.call(engine.program, "image", "inspect", image).status:
        loaded = engines.call(engine.program, "load", given=made.archive, within_s=LOAD_S)
        if loaded.status:
            return Unavailable(
                f"{engine.program} load rejects the test image: {loaded.error}", "docker info shows more"
            )
    return missing or _why_no_runtime(engine, parameters)


def _why_no_runtime(engine: Engine, parameters: Parameters) -> Unavailable | None:
    """Return why docker doesn't know the runtime; a shim's name, which newer ones take, is passed through."""
    runtime = parameters.runtime or RUNTIME
    if engine.program != DOCKER.program or runtime.startswith("io."):
        return None
    known = engines.info(engine.program).get("Runtimes") or {}
    if runtime in known:
        return None
    return Unavailable(
        f"docker has the runtimes {', '.join(sorted(known))}, and not {runtime!r}",
        f"add it: dockerd --add-runtime {runtime}=/path/of/urunc --exec-root /run/docker, or daemon.json",
    )


def versions(engine: Engine, parameters: Parameters) -> Mapping[str, str]:
    """Return the versions that the launches use."""
    shown = "its own" if takes_ours(engine, parameters) else parameters.runtime or RUNTIME
    found = engines.info(engine.program).get("ServerVersion") or program_version(engine.program)
    more = {"snapshotter": parameters.snapshotter} if parameters.snapshotter else {}
    return {engine.program: str(found or "unknown"), "runtime": shown, **more}


def via(engine: Engine) -> Via:
    """Return the way by an engine's client."""
    return Via(
        functools.partial(fields, engine),
        functools.partial(prepare, engine),
        functools.partial(why_not, engine),
        functools.partial(versions, engine),
    )
