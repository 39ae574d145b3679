"""A separate Docker engine for tests: started here on its own socket, killed, and removed."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from realloads import alive, mentioning, until

from pytest_unikernel.guests.build.container_image import Member, made

START_S = 60.0
BUSYBOX = "pytest-unikernel/busybox"
# An engine's orphans, the shims, must not become children of the tests, whose session adopts orphans.
KEEPER = """
import ctypes, os, subprocess, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
print(subprocess.Popen(sys.argv[1:], stdout=sys.stderr).pid, flush=True)
try:
    while True:
        os.wait()
except ChildProcessError:
    pass
"""


class RealEngine:
    """A dockerd with all files below one directory, in its own network namespace, because it removes docker0.

    Attributes:
        host: the value of DOCKER_HOST for this engine.
    """

    def __init__(self, directory: Path, data: Path | None = None) -> None:
        """Start the engine; its images are in ``data``, by default below the directory too."""
        self._directory = directory
        self.host = f"unix://{directory}/docker.sock"
        self._log = (directory / "log").open("wb")
        files = ("--data-root", str(data or directory / "data"), "--exec-root", f"{directory}/exec")
        network = ("--host", self.host, "--bridge=none", "--iptables=false")
        argv = [
            _program("unshare"),
            "--net",
            _program("dockerd"),
            *files,
            "--pidfile",
            f"{directory}/pid",
            *network,
        ]
        self._keeper = subprocess.Popen(
            [sys.executable, "-IS", "-c", KEEPER, *argv],
            stdout=subprocess.PIPE,
            stderr=self._log,
        )
        assert self._keeper.stdout is not None
        self._pid = int(self._keeper.stdout.readline())

    def docker(self, *arguments: str, given: bytes | None = None) -> str:
        """Call the client and return its output."""
        environment = {**os.environ, "DOCKER_HOST": self.host}
        done = subprocess.run(
            [_program("docker"), *arguments], input=given, env=environment, capture_output=True, check=True
        )
        return done.stdout.decode()

    def answers(self) -> bool:
        """Return whether the engine answers."""
        with contextlib.suppress(subprocess.CalledProcessError):
            return bool(self.docker("info", "--format", "{{.ServerVersion}}").strip())
        return False

    def log(self) -> str:
        """Return the end of the engine's log."""
        return (self._directory / "log").read_text(errors="replace")[-2000:]

    def containers(self) -> set[str]:
        """Return the names of all containers."""
        return set(self.docker("ps", "--all", "--format", "{{.Names}}").split())

    def load(self, repository: str, files: dict[str, bytes], command: Sequence[str]) -> str:
        """Load an image into the engine; return its name."""
        image = made(repository, [Member(name, content) for name, content in files.items()], command)
        self.docker("load", given=image.archive)
        return image.tag

    def load_busybox(self) -> str:
        """Load an image with a shell into the engine; return its name."""
        found = shutil.which("busybox")
        assert found is not None
        return self.load(BUSYBOX, {"bin/busybox": Path(found).read_bytes()}, ["/bin/busybox"])

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Kill the engine as the kernel does when memory runs out."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, number)
        until(lambda: not alive(self._pid))

    def close(self) -> None:
        """End the engine with all processes that it started, and undo its mounts."""
        self.kill(signal.SIGTERM)
        self.kill()
        while pids := set(mentioning(f"{self._directory}/exec")) - {self._keeper.pid}:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self._keeper.wait(START_S)
        assert self._keeper.stdout is not None
        self._keeper.stdout.close()
        self._log.close()
        for line in reversed(Path("/proc/mounts").read_text().splitlines()):
            if line.split()[1].startswith(f"{self._directory}/"):
                subprocess.run([_program("umount"), "--lazy", line.split()[1]], check=False)


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"no {name} on PATH; install docker.io")
    return found


@contextmanager
def real_engine(data: Path | None = None) -> Iterator[RealEngine]:
    """Yield a running engine; socket paths must be short, so its files are not in the test's directory."""
    for name in ("dockerd", "docker"):
        _program(name)
    if os.geteuid():
        pytest.skip("only root can start dockerd")
    with tempfile.TemporaryDirectory(prefix="engine-") as directory:
        engine = RealEngine(Path(directory), data)
        try:
            if not until(engine.answers, START_S):
                pytest.fail(f"dockerd does not come up:\n{engine.log()}")
            yield engine
        finally:
            engine.close()
