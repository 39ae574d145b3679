"""Calls of engines' clients, the meaning of their events, and refusals before any call."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_unikernel.errors import TargetError
from pytest_unikernel.guests.build.container_image import hello_image
from pytest_unikernel.plan.stamps import Stamp
from pytest_unikernel.plan.target import Target
from pytest_unikernel.plan.target_fields import Place
from pytest_unikernel.targets.containers import docker, oci, podman
from pytest_unikernel.targets.containers.docker import docker_container
from pytest_unikernel.targets.containers.oci import oci_container
from pytest_unikernel.targets.containers.podman import podman_container

ENGINES = [docker_container, podman_container]


@pytest.mark.parametrize("factory", ENGINES)
def test_a_container_is_named_labelled_and_never_pulled_by_a_launch(factory: Any) -> None:
    argv = factory(command=["/hello", "you"], network="none", options=["--memory=64m"]).argv
    at = argv.index("run")
    assert argv[at : at + 7] == (
        *("run", "--name", "{id}", "--label", "pytest-unikernel.session={session}"),
        *("--pull", "never"),
    )
    assert argv[-6:] == ("--network", "none", "--memory=64m", hello_image().tag, "/hello", "you")
    assert "--rm" not in argv


def test_a_runtime_stands_where_each_client_wants_it() -> None:
    assert docker_container(runtime="runsc").argv[1] == "run"
    assert "--runtime" in docker_container(runtime="runsc").argv[2:]
    assert podman_container(runtime="crun").argv[:4] == ("podman", "--runtime", "crun", "run")


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({}, ""),
        ({"via": "cli"}, ""),
        ({"image": "docker.io/library/alpine:3.20"}, "[alpine:3.20]"),
        ({"network": "none", "runtime": "runsc"}, "[runsc,none]"),
        ({"command": ["/bin/true"]}, ""),
    ],
)
def test_a_variant_is_named_after_what_matters(parameters: dict[str, Any], name: str) -> None:
    assert docker.DOCKER_CONTAINER(**parameters).full_name == f"docker_container{name}"


@pytest.mark.parametrize("factory", ENGINES)
@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ({"image": ""}, "image must be a name, got ''"),
        ({"image": "--privileged"}, "image must be a name"),
        ({"command": "echo hi"}, "command must be a list of text"),
        ({"options": "--rm"}, "options must be a list of text"),
        ({"pull": "sometimes"}, "pull must be one of missing, always, never, got 'sometimes'"),
        ({"options": ["--rm"]}, "containers are removed after each launch"),
        ({"options": ["--name=mine"]}, "a container is named by its UNIKERNEL_ID"),
        ({"options": ["-d"]}, "the client waits"),
        ({"options": ["-d=true"]}, "the client waits"),
        ({"options": ["-dit"]}, "options= must not contain '-dit': the client waits"),
        ({"options": ["-Pt"]}, "the client waits"),
        (
            {"options": ["--label", "pytest-unikernel.session=x"]},
            "that label marks the containers of a session",
        ),
        ({"options": ["-lpytest-unikernel.session"]}, "that label marks the containers of a session"),
        (
            {"options": ["alpine"]},
            "options= must begin with a hyphen, or the engine takes it for an image, got 'alpine'",
        ),
        ({"options": ["--pod", "new:mine"]}, "the new pod would not be removed"),
        ({"options": ["--rmi"]}, "the next launch needs the image"),
        ({"options": ["--help"]}, "it runs nothing"),
        ({"options": ["--network", "host"]}, "network= is a parameter of its own"),
    ],
)
def test_what_can_not_be_right_is_refused(factory: Any, wrong: dict[str, Any], rule: str) -> None:
    with pytest.raises(TargetError) as refused:
        factory(**wrong)
    assert rule in str(refused.value)


@pytest.mark.parametrize("options", [["-v/data:/data"], ["-ed=it"], ["--env", "d=1"], ["-Pq"], ["--init"]])
@pytest.mark.parametrize("factory", ENGINES)
def test_what_only_looks_like_ours_is_passed_on(factory: Any, options: list[str]) -> None:
    argv = factory(options=options).argv
    assert argv[-1 - len(options) :] == (*options, hello_image().tag)


@pytest.mark.parametrize("word", ["{dir}", "{port}", "{events}"])
def test_what_belongs_to_a_client_process_is_refused_where_there_is_none(word: str) -> None:
    with pytest.raises(TargetError, match="replaces only {id} and {session} in command=, got " + word):
        docker_container(via="api", command=["serve", f"--at={word}"])


def test_a_way_that_is_not_known_is_refused() -> None:
    with pytest.raises(TargetError, match="via must be one of cli, api, got 'ssh'"):
        docker_container(via="ssh")


@pytest.mark.parametrize("factory", ENGINES)
def test_the_container_itself_is_held_to_the_cpus(factory: Any) -> None:
    target: Target = factory()
    assert target.prepare is not None
    assert target.prepare(target, Place("t", "/x")).argv == target.argv
    pinned = target.prepare(target, Place("t", "/x", frozenset({1, 0}))).argv
    assert pinned[pinned.index("run") : pinned.index("run") + 3] == ("run", "--cpuset-cpus", "0,1")


def docker_event(action: str, **more: object) -> bytes:
    event = {"Type": "container", "Action": action, "Actor": {"Attributes": {"name": "u1-7"}}, "timeNano": 5}
    return json.dumps({**event, **more}).encode()


@pytest.mark.parametrize(
    ("line", "stamp"),
    [
        (docker_event("create"), Stamp("u1-7", "create", 5)),
        (docker_event("destroy"), Stamp("u1-7", "destroy", 5)),
        (docker_event("exec_start: sh"), None),
        (docker_event("die", timeNano=None), None),
        (docker_event("die", Actor={}), None),
        (b"not JSON", None),
        (b"[]", None),
        (b"", None),
    ],
)
def test_a_line_of_dockers_events_is_a_stamp_or_nothing(line: bytes, stamp: Stamp | None) -> None:
    assert docker.parse_event(line) == stamp


def podman_event(status: str, time: str = "1970-01-01T00:00:01.5Z") -> bytes:
    return json.dumps({"Name": "u1-7", "Status": status, "Time": time, "Type": "container"}).encode()


@pytest.mark.parametrize(
    ("line", "stamp"),
    [
        (podman_event("create"), Stamp("u1-7", "create", 1_500_000_000)),
        (podman_event("died"), Stamp("u1-7", "die", 1_500_000_000)),
        (podman_event("remove", "1970-01-01T01:00:02+01:00"), Stamp("u1-7", "destroy", 2_000_000_000)),
        (podman_event("start", "1970-01-01T00:00:00.123456789Z"), Stamp("u1-7", "start", 123_456_789)),
        (podman_event("attach"), None),
        (podman_event("start", "yesterday"), None),
        (b"{}", None),
    ],
)
def test_a_line_of_podmans_events_is_a_stamp_or_nothing(line: bytes, stamp: Stamp | None) -> None:
    assert podman.parse_event(line) == stamp


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ({"runtime": ""}, "runtime must be a program's name"),
        ({"command": "echo"}, "command must be a list"),
        ({"rootfs": "/no/such"}, "rootfs must be a directory, got '/no/such'"),
        ({"rootfs": "/"}, "rootfs='/' needs command="),
        ({"rootfs": ""}, "rootfs must be a directory, got ''"),
        ({"rootfs": 5}, "rootfs must be a directory, got 5"),
        (
            {"rootfs": "/dev", "command": ["/x"]},
            "rootfs must have the directories dev, proc, sys to mount on, got '/dev'; make them",
        ),
        ({"bundle": 5}, "bundle must be a directory with a config.json, got 5"),
        ({"command": ["a\0b"]}, "command can't hold a NUL byte"),
        ({"options": ["--debug", "--root=/x"]}, "options= must not contain --root"),
        ({"bundle": "/"}, "bundle must be a directory with a config.json, got '/'"),
        ({"bundle": "/", "command": ["x"]}, "expected bundle=, or rootfs= and command="),
        ({"options": "--debug"}, "options must be a list of text"),
    ],
)
def test_a_bundle_that_can_not_be_right_is_refused(wrong: dict[str, Any], rule: str) -> None:
    with pytest.raises(TargetError) as refused:
        oci_container(**wrong)
    assert rule in str(refused.value)


def client(directory: Path, monkeypatch: pytest.MonkeyPatch, name: str, script: str) -> None:
    """Put a client on PATH, and nothing else."""
    program = directory / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(directory))


@pytest.mark.parametrize("factory", ENGINES)
def test_an_engine_that_warns_is_no_engine_that_fails(
    factory: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target: Target = factory()
    client(tmp_path, monkeypatch, target.argv[0], "echo 'WARNING: no swap limit' >&2; echo '{\"ID\": \"x\"}'")
    monkeypatch.setattr(podman, "launched_once", lambda *_: None)  # the client starts none
    assert target.probe is not None
    assert target.probe() is None


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ('echo \'{"ServerErrors": ["no daemon"]}\'', "docker can't be used: no daemon"),
        ("echo 'WARNING: x\nno daemon' >&2; exit 1", "docker can't be used: no daemon"),
        ("exit 3", "docker can't be used: status 3"),
        ("echo null", "docker can't be used: expected a JSON object from `info`, got 'null\\n'"),
        ("echo hello", "docker can't be used: expected a JSON object from `info`, got 'hello\\n'"),
    ],
)
def test_an_engine_that_can_not_be_asked_says_why(
    script: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in docker.DOCKER.choosing:
        monkeypatch.delenv(name, raising=False)
    client(tmp_path, monkeypatch, "docker", script)
    probe = docker_container().probe
    assert probe is not None
    missing = probe()
    assert missing is not None
    assert (missing.reason, missing.cure) == (reason, docker.DOCKER.start)


def test_an_engine_that_was_chosen_by_the_environment_is_named_in_the_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client(tmp_path, monkeypatch, "docker", "exit 1")
    monkeypatch.setenv("DOCKER_HOST", "tcp://there:1")
    probe = docker_container().probe
    assert probe is not None
    missing = probe()
    assert missing is not None
    assert missing.cure == "correct or unset DOCKER_HOST='tcp://there:1', or start the engine that it names"


def test_a_runtime_of_podmans_is_a_program() -> None:
    probe = podman_container(runtime="no-such-runtime").probe
    assert probe is not None
    missing = probe()
    assert missing is not None
    assert missing.reason == "no runtime 'no-such-runtime' on PATH"


def test_a_runtime_that_is_beside_a_plain_users_path_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "runc"
    program.touch(0o755)
    monkeypatch.setenv("PATH", "/no/such/place")
    monkeypatch.setattr(oci, "SYSTEM_PATH", str(tmp_path))
    probe = oci_container().probe
    assert probe is not None
    assert str(probe()) == f"no runc on PATH, but {program} exists; use runtime={str(program)!r}"


def test_a_runtime_whose_path_is_wrong_is_named() -> None:
    probe = oci_container(runtime="/no/such/runc").probe
    assert probe is not None
    assert str(probe()).startswith("runtime='/no/such/runc' is not an executable file; ")


def test_a_runtime_that_wants_an_option_is_told_which(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "cannot run with network enabled in root network namespace"
    client(tmp_path, monkeypatch, "runsc", f"echo '{said}' >&2; exit 128")
    probe = oci_container(runtime="runsc").probe
    assert probe is not None
    assert str(probe()) == f"runsc can't run a container on this host: {said}; options=['--network=none']"
