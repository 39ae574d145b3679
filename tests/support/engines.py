"""What the tests of container engines share: an image with a shell, what is there, private daemons."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from realloads import until

from pytest_unikernel.build.container_image import ContainerImage, Member, made
from pytest_unikernel.target import Target
from pytest_unikernel.targets import engine as engines

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
    """Return why a target can't run here; empty if it can."""
    assert target.probe is not None
    missing = target.probe()
    return "" if missing is None else f"{missing} (install)"


class Client(NamedTuple):
    """An engine's command line."""

    program: str
    options: tuple[str, ...] = ()

    def call(self, *arguments: str, given: bytes = b"") -> str:
        """Call it; return what it prints."""
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
        """Return what there is."""
        lists = {"volumes": ("volume", "ls", "-q"), "networks": ("network", "ls", "-q")}
        found = {name: set(self.call(*words).split()) for name, words in lists.items()}
        return {**found, "containers": self.containers(), "images": set(self.call("images", "-q").split())}


class Daemon(NamedTuple):
    """A Docker daemon of a test's own."""

    directory: Path
    process: subprocess.Popen[bytes]

    @property
    def host(self) -> str:
        """What DOCKER_HOST is set to."""
        return f"unix://{self.directory}/docker.sock"

    @property
    def client(self) -> Client:
        """The command line that talks to it."""
        return Client("docker", ("--host", self.host))

    def kill(self) -> None:
        """End it without warning."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextlib.contextmanager
def private_daemon(*options: str, data: Path | None = None) -> Iterator[Daemon]:
    """Run a daemon with a directory, a network and a containerd of its own, and end it."""
    directory = Path(tempfile.mkdtemp(prefix="unikernel-test-", dir="/run"))  # sockets have short paths
    argv = ["unshare", "--net", "dockerd", "--host", f"unix://{directory}/docker.sock"]
    argv += ["--data-root", str(data or directory / "data"), "--exec-root", str(directory / "exec")]
    argv += ["--pidfile", str(directory / "pid"), "--bridge", "none", "--iptables=false", *options]
    log = (directory / "log").open("wb")
    process = subprocess.Popen(argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
    daemon = Daemon(directory, process)
    try:
        assert until(lambda: _answers(daemon), BOUND_S), (directory / "log").read_text()[-2000:]
        yield daemon
    finally:
        _end(daemon)
        log.close()
        _unmount(directory)
        shutil.rmtree(directory, ignore_errors=True)


def _answers(daemon: Daemon) -> bool:
    argv = ["docker", "--host", daemon.host, "info"]
    return subprocess.run(argv, capture_output=True, timeout=BOUND_S, check=False).returncode == 0


def _end(daemon: Daemon) -> None:
    daemon.process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        daemon.process.wait(15)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(daemon.process.pid, signal.SIGKILL)
    daemon.process.wait()


def _unmount(directory: Path) -> None:
    """Take away what a killed daemon left mounted: nothing may be deleted through it."""
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for place in sorted((each for each in mounts if each.startswith(f"{directory}/")), reverse=True):
        argv = ("umount", "--lazy", place)
        subprocess.run(argv, check=True)


def label_of(token: str) -> str:
    """Return the label that a session's containers have."""
    return f"{engines.LABEL}={token}"
