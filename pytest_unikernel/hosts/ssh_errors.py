"""Why a host of ``--sweep-hosts=ssh:`` can't work, and the cure. Pure, but for the names of errors."""

from __future__ import annotations

import asyncio
from importlib.metadata import version
from typing import NamedTuple

EXTRA = "pytest-unikernel[hosts]"
NOT_FOUND = (126, 127)  # a shell's status for a command that it can't find or start


class Python(NamedTuple):
    """The path of Python on the hosts, and the option that names another."""

    path: str
    option: str


def no_connection_text(name: str, error: Exception) -> str:
    """Return why SSH doesn't reach a host; errors of asyncssh are known by their names."""
    kind = type(error).__name__
    said = str(error).strip() or kind
    if kind == "HostKeyNotVerifiable":
        return (
            f"its host key is unknown, or not the known one ({said}); run ssh {name} once and "
            "compare the fingerprint, or add the key to ~/.ssh/known_hosts"
        )
    if kind == "PermissionDenied":
        return (
            f"it refused our keys ({said}); ssh {name} has to work without a password: add a public key "
            f"to its ~/.ssh/authorized_keys (ssh-copy-id {name}), or the key to ssh-agent"
        )
    if kind in {"KeyImportError", "KeyEncryptionError"}:
        return f"a key can't be used ({said}); add it to ssh-agent (ssh-add)"
    if isinstance(error, (TimeoutError, asyncio.TimeoutError)):
        said = "no answer in time"
    return f"it can't be reached by SSH ({said}); expected ssh {name} true to succeed"


def no_worker_text(python: Python, status: int | None, last: str) -> str:
    """Return why no worker came up: its program ended with this status and these last words."""
    ours = version("pytest-unikernel")
    cure = f"run there: {python.path} -m pip install '{EXTRA}=={ours}'"
    other = f"{python.option}=PATH names the Python that has pytest-unikernel there"
    if status in NOT_FOUND:
        return f"no Python at {python.path!r} ({last or f'status {status}'}); {other}"
    if "ModuleNotFoundError" in last or "ImportError" in last:
        return f"{python.path} lacks this pytest-unikernel ({last}); {cure}, or {other}"
    how = f"status {status}" if status is not None else "a signal"
    return f"{python.path} ended with {how}: {last or 'no message'}"
