"""The hint at a wrong readiness: real phrases of servers, and lines that say something else."""

from __future__ import annotations

import re
from typing import Any

import pytest

from pytest_unikernel.plan.readiness import Event, Exit, Http, Line, Port
from pytest_unikernel.plan.target import Target
from pytest_unikernel.text.ready_hint import ready_hint, ready_phrase

REDIS = """\
5645:C 28 Nov 2026 02:59:46.217 # Redis version=7.0.15, bits=64, modified=0, pid=5645, just started
5645:M 28 Nov 2026 02:59:46.226 # Server initialized
5645:M 28 Nov 2026 02:59:46.227 * Ready to accept connections
"""
SAID = [
    (REDIS, "Ready to accept connections"),
    ("1:M 01 Jan 2026 * Ready to accept connections tcp", "Ready to accept connections"),
    ("LOG:  database system is ready to accept connections", "ready to accept connections"),
    ("[Note] mariadbd: ready for connections.", "ready for connections"),
    ('{"msg":"Waiting for connections","attr":{"port":27017}}', "Waiting for connections"),
    ("Serving HTTP on 127.0.0.1 port 8000 (http://127.0.0.1:8000/) ...", "Serving HTTP on"),
    ("[2026-01-01] [INFO] Listening at: http://127.0.0.1:8000 (12)", "Listening at"),
    ("INFO:     Uvicorn running on http://127.0.0.1:8000 (Press CTRL+C to quit)", "running on"),
    ("INFO:     Application startup complete.", "startup complete"),
    (" * Running on http://127.0.0.1:5000", "Running on"),
    ("Server listening on 0.0.0.0 port 22.", "listening on"),
    ('time=2026 level=info msg="API listen"\nDaemon has started', "Daemon has started"),
    ("Started DemoApplication in 2.157 seconds (process running for 2.5)", "Started DemoApplication in"),
    ("  VITE v5.0  ready in 312 ms", "ready in"),
    ("apache2: server is ready to serve", "server is ready"),
    ("mosquitto version 2.0.11 running\nprobe is ready.", "is ready"),
    ("memcached started", "started"),
    ("accepting connections", "accepting connections"),
    ("hello\nDebian GNU/Linux 12 box ttyS0\n\nbox login: ", "login:"),
]  # fmt: skip
NOT_SAID = [
    "",
    "starting",
    "not ready",
    "Server failed to start: listening on 0.0.0.0:80: address in use",
    "waiting for the network to be ready",
    "error: is not listening on any port",
    "unable to start; service never ready",
    "already started the other day, see the log",
    "readying",
    "\x1b[31m\udcff",
]


@pytest.mark.parametrize(("output", "phrase"), SAID)
def test_servers_say_that_they_are_ready(output: str, phrase: str) -> None:
    assert ready_phrase(output) == phrase


@pytest.mark.parametrize("output", NOT_SAID)
def test_other_lines_say_nothing_of_the_kind(output: str) -> None:
    assert ready_phrase(output) is None


@pytest.mark.parametrize(("output", "phrase"), SAID)
def test_the_proposed_line_is_one_that_the_target_takes(output: str, phrase: str) -> None:
    assert Line(phrase).matcher().search(output.encode())


def hint(output: str = REDIS, reason: str = "timeout", **fields: Any) -> str:
    return ready_hint(Target("it", ["server", "{port}"], **fields), {reason: 2}, output)


def test_a_short_lived_server_is_told_to_be_long_lived_with_its_line() -> None:
    assert hint().endswith("long_lived=True, ready=Line('Ready to accept connections')")


def test_a_program_that_never_exits_and_says_nothing_gets_the_choice() -> None:
    assert re.search(r"did not exit; .* long_lived=True.* ready=Port\(\), Http\(\)", hint(""))


@pytest.mark.parametrize("ready", [Line("Started"), Event("ready")])
def test_a_line_that_never_came_is_compared_with_the_one_that_did(ready: Line | Event) -> None:
    said = hint(reason="not-ready", ready=ready, long_lived=True)
    assert f"not what is waited for ({ready})" in said
    assert "ready=Line('Ready to accept connections')" in said


@pytest.mark.parametrize("ready", [Port(8080), Http()])
def test_a_port_that_never_answered_is_doubted(ready: Port) -> None:
    assert f"nothing answered at its {ready}" in hint(ready=ready, long_lived=True)


def test_a_target_that_was_ready_and_did_not_exit_may_be_long_lived() -> None:
    assert hint(ready=Line("Ready to accept")).endswith("it is long_lived=True")


@pytest.mark.parametrize("reason", ["exit-code", "spawn-error", "signal", "guest-panic"])
def test_other_failures_have_other_causes(reason: str) -> None:
    assert hint(reason=reason) == ""


def test_a_target_with_nothing_to_say_about_a_line_stays_without_a_hint() -> None:
    assert hint("", ready=Line("up"), long_lived=True) == ""
    assert isinstance(Target("it", ["x"]).ready, Exit)
