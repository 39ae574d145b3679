"""Helpers for tests of container engines: an image with a shell, the list of containers."""

from __future__ import annotations

import functools
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from pytest_unikernel.guests.build.container_image import ContainerImage, Member, made
from pytest_unikernel.plan.target import Target
from pytest_unikernel.targets.containers.container import LABEL

BOUND_S = 60


@functools.cache
def busybox_image() -> ContainerImage:
    """Return an image with a shell, as an archive."""
    program = shutil.which("busybox")
    assert program is not None, "install busybox-static"
    content = Path(program).read_bytes()
    files = [Member(f"bin/{name}", content) for name in ("busybox", "sh")]
    return made("localhost/pytest-unikernel/busybox", [*files, Member("noexec", b"text", 0o644)], ["/bin/sh"])


def why_not(target: Target) -> str:
    """Return the reason why a target cannot run here; empty if it can."""
    assert target.probe is not None
    missing = target.probe()
    return "" if missing is None else f"{missing} (install)"


class Client(NamedTuple):
    """An engine's command line."""

    program: str
    options: tuple[str, ...] = ()

    def call(self, *arguments: str, given: bytes = b"") -> str:
        """Call the client; return its output."""
        done = subprocess.run(
            [self.program, *self.options, *arguments],
            input=given,
            capture_output=True,
            timeout=BOUND_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def containers(self) -> set[str]:
        """Return the ids of all containers, whatever their state."""
        return set(self.call("ps", "-aq", "--no-trunc").split())

    def everything(self) -> dict[str, set[str]]:
        """Return the ids of all volumes, networks, containers and images, by kind."""
        lists = {"volumes": ("volume", "ls", "-q"), "networks": ("network", "ls", "-q")}
        found = {name: set(self.call(*words).split()) for name, words in lists.items()}
        return {**found, "containers": self.containers(), "images": set(self.call("images", "-q").split())}


def label_of(token: str) -> str:
    """Return the label that a session's containers have."""
    return f"{LABEL}={token}"
