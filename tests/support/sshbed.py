"""Hosts that SSH reaches, for tests: an sshd of its own keys in each of some network namespaces."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hostbed import Hosts, call

SSHD = "/usr/sbin/sshd"
needs_sshd = pytest.mark.skipif(
    not (Path(SSHD).exists() and shutil.which("ssh-keygen")),
    reason=f"no {SSHD} or ssh-keygen; install openssh-server and openssh-client",
)
SERVER = """\
Port 22
HostKey {here}/host_key
PidFile none
AuthorizedKeysFile {here}/authorized_keys
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
PasswordAuthentication no
"""
CLIENT = """\
Host {name}
  HostName {address}
  User root
"""


def new_key(file: Path) -> str:
    """Make a key without a passphrase; return its public part."""
    call("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(file))
    return file.with_suffix(".pub").read_text()


class SshHosts(Hosts):
    """Namespaces with an sshd in each, and a home directory whose ~/.ssh knows and opens them all."""

    def _begin(self) -> None:
        directory = self.directory
        self.home = directory / "home"
        self.of_ssh = self.home / ".ssh"
        self.of_ssh.mkdir(parents=True, mode=0o700)
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd demands it, empty
        self.host_key = new_key(directory / "host_key")
        (directory / "authorized_keys").write_text(new_key(self.of_ssh / "id_ed25519"))
        (directory / "sshd_config").write_text(SERVER.format(here=directory))

    def add(self, name: str, *before: str) -> None:
        """Add a host, known and open."""
        namespace = self._add_namespace(name)
        sshd = (SSHD, "-D", "-e", "-f", str(self.directory / "sshd_config"))
        self._start(name, ("ip", "netns", "exec", namespace, *before, *sshd))
        self._wait_for("Server listening on 0.0.0.0", name)
        with (self.of_ssh / "config").open("a") as file:
            file.write(CLIENT.format(name=name, address=self.address_of(name)))
        with (self.of_ssh / "known_hosts").open("a") as file:
            file.write(f"{self.address_of(name)} {self.host_key}")

    def environment(self) -> dict[str, str]:
        """Return the environment of a client: its home, and no agent of the user's."""
        kept = {key: value for key, value in os.environ.items() if key != "SSH_AUTH_SOCK"}
        return {**kept, "HOME": str(self.home)}
