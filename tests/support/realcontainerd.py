"""A separate containerd for tests: started here, with its files in one directory, killed, and removed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from realloads import until

START_S = 60.0
CONFIG = """
version = 2
root = "{place}/root"
state = "{place}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "{place}/socket"
"""


class Containerd:
    """A containerd that answers at ``CONTAINERD_ADDRESS``.

    Attributes:
        address: its socket.
    """

    def __init__(self, address: str) -> None:
        self.address = address

    def ctr(self, *arguments: str) -> str:
        """Call the client; return its output."""
        argv = ["ctr", "--address", self.address, *arguments]
        return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=START_S).stdout

    def containers(self) -> set[str]:
        """Return the ids of all containers."""
        return set(self.ctr("containers", "list", "--quiet").split())


@contextmanager
def containerd() -> Iterator[Containerd]:
    """Yield a running containerd; socket paths must be short, so it is not in the test's directory."""
    for name in ("containerd", "ctr"):
        if shutil.which(name) is None:
            pytest.skip(f"no {name} on PATH; install containerd")
    if os.geteuid():
        pytest.skip("only root can start containerd")
    with tempfile.TemporaryDirectory(prefix="cd-") as place:
        config = Path(place, "config.toml")
        config.write_text(CONFIG.format(place=place))
        with Path(place, "log").open("wb") as log:
            argv = [shutil.which("containerd") or "containerd", "--config", str(config)]
            process = subprocess.Popen(argv, stdout=log, stderr=log)
        try:
            if not until(lambda: _answers(f"{place}/socket"), START_S):
                pytest.fail(f"containerd does not come up:\n{Path(place, 'log').read_text()[-2000:]}")
            yield Containerd(f"{place}/socket")
        finally:
            process.terminate()
            process.wait(START_S)


def _answers(address: str) -> bool:
    argv = ["ctr", "--address", address, "version"]
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0
