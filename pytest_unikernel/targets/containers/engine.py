"""Container engines with Docker's command line: one client process per launch.

Containers are named by the instance's id and labelled with the session's token. Without ``--rm`` the
client returns when the container has exited; removal comes after it, in the background.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
import shutil
import subprocess
from collections.abc import Callable
from typing import Any, NamedTuple

from pytest_unikernel.guests.build.container_image import hello_image
from pytest_unikernel.host.asking import ask
from pytest_unikernel.launch.answers import json_object
from pytest_unikernel.launch.cleanup import remove
from pytest_unikernel.plan.stamps import Stamp
from pytest_unikernel.plan.target import Target
from pytest_unikernel.plan.target_fields import Place, Unavailable
from pytest_unikernel.targets.containers.container import LABEL, Container

SESSION_LABEL = LABEL + "={session}"
ANSWER_S = 20.0
LOAD_S = 60.0
PULL_S = 600.0
MAY_NOT_CONNECT = (
    f"run as root, or add uid {os.getuid()} to the group of the socket (which gives it the rights of root)"
)
# In the order in which they happen; started, ready and exited are the client's.
ORDER = ("started", "create", "start", "die", "exited", "destroy")
# A container's output may arrive before the engine has noted that it started.
INTERVALS = (*itertools.pairwise(ORDER), ("create", "output"))
PHASES = {
    "create": ("started", "create"),
    "start": ("create", "start"),
    "run": ("start", "die"),
    "notice": ("die", "exited"),
    "removal": ("exited", "destroy"),
}
PARTITION = tuple(PHASES)


class Engine(NamedTuple):
    """An engine's own words.

    Attributes:
        target: the fixture's name.
        program: its client.
        install, start: the cures for a missing client, and for a client without an answer.
        choosing: variables of the environment that choose an engine.
        daemons: programs that belong to it.
        removal: argv, see :class:`Target`; the ids are its last part.
        events: arguments of the client that print its events.
        parse: reads a line of them.
        run_options: more of ``run``.
        runtime_is_global: ``--runtime`` stands before the client's command, not behind it.
        memory_mib, processes: the expected needs of a launch: client, shim and container.
    """

    target: str
    program: str
    install: str
    start: str
    choosing: tuple[str, ...]
    daemons: frozenset[str]
    removal: tuple[str, ...]
    events: tuple[str, ...]
    parse: Callable[[bytes], Stamp | None]
    memory_mib: int
    processes: int
    run_options: tuple[str, ...] = ()
    runtime_is_global: bool = False

    @property
    def leftovers(self) -> tuple[str, ...]:
        """The argv that removes all of a session's containers."""
        return remove.argv("engine", SESSION_LABEL, *self.removal[:-1])


def run_argv(engine: Engine, container: Container) -> tuple[str, ...]:
    """Return the argv of one launch."""
    network = () if container.network is None else ("--network", container.network)
    runtime = () if container.runtime is None else ("--runtime", container.runtime)
    before, after = (runtime, ()) if engine.runtime_is_global else ((), runtime)
    return (
        *(engine.program, *before, "run", "--name", "{id}", "--label", SESSION_LABEL, "--pull", "never"),
        *("--env", "UNIKERNEL_ID={id}", "--env", "UNIKERNEL_SESSION={session}"),
        *engine.run_options,
        *network,
        *after,
        *container.options,
        container.image_name,
        *container.command,
    )


def pinned(target: Target, place: Place) -> Target:
    """Hold the container itself to the CPUs of ``--sweep-cpus``: the client's are not the engine's."""
    if not place.cpus:
        return target
    cpus = ",".join(map(str, sorted(place.cpus)))
    at = target.argv.index("run") + 1
    return dataclasses.replace(target, argv=(*target.argv[:at], "--cpuset-cpus", cpus, *target.argv[at:]))


def short(image: str) -> str:
    """Return an image's name without where it comes from, for a variant's label."""
    return image.rpartition("/")[2]


