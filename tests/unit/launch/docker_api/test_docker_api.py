"""An engine's replies and frames however they are cut, the meaning of messages, valid targets."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_unikernel.errors import LoadError, TargetError
from pytest_unikernel.launch.docker_api import requests
from pytest_unikernel.launch.docker_api.frames import Frames
from pytest_unikernel.launch.docker_api.reply import MAX_BODY_BYTES, Reply, Request, begin
from pytest_unikernel.plan.readiness import Event, Exit, Http, Line, Port, Ready
from pytest_unikernel.plan.target import Target
from pytest_unikernel.plan.target_fields import Instance, Place, Unavailable
from pytest_unikernel.targets.containers import docker_api
from pytest_unikernel.targets.containers import engine as engines
from pytest_unikernel.targets.containers.container import Container
from pytest_unikernel.targets.containers.docker import DOCKER_CONTAINER
from pytest_unikernel.targets.containers.engine import Answer

ASKED = Request("POST", "/containers/1/wait?condition=next-exit")
CHUNKED = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n11\r\n{"StatusCode":3}\n\r\n0\r\n\r\n'
UPGRADED = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
INSTANCE = Instance("u1-7", "", "token", "", number=7)


def cut(data: bytes, places: list[int]) -> Iterator[bytes]:
    """Yield the data in pieces; places behind its end don't matter."""
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return (data[begin:end] for begin, end in itertools.pairwise(edges))


def replied(data: bytes, *, then_closed: bool = False, request: Request = ASKED) -> Reply:
    reply = begin(request)[1]
    reply.feed(data)
    if then_closed:
        reply.feed(b"")
    return reply


places = st.lists(st.integers(0, 500), max_size=8)


# replies ------------------------------------------------------------------------------------------


def test_a_request_is_plain_http_with_its_length() -> None:
    data, _ = begin(Request("POST", "/containers/create?name=u1-7", b"{}"))
    head, _, body = data.partition(b"\r\n\r\n")
    assert head.split(b"\r\n")[0] == b"POST /containers/create?name=u1-7 HTTP/1.1"
    assert {b"host: docker", b"content-length: 2"} <= set(head.lower().split(b"\r\n"))
    assert body == b"{}"


@given(places)
def test_a_reply_is_the_same_however_it_is_cut(where: list[int]) -> None:
    reply = begin(ASKED)[1]
    assert [reply.feed(piece) for piece in cut(CHUNKED, where)].count(b"") >= 1
    assert (reply.status, reply.is_complete, reply.problem) == (200, True, "")
    assert requests.exit_of(reply) == 3


@given(places, st.binary(max_size=300))
def test_a_stream_begins_where_the_upgrade_ends_however_it_is_cut(where: list[int], stream: bytes) -> None:
    reply = begin(requests.attach("1"))[1]
    assert b"".join(map(reply.feed, cut(UPGRADED + stream, where))) == stream
    assert (reply.status, reply.is_upgraded, reply.problem) == (101, True, "")


def test_headers_alone_are_a_status_and_no_whole_reply() -> None:
    reply = replied(CHUNKED.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
    assert (reply.status, reply.is_complete, reply.problem) == (200, False, "")


@given(st.integers(0, len(CHUNKED) - 1))
def test_a_connection_that_ends_too_early_is_a_problem_that_names_the_request(length: int) -> None:
    reply = replied(CHUNKED[:length], then_closed=True)
    assert not reply.is_complete
    assert reply.problem.startswith("POST /containers/1/wait: ")


def test_a_reply_without_a_length_ends_with_its_connection() -> None:
    reply = replied(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n400 Bad", then_closed=True)
    assert (reply.status, reply.is_complete, reply.problem) == (400, True, "")
    assert requests.message_of(reply) == "400 Bad"


def test_the_end_of_a_stream_is_told() -> None:
    reply = replied(UPGRADED, request=requests.attach("1"))
    assert not reply.problem
    reply.feed(b"")
    assert reply.problem


@pytest.mark.parametrize(
    "data", [b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 banana\r\n\r\n", b"\0" * 100 + b"\r\n\r\n"]
)
def test_what_is_no_http_is_a_problem(data: bytes) -> None:
    assert "HTTP" in replied(data).problem


def test_a_reply_without_end_is_a_problem_before_it_fills_the_memory() -> None:
    reply = replied(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(2 * MAX_BODY_BYTES // 65536):
        reply.feed(b"x" * 65536)
    assert reply.problem
    assert len(reply.body) <= MAX_BODY_BYTES + 65536


# frames -------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=40))), places)
def test_output_is_the_payloads_in_their_order_however_it_is_cut(
    payloads: list[tuple[int, bytes]], where: list[int]
) -> None:
    data = b"".join(struct.pack(">BxxxI", stream, len(each)) + each for stream, each in payloads)
    frames = Frames()
    assert b"".join(map(frames.feed, cut(data, where))) == b"".join(each for _, each in payloads)


def test_a_payload_is_given_as_it_comes() -> None:
    frames = Frames()
    assert frames.feed(struct.pack(">BxxxI", 1, 6) + b"hel") == b"hel"
    assert frames.feed(b"lo\n" + b"\2") == b"lo\n"


# messages -----------------------------------------------------------------------------------------

RUNC = 'OCI runtime create failed: runc create failed: unable to start container process: exec: "x": '


@pytest.mark.parametrize(
    ("message", "status"),
    [
        (RUNC + "executable file not found in $PATH: unknown", 127),
        (RUNC + "stat /x: no such file or directory: unknown", 127),
        (RUNC + "permission denied: unknown", 126),
        (RUNC + "is a directory: unknown", 126),
        ("failed to create endpoint u on network bridge", 125),
        ("", 125),
    ],
)
def test_a_failed_start_has_the_clients_status(message: str, status: int) -> None:
    assert requests.status_of(message) == status


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"message":"No such image: x"}', "No such image: x"),
        (b'{"Error":{"Message":"lost"},"StatusCode":0}', "lost"),
        (b"plain text\n", "plain text"),
        (b"[]", "[]"),
        (b"", "status 500"),
    ],
)
def test_a_message_is_found_wherever_it_stands(body: bytes, said: str) -> None:
    head = f"HTTP/1.1 500 Error\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    assert requests.message_of(replied(head + body)) == said


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[1]",
        b"x",
        b'{"StatusCode":"0"}',
        b'{"StatusCode":true}',
        b'{"StatusCode":0,"Error":{"Message":"m"}}',
    ],
)
def test_an_answer_without_a_status_is_no_exit(body: bytes) -> None:
    assert (
        requests.exit_of(replied(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)))
        is None
    )


