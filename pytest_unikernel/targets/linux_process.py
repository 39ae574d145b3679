"""A Linux process: a line for the shell, or a program with its arguments."""

from __future__ import annotations

import dataclasses
import functools
import os
import platform
from collections.abc import Mapping, Sequence

from pytest_unikernel.errors import TargetError
from pytest_unikernel.launch.program_versions import program_versions
from pytest_unikernel.plan.target import Target

Command = str | Sequence[str]

SHELL = "/bin/sh"
# As the process of the kernel-benchmark scripts: its own stamp, then the greeting.
DEFAULT_COMMAND = "echo $(date +%s%N) Hello World!"


def linux_process(command: Command = DEFAULT_COMMAND, /) -> Target:
    """Return a target that starts a process; it succeeds with exit status 0.

    Args:
        command: text is a line for ``/bin/sh -c``, a list is an argv without a shell. Every instance
            has ``UNIKERNEL_ID`` and ``UNIKERNEL_DIR`` in its environment.

    Raises:
        TargetError: the command is neither, or empty.
    """
    empty = not (command.strip() if isinstance(command, str) else command)
    if empty or not isinstance(command, (str, list, tuple)):
        raise TargetError(
            f"linux_process: command must be a line for {SHELL} or a list of arguments, got {command!r}"
        )
    if isinstance(command, str):
        return Target("linux_process", (SHELL, "-c", command), versions=_shell_versions)
    return Target("linux_process", command, versions=functools.partial(_versions, command[0]))


def _versions(program: str) -> Mapping[str, str]:
    return {"kernel": platform.release(), **program_versions([program])}


def _shell_versions() -> Mapping[str, str]:
    return {"kernel": platform.release(), "shell": os.path.realpath(SHELL)}


LINUX_PROCESS = dataclasses.replace(linux_process(), factory=linux_process)