# asking the engine ----------------------------------------------------------------------------------------


class Answer(NamedTuple):
    """The result of a call of the client."""

    status: int
    out: str
    error: str


def call(program: str, *arguments: str, given: bytes = b"", within_s: float = ANSWER_S) -> Answer:
    """Call the client; status -1 means that it did not end in time, or could not be started."""
    try:
        done = ask(program, *arguments, within_s=within_s, given=given)
    except subprocess.TimeoutExpired:
        return Answer(-1, "", f"{program} {arguments[0]} did not end within {within_s:g} s")
    except OSError as error:
        return Answer(-1, "", f"can't start {program}: {error.strerror}")
    return Answer(done.status, done.out.decode(errors="replace"), _last_line(done.error))


def _last_line(text: bytes) -> str:
    lines = [line for line in text.decode(errors="replace").splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""


def why_not(engine: Engine, container: Container) -> Unavailable | None:
    """Return why containers can't run here, or None; pull or load the image where it is missing."""
    return why_no_engine(engine) or _why_no_image(engine, container)


def why_no_engine(engine: Engine) -> Unavailable | None:
    """Return why the engine can't be asked for anything, or None."""
    if shutil.which(engine.program) is None:
        return Unavailable(f"no {engine.program} on PATH", engine.install)
    asked = call(engine.program, "info", "--format", "{{json .}}")
    wrong = (asked.error or f"status {asked.status}") if asked.status else _errors_in(asked.out)
    if wrong:  # its other lines on stderr are warnings, of a working engine too
        return Unavailable(f"{engine.program} can't be used: {wrong}", _cure(engine, wrong))
    return None


def _errors_in(out: str) -> str:
    """Return the errors in the answer of ``info``, which does not fail because of them."""
    found = json_object(out)
    if not found:
        return f"expected a JSON object from `info`, got {out[:80]!r}"
    errors = found.get("ServerErrors")
    return str(errors[0]) if isinstance(errors, list) and errors else ""


def _cure(engine: Engine, said: str) -> str:
    if "permission denied" in said.lower():
        return MAY_NOT_CONNECT
    chosen = {name: os.environ[name] for name in engine.choosing if os.environ.get(name)}
    if chosen:
        where = " and ".join(f"{name}={value!r}" for name, value in chosen.items())
        return f"correct or unset {where}, or start the engine that it names"
    return engine.start


def _why_no_image(engine: Engine, container: Container) -> Unavailable | None:
    image = container.image_name
    is_here = call(engine.program, "image", "inspect", "--format", "{{.Id}}", image).status == 0
    if container.image is None:
        return None if is_here else _loaded(engine)
    if container.pull == "never" or (container.pull == "missing" and is_here):
        return None if is_here else Unavailable(f"no image {image!r} here", f"{engine.program} pull {image}")
    pulled = call(engine.program, "pull", "--quiet", image, within_s=PULL_S)
    if pulled.status == 0:
        return None
    return Unavailable(
        f"image {image!r} can't be pulled: {pulled.error}",
        f"add it with {engine.program} load, or use another image",
    )


def _loaded(engine: Engine) -> Unavailable | None:
    """Give the engine our own image."""
    loaded = call(engine.program, "load", given=hello_image().archive, within_s=LOAD_S)
    if loaded.status == 0:
        return None
    return Unavailable(
        f"{engine.program} load rejects the test image: {loaded.error}", f"{engine.program} info shows more"
    )


def described(engine: Engine, container: Container) -> dict[str, str]:
    """Return the image that is run, for the record."""
    image = container.image_name
    inspected = call(engine.program, "image", "inspect", "--format", "{{.Id}}", image)
    digest = inspected.out.strip().removeprefix("sha256:")[:16] or "unknown"
    return {"image": f"{image} sha256:{digest}"}


def info(program: str) -> dict[str, Any]:
    """Return the answer of ``info``; empty where there is none."""
    return json_object(call(program, "info", "--format", "{{json .}}").out)