@pytest.mark.parametrize("body", [b"{}", b'{"Id":7}', b'{"Id":"../x"}', b""])
def test_an_answer_without_an_id_is_no_container(body: bytes) -> None:
    reply = replied(b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    assert requests.container_of(reply) == ""


# the target ---------------------------------------------------------------------------------------


def test_a_target_by_the_api_has_no_client() -> None:
    target = DOCKER_CONTAINER(via="api")
    assert (target.full_name, target.argv, target.removal) == ("docker_container[api]", (), ())
    assert target.supervisor is not None
    assert target.leftovers == DOCKER_CONTAINER.leftovers
    assert target.memory_bytes < DOCKER_CONTAINER.memory_bytes
    assert target(via="cli").argv == DOCKER_CONTAINER.argv
    assert not target.simulated


@pytest.mark.parametrize("ready", [Port(80), Http(80), Event("up")])
def test_readiness_that_the_api_has_no_way_to_see_is_refused(ready: Ready) -> None:
    with pytest.raises(TargetError, match=r"docker_container: via='api' needs ready=Exit\(\) or Line"):
        DOCKER_CONTAINER(via="api", ready=ready)


@pytest.mark.parametrize("ready", [Exit(), Line("up")])
def test_exit_and_line_are_known_to_the_api(ready: Ready) -> None:
    assert DOCKER_CONTAINER(via="api", ready=ready).ready == ready


@pytest.mark.parametrize(
    "change",
    [{"options": ["--init"]}, {"env": {"A": "b"}}, {"cwd": "/"}, {"argv": ["docker"]}, {"console": True}],
)
def test_what_belongs_to_a_client_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(TargetError, match=f"docker_container: {next(iter(change))}=? needs? via='cli'"):
        DOCKER_CONTAINER(via="api", **change)


def test_a_container_is_created_with_everything_that_was_asked_for() -> None:
    container = Container("img", ("a", "b c", "{id} of {session}, {other}"), "none", "crun")
    assert docker_api.create_body(container, frozenset({3, 1}), INSTANCE) == {
        "Image": "img",
        "Cmd": ["a", "b c", "u1-7 of token, {other}"],
        "Labels": {"pytest-unikernel.session": "token"},
        "Env": ["UNIKERNEL_ID=u1-7", "UNIKERNEL_SESSION=token"],
        "AttachStdout": True,
        "AttachStderr": True,
        "HostConfig": {"NetworkMode": "none", "Runtime": "crun", "CpusetCpus": "1,3"},
    }


def test_what_was_not_asked_for_is_left_to_the_engine() -> None:
    body = docker_api.create_body(Container("img"), None, INSTANCE)
    assert "Cmd" not in body
    assert body["HostConfig"] == {}


def answering(monkeypatch: pytest.MonkeyPatch, answer: Answer) -> None:
    monkeypatch.setattr(engines, "call", lambda *_, **__: answer)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (
            Answer(0, "tcp://10.0.0.1:2375\n", ""),
            "needs an engine with a unix socket, got 'tcp://10.0.0.1:2375' from docker",
        ),
        (Answer(0, "ssh://there\n", ""), "'ssh://there'"),
        (Answer(1, "", 'context "x": not found'), 'context "x": not found'),
        (Answer(0, "", ""), "does not show the address of its engine"),
        (Answer(0, "unix:///no/such.sock\n", ""), "can't connect to '/no/such.sock': No such file"),
    ],
)
def test_an_engine_without_a_unix_socket_is_unavailable(
    monkeypatch: pytest.MonkeyPatch, answer: Answer, reason: str
) -> None:
    answering(monkeypatch, answer)
    found = docker_api.why_not("docker", None)
    assert found is not None
    assert reason in found.reason


def test_a_missing_h11_is_cured_by_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    found = docker_api.why_not("docker", None)
    assert found == Unavailable("via='api' needs h11", "pip install 'pytest-unikernel[docker]'")


def test_what_keeps_the_client_from_running_keeps_the_api_too(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, Answer(0, "unix:///no/such.sock\n", ""))
    missing = Unavailable("no docker", "apt-get install docker.io")
    assert docker_api.why_not("docker", lambda: missing) is missing


def prepared(target: Target) -> Target:
    assert target.prepare is not None
    result: Target = target.prepare(target, Place("token", "/nowhere"))
    return result


def test_the_socket_is_the_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, Answer(0, "unix:///run/user/1000/docker.sock\n", ""))
    made = prepared(DOCKER_CONTAINER(via="api")).supervisor
    assert isinstance(made, docker_api.Supervisors)
    assert made.path == "/run/user/1000/docker.sock"


def test_a_socket_that_went_away_is_an_error_of_the_load(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, Answer(0, "tcp://10.0.0.1:2375\n", ""))
    with pytest.raises(LoadError, match=r"docker_container\[api\]: .*unix socket"):
        prepared(DOCKER_CONTAINER(via="api"))
