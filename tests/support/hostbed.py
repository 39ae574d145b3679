"""Hosts for tests: network namespaces with addresses of their own, and a dask cluster by TLS over them.

As a command, run another with three: ``python tests/support/hostbed.py pytest --sweep-hosts={hosts}``.
``{hosts}`` stands for the address of their scheduler.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

PATIENCE_S = 120.0
_serials = itertools.count(1)
TLS = ("--tls-ca-file=ca.pem", "--tls-cert=host.pem", "--tls-key=host.key")


def _why_no_namespaces() -> str:
    """Return why there are no network namespaces here; empty where there are, or where they are required."""
    if os.environ.get("UNIKERNEL_REQUIRE_PROGRAMS"):
        return ""
    if os.geteuid() != 0:
        return "network namespaces are made by root only"
    unshare = shutil.which("unshare")
    if unshare is None:
        return "no unshare on PATH; install util-linux"
    made = subprocess.run([unshare, "--net", "true"], capture_output=True, text=True, check=False)
    return f"no network namespaces here: {made.stderr.strip()}" if made.returncode else ""


needs_namespaces = pytest.mark.skipif(bool(_why_no_namespaces()), reason=_why_no_namespaces())
needs_iproute = pytest.mark.skipif(shutil.which("ip") is None, reason="no ip on PATH; install iproute2")
needs_openssl = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="no openssl on PATH; install openssl"
)


def call(*argv: str, cwd: Path | None = None) -> None:
    subprocess.run(argv, check=True, capture_output=True, cwd=cwd)


def make_certificates(directory: Path) -> None:
    """Make an authority and a certificate of it that all hosts use."""
    new_key = ("-newkey", "rsa:2048", "-nodes")
    call(*("openssl", "req", "-x509", *new_key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2"),
         *("-subj", "/CN=authority"), cwd=directory)  # fmt: skip
    call(*("openssl", "req", *new_key, "-keyout", "host.key", "-out", "host.csr", "-subj", "/CN=host"),
         cwd=directory)  # fmt: skip
    call(*("openssl", "x509", "-req", "-in", "host.csr", "-CA", "ca.pem", "-CAkey", "ca.key"),
         *("-CAcreateserial", "-out", "host.pem", "-days", "2"), cwd=directory)  # fmt: skip


def client_environment(directory: Path) -> dict[str, str]:
    """Return the environment in which pytest finds its certificate."""
    prefix = "DASK_DISTRIBUTED__COMM__TLS__"
    files = {"CA_FILE": "ca.pem", "CLIENT__CERT": "host.pem", "CLIENT__KEY": "host.key"}
    return {**os.environ, **{prefix + key: str(directory / name) for key, name in files.items()}}


class Hosts:
    """Network namespaces on a bridge, a scheduler on it, and a worker in each; ``close`` removes them all."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        serial = next(_serials)
        self._tag = f"u{os.getpid() % 1000000}{serial:x}"  # links vanish some time after their namespaces
        self._net = f"10.{os.getpid() % 200 + 20}.{serial % 250}"
        self._namespaces: list[str] = []
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        call("ip", "link", "add", self._tag, "type", "bridge")
        call("ip", "address", "add", f"{self._net}.1/24", "dev", self._tag)
        call("ip", "link", "set", self._tag, "up")
        self._begin()

    def _begin(self) -> None:
        """Start what all hosts need."""
        make_certificates(self.directory)
        self.address = f"tls://{self._net}.1:8786"
        scheduler = ("scheduler", "--host", f"{self._net}.1", "--port", "8786", "--no-dashboard")
        self.scheduler = self._start(
            "scheduler", (sys.executable, "-m", "dask", *scheduler, "--protocol", "tls", *TLS)
        )
        try:
            self._wait_for("Scheduler at", "scheduler")
        except AssertionError:
            self.close()
            raise

    def add(self, name: str, *before: str) -> None:
        """Add a host with a worker that waits, started by a program of ``before`` if there is one."""
        self._added(name, *before)
        self._wait_for("waits for sweeps", name)

    def add_all(self, *names: str) -> None:
        """Add hosts, whose workers start at the same time."""
        for name in names:
            self._added(name)
        for name in names:
            self._wait_for("waits for sweeps", name)

    def _added(self, name: str, *before: str) -> None:
        namespace = self._add_namespace(name)
        command = (
            sys.executable,
            "-m",
            "pytest_unikernel.commands.main",
            "worker",
            self.address,
            "--name",
            name,
        )
        self.workers[name] = self._start(name, ("ip", "netns", "exec", namespace, *before, *command, *TLS))

    def _add_namespace(self, name: str) -> str:
        number = len(self._namespaces) + 2
        namespace, outer, inner = f"{self._tag}-{name}", f"{self._tag}o{number}", f"{self._tag}i{number}"
        call("ip", "netns", "add", namespace)
        self._namespaces.append(namespace)
        call("ip", "link", "add", outer, "type", "veth", "peer", "name", inner, "netns", namespace)
        call("ip", "link", "set", outer, "master", self._tag, "up")
        within = ("ip", "-n", namespace)
        call(*within, "address", "add", f"{self._net}.{number}/24", "dev", inner)
        call(*within, "link", "set", inner, "up")
        call(*within, "link", "set", "lo", "up")
        return namespace

    def address_of(self, name: str) -> str:
        """Return a host's address."""
        return f"{self._net}.{self._namespaces.index(f'{self._tag}-{name}') + 2}"

    def cut(self, name: str) -> None:
        """Cut the link of a host."""
        number = self._namespaces.index(f"{self._tag}-{name}") + 2
        call("ip", "link", "set", f"{self._tag}o{number}", "down")

    def _start(self, name: str, argv: Sequence[str]) -> subprocess.Popen[bytes]:
        output = (self.directory / f"{name}.txt").open("wb")
        with output:
            process = subprocess.Popen(
                argv, cwd=self.directory, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )
        self._processes[name] = process
        return process

    def _wait_for(self, text: str, name: str) -> None:
        log, process = self.directory / f"{name}.txt", self._processes[name]
        wait_until(
            lambda: text in log.read_text(errors="replace") or process.poll() is not None,
            lambda: log.read_text(errors="replace"),
        )
        assert text in log.read_text(errors="replace"), log.read_text(errors="replace")

    def close(self) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()
        for number, namespace in enumerate(self._namespaces, 2):
            call("ip", "link", "delete", f"{self._tag}o{number}")  # a socket that waits would keep it
            call("ip", "netns", "delete", namespace)
        call("ip", "link", "delete", self._tag)


def wait_until(condition: Callable[[], bool], shown: Callable[[], str]) -> None:
    """Wait for a condition; an event of another process's."""
    end_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end_s, shown()
        time.sleep(0.05)


def main(*command: str) -> int:
    """Run a command with three hosts, and return its exit status; a signal removes the hosts, too."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    with tempfile.TemporaryDirectory() as name, contextlib.closing(Hosts(Path(name))) as hosts:
        hosts.add_all("one", "two", "three")
        argv = [word.replace("{hosts}", hosts.address) for word in command]
        return subprocess.run(argv, env=client_environment(hosts.directory), check=False).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
