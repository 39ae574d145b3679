"""A launch's requests to the engine, and the meaning of the answers. Pure."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping
from typing import Any

from pytest_unikernel.launch.answers import json_object
from pytest_unikernel.launch.docker_api.reply import Reply, Request
from pytest_unikernel.plan.numeric import is_whole

CREATED, STARTED, OK = 201, 204, 200
DAEMON, CANNOT_INVOKE, NOT_FOUND = 125, 126, 127
# Source: docker/cli, cli/command/container/run.go, toStatusError: the client's statuses for these messages.
STATUSES = {
    "executable file not found": NOT_FOUND,
    os.strerror(errno.ENOENT).lower(): NOT_FOUND,
    os.strerror(errno.EACCES).lower(): CANNOT_INVOKE,
    os.strerror(errno.EISDIR).lower(): CANNOT_INVOKE,
}


def create(name: str, body: Mapping[str, Any]) -> Request:
    """Return the request that makes a container; a name is letters, digits and hyphens."""
    return Request("POST", f"/containers/create?name={name}", json.dumps(body).encode())


def attach(container: str) -> Request:
    """Return the request for its output."""
    return Request("POST", f"/containers/{container}/attach?stream=1&stdout=1&stderr=1", upgrade=True)


def wait(container: str) -> Request:
    """Return the request for its exit status; its headers come as soon as the engine waits."""
    return Request("POST", f"/containers/{container}/wait?condition=next-exit")


def start(container: str) -> Request:
    """Return the request that starts it."""
    return Request("POST", f"/containers/{container}/start")


def delete(container: str) -> Request:
    """Return the request that kills it, if it runs, and removes it with its anonymous volumes."""
    return Request("DELETE", f"/containers/{container}?force=1&v=1")


def container_of(reply: Reply) -> str:
    """Return the id of the container that was made; empty if the answer has none."""
    found = json_object(reply.body).get("Id")
    return found if isinstance(found, str) and found.isalnum() else ""


def exit_of(reply: Reply) -> int | None:
    """Return the exit status in an answer to ``wait``; None if it has none, or an error instead."""
    found = json_object(reply.body)
    status = found.get("StatusCode")
    return status if is_whole(status) and not found.get("Error") else None


def message_of(reply: Reply) -> str:
    """Return the engine's error message."""
    found = json_object(reply.body)
    error = found.get("Error")
    said = found.get("message") or (error.get("Message") if isinstance(error, dict) else "")
    return str(said or reply.body.decode(errors="replace").strip() or f"status {reply.status}")


def status_of(message: str) -> int:
    """Return the status with which ``docker run`` ends when a start fails with that message."""
    said = message.lower()
    return next((status for words, status in STATUSES.items() if words in said), DAEMON)
