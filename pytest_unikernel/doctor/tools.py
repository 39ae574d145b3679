"""The programs on this host, their versions and abilities."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from pytest_unikernel.doctor import files
from pytest_unikernel.doctor.check import Check, State
from pytest_unikernel.doctor.running import Job
from pytest_unikernel.guests.build.cargo import TARGET as RUST_TARGET
from pytest_unikernel.host.asking import ask
from pytest_unikernel.targets.containers import docker, oci, podman
from pytest_unikernel.targets.qemu import kvm, machine

PATIENCE_S = 5.0
OLDEST_RUSTC = (1, 85)
RUST = "apt-get install cargo, or https://rustup.rs; 1.85 or later, to build kernels of your own"


def asked(*argv: str) -> str:
    """Return a program's stdout; empty if it fails or takes too long."""
    try:
        return ask(*argv, within_s=PATIENCE_S).out.decode(errors="replace").strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def kvm_device() -> Check:
    """Report the kind of KVM and whether this user may use it; the targets report whether it works."""
    modules = sorted(path.name for path in (files.SYS / "module").glob("kvm_*"))
    kind = ", ".join(modules) or "built into the kernel"
    nested = " in a virtual machine" if "hypervisor" in (files.text(files.PROC / "cpuinfo") or "") else ""
    facts = {"modules": modules, "nested": bool(nested)}
    if not kvm.DEVICE.exists():
        cure = "modprobe kvm_intel or kvm_amd; in a virtual machine, enable nested virtualisation on its host"
        return Check("kvm", "absent", f"no {kvm.DEVICE}", cure, facts=facts)
    if not os.access(kvm.DEVICE, os.R_OK | os.W_OK):
        reason = f"{kind}{nested}; {kvm.DEVICE} is not writable by uid {os.getuid()}"
        return Check("kvm", "no", reason, "add the user to the group kvm", facts=facts)
    return Check("kvm", "yes", f"{kind}{nested}; {kvm.DEVICE} is writable", facts=facts)


def qemu_program() -> Check:
    """Report QEMU's version, and its machine types that targets use."""
    found = machine.find(None)
    if not isinstance(found, machine.Qemu):
        state: State = "absent" if shutil.which(machine.PROGRAM) is None else "no"
        return Check("qemu", state, found.reason, found.cure)
    known = {
        line.split()[0] for line in asked(found.program, "-machine", "help").splitlines() if line.split()
    }
    machines = {name: name in known for name in machine.MACHINES}
    facts = {"version": found.version, "machines": machines}
    lacks = [name for name, there in machines.items() if not there]
    if lacks:
        reason = f"{found.version}, without the machine types {', '.join(lacks)}"
        return Check(
            "qemu", "no", reason, "install a QEMU that is built with these machine types", facts=facts
        )
    return Check("qemu", "yes", f"{found.version}; machines {', '.join(machines)}", facts=facts)


def rust() -> Check:
    """Report whether kernels can be built: cargo, rustc, and the core library of the target."""
    lacks = [name for name in ("cargo", "rustc") if shutil.which(name) is None]
    if lacks:
        return Check("rust", "absent", f"no {' and no '.join(lacks)} on PATH", RUST)
    version = asked("rustc", "--version").removeprefix("rustc ").partition(" ")[0]
    library = asked("rustc", "--print", "target-libdir", "--target", RUST_TARGET)
    facts = {"rustc": version, "target": RUST_TARGET}
    if _numbers(version) < OLDEST_RUSTC:
        return Check("rust", "no", f"rustc {version or 'of unknown version'}", RUST, facts=facts)
    if not list(Path(library or os.devnull).glob("libcore-*")):
        cure = f"rustup target add {RUST_TARGET}"
        return Check("rust", "no", f"rustc {version} without {RUST_TARGET}", cure, facts=facts)
    return Check("rust", "yes", f"{version} for {RUST_TARGET}", facts=facts)


def _numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"(\d+)\.(\d+)", version)
    return tuple(map(int, found.groups())) if found else ()


def docker_program() -> Check:
    """Report Docker's client, and the engine that answers it."""
    if shutil.which("docker") is None:
        return Check("docker", "absent", "no docker on PATH", docker.DOCKER.install)
    client, engine = _docker_versions()
    facts = {"client": client, "engine": engine}
    if not engine:
        return Check("docker", "no", f"client {client}, no engine answers", docker.DOCKER.start, facts=facts)
    return Check("docker", "yes", f"client {client}, engine {engine}", facts=facts)


def _docker_versions() -> tuple[str | None, str | None]:
    """Return the versions of client and engine; the client prints its own even without an engine."""
    try:
        sides = json.loads(asked("docker", "version", "--format", "{{json .}}"))
        versions = [(sides.get(side) or {}).get("Version") for side in ("Client", "Server")]
    except (ValueError, AttributeError):
        return None, None
    return versions[0], versions[1]


def program(name: str, cure: str) -> Check:
    """Report the version of a program."""
    path = shutil.which(name)
    if path is None:
        return Check(name, "absent", f"no {name} on PATH", cure)
    version = version_of(path)
    return Check(name, "yes", version or "version unknown", facts={"version": version})


def version_of(path: str) -> str | None:
    """Return the number in the output of ``--version``, or None."""
    found = re.search(r"\d+(?:\.\d+)+[^\s,]*", asked(path, "--version"))
    return found[0] if found else None


def lanes() -> Sequence[Sequence[Job]]:
    """Return all checks of this file."""
    runtimes = (Job(name, partial(program, name, cure)) for name, cure in oci.INSTALL.items())
    return [
        [Job("kvm", kvm_device)],
        [Job("qemu", qemu_program)],
        [Job("rust", rust)],
        [Job("docker", docker_program)],
        [Job("podman", partial(program, "podman", podman.PODMAN.install)), *runtimes],
    ]
