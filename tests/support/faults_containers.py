"""Faults of containers: ``docker_container[api]`` with a scripted engine, ``oci_container`` with runc."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fakeengine import FakeEngine, Script, api_supervisor
from faults import COMPLETED, UNAVAILABLE, Fault

from pytest_unikernel.plan.readiness import Line
from pytest_unikernel.plan.target import Target
from pytest_unikernel.targets.containers.oci import oci_container

API, OCI = "docker_container[api]", "oci_container"
SOCKET = "engine.sock"
RUNC = 'runc create failed: unable to start container process: exec: "x": '


def asked(kind: str, script: Script | None, expected: str, words: str = "", **more: Any) -> Fault:
    """Return the fault of an engine that follows a script; None is no engine."""
    fields = more.pop("fields", {})

    def make(place: Path) -> Target:
        supervisor = functools.partial(api_supervisor, path=place / SOCKET)
        return Target("docker_container", label="api", supervisor=supervisor, **fields)

    @contextlib.contextmanager
    def engine(place: Path) -> Iterator[None]:
        made = None if script is None else FakeEngine(place / SOCKET, script)
        try:
            yield
        finally:
            if made is not None:
                made.die()

    return Fault(kind, API, make, expected, words, around=engine, **more)


def refused(kind: str, request: str, status: int, message: str, code: int = 125) -> Fault:
    """Return the fault of a request that the engine refuses; 125 is its own status, others the program's."""
    expected = "daemon-error" if code == 125 else "exit-code"
    return asked(kind, Script(errors={request: (status, message)}), expected, message, status=code)


def dropped(request: str) -> Fault:
    """Return the fault of an engine that is killed in the middle of a request."""
    script = Script(drops=frozenset({request}))
    return asked(f"engine killed during {request}", script, "daemon-error", request, status=125)


def oci(kind: str, expected: str, words: str, **parameters: Any) -> Fault:
    """Return the fault of a runtime or its parameters."""
    return Fault(kind, OCI, lambda place: oci_container(**_placed(parameters, place)), expected, words)


def _placed(parameters: dict[str, Any], place: Path) -> dict[str, Any]:
    return {key: place if value == "." else value for key, value in parameters.items()}


def _broken_bundle(place: Path) -> Target:
    (place / "config.json").write_text('{"ociVersion": "1.0.2"')
    return oci_container(bundle=place)


ROWS = (
    asked("engine stopped", None, "daemon-error", "can't connect", status=125),
    *map(dropped, ("create", "attach", "wait", "start")),
    asked("engine silent", Script(silent=frozenset({"create"})), "timeout", timeout_s=0.2, by_hand=True),
    refused("image missing", "create", 404, "No such image: x"),
    refused("name taken", "create", 409, "Conflict. The container name is in use"),
    refused("no address left", "start", 500, "no available IPv4 addresses"),
    refused("program missing in the image", "start", 400, f"{RUNC}executable file not found", 127),
    refused("program not executable in the image", "start", 400, f"{RUNC}permission denied", 126),
    asked("OOM kill in its cgroup", Script(status=137), "exit-code", status=137),
    asked("exits with a status", Script(status=3, output=b"words\n"), "exit-code", "words", status=3),
    asked("never ready", Script(output=b"down\n"), "not-ready", "down", fields={"ready": Line("up")}),
    asked("answers byte by byte", Script(output=b"up\n", piece=1), COMPLETED, fields={"ready": Line("up")}),
    asked("exit without its status", Script(wait_answer=b"[]"), "daemon-error", "[]", status=125),
    oci("runtime missing", UNAVAILABLE, "runtime", runtime="no-such-runtime"),
    oci("runtime that isn't one", UNAVAILABLE, "", runtime="/bin/false"),
    oci("root file system missing", "TargetError", "rootfs", rootfs="/nowhere", command=["/hello"]),
    oci("bundle without its configuration", "TargetError", "config.json", bundle="."),
    Fault("bundle's configuration cut short", OCI, _broken_bundle, "exit-code", "EOF"),
)
