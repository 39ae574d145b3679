"""A container by an OCI runtime alone: no daemon, no engine, a bundle that we make."""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from pytest_unikernel.errors import TargetError
from pytest_unikernel.guests.build.container_image import PROGRAM
from pytest_unikernel.guests.build.oci_bundle import MOUNT_POINTS, hello_rootfs, write_bundle
from pytest_unikernel.host.facts import program_version
from pytest_unikernel.launch.cleanup import remove
from pytest_unikernel.plan.target import Target
from pytest_unikernel.plan.target_fields import Place, Unavailable
from pytest_unikernel.targets.one_launch import launched_once

PathText = str | os.PathLike[str]

NAME = "oci_container"
DEFAULT_RUNTIME = "runc"
INSTALL = {
    "runc": "apt-get install runc",
    "crun": "apt-get install crun",
    "youki": "cargo install youki",
    "runsc": "install gVisor's runsc",
}
SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin"
# Error messages of runtimes -> cures.
CURES = {
    "hybrid mode": "boot with one version of cgroups (systemd.unified_cgroup_hierarchy=1), or mount the "
    "controllers that /sys/fs/cgroup/unified/cgroup.controllers lists as version 1; or use runtime='runc'",
    "cannot run with network enabled in root network namespace": "options=['--network=none']",
}
# A runtime by itself reports no events; the container's first byte of output is what the host sees.
PHASES = {"before output": ("started", "output"), "after output": ("output", "exited")}
# Measured: the runtime's own peak and the memory charged to a small container.
MEMORY_MIB, PROCESSES = 16, 12


def oci_container(
    *,
    runtime: str = DEFAULT_RUNTIME,
    rootfs: PathText | None = None,
    command: Sequence[str] = (),
    bundle: PathText | None = None,
    options: Sequence[str] = (),
) -> Target:
    """Return a target that runs a container by ``RUNTIME run``; it succeeds with the container's status 0.

    Args:
        runtime: a program with runc's command line: ``runc``, ``crun``, ``youki``, ``runsc`` …, or its path.
        rootfs: the directory that is the container's root, read-only, with ``dev``, ``proc`` and ``sys`` to
            mount on; by default one with a small static program of ours.
        command: the argv that runs in it; the same for all instances.
        bundle: a bundle of the user's, used as it is, in place of both.
        options: more of the runtime's own arguments, before ``run``.

    Raises:
        TargetError: a parameter can't be right.
    """
    parameters = _Parameters(
        runtime, _rootfs(rootfs, command, bundle), tuple(command) or (PROGRAM,), _bundle(bundle)
    )
    parameters = dataclasses.replace(parameters, options=_options(options))
    _check(parameters, command)
    return _target(parameters)


@dataclasses.dataclass(frozen=True)
class _Parameters:
    """The parameters, checked; ``rootfs`` None is ours, ``bundle`` None is made for each load."""

    runtime: str
    rootfs: Path | None
    command: tuple[str, ...]
    bundle: Path | None
    options: tuple[str, ...] = ()

    @property
    def is_ours(self) -> bool:
        """Whether our program is run, which is known to print something."""
        return self.rootfs is None and self.bundle is None and self.command == (PROGRAM,)

    def argv(self, root: str, bundle: str) -> tuple[str, ...]:
        """Return the argv of one launch."""
        return (self.runtime, *self.options, "--root", root, "run", "--bundle", bundle, "{id}")

    def prepare(self, target: Target, place: Place) -> Target:
        """Make the bundle and the runtime's root for a load; its processes carry the session's token."""
        directory = Path(place.directory)
        root = directory / "oci-root"
        root.mkdir(mode=0o700)
        bundle = self._made(directory / "oci-bundle", {"UNIKERNEL_SESSION": place.session})
        return dataclasses.replace(
            target,
            argv=self.argv(str(root), str(bundle)),
            removal=(self.runtime, *self.options, "--root", str(root), "delete", "--force", "{id}"),
            leftovers=remove.argv("runtime", str(root), self.runtime, *self.options),
        )

    def _made(self, directory: Path, environment: Mapping[str, str]) -> Path:
        if self.bundle is not None:
            return self.bundle
        return write_bundle(directory, self.rootfs or hello_rootfs(), self.command, environment)

    def probe(self) -> Unavailable | None:
        """Return why the runtime can't run a container here, or None; tried with the bundle itself."""
        name = Path(self.runtime).name
        if shutil.which(self.runtime) is None:
            return self._why_not_found(name)
        if self.bundle is not None or self.rootfs is not None:
            return None
        said = launched_once(_target(self))
        if said is None:
            return None
        usual = "run as root" if os.geteuid() else f"{name} --debug run shows more"
        cure = next((cure for words, cure in CURES.items() if words in said), usual)
        return Unavailable(f"{name} can't run a container on this host: {said}", cure)

    def _why_not_found(self, name: str) -> Unavailable:
        beside = shutil.which(name, path=SYSTEM_PATH) if name == self.runtime else None
        if beside is not None:  # a plain user's PATH may have no sbin
            return Unavailable(f"no {name} on PATH, but {beside} exists", f"use runtime={beside!r}")
        if name != self.runtime:
            return Unavailable(
                f"runtime={self.runtime!r} is not an executable file", "give the path of one that is"
            )
        return Unavailable(f"no {name} on PATH", INSTALL.get(name, f"install {name}"))

    def versions(self) -> Mapping[str, str]:
        """Return the versions that the launches use."""
        found = program_version(self.runtime) or "unknown"
        ran = "bundle" if self.bundle is not None else " ".join(self.command)
        return {Path(self.runtime).name: found.rpartition(" ")[2], "command": ran}


def _target(parameters: _Parameters) -> Target:
    """Return the target; the rest is prepared when a load starts."""
    return Target(
        NAME,
        parameters.argv("{dir}", "{dir}"),
        marks={"output": rb"[\s\S]"},
        prepare=parameters.prepare,
        removes_itself=True,
        probe=parameters.probe,
        versions=parameters.versions,
        memory_bytes=MEMORY_MIB << 20,
        processes=PROCESSES,
        phases=PHASES,
        partition=tuple(PHASES) if parameters.is_ours else (),
        naming={"runtime": lambda runtime: Path(runtime).name},
    )


def _rootfs(rootfs: PathText | None, command: Sequence[str], bundle: PathText | None) -> Path | None:
    if bundle is not None and (rootfs is not None or command):
        raise TargetError(
            f"{NAME}: expected bundle=, or rootfs= and command=, got bundle= with "
            f"rootfs={rootfs!r} and command={command!r}"
        )
    if rootfs is None:
        return None
    if not _is_path(rootfs) or not Path(rootfs).is_dir():
        raise TargetError(f"{NAME}: rootfs must be a directory, got {rootfs!r}")
    missing = [name for name in MOUNT_POINTS if not (Path(rootfs) / name).is_dir()]
    if missing:  # the runtime would make them
        raise TargetError(
            f"{NAME}: rootfs must have the directories {', '.join(missing)} to mount on, got "
            f"{os.fspath(rootfs)!r}; make them, empty"
        )
    if not command:
        raise TargetError(
            f"{NAME}: rootfs={os.fspath(rootfs)!r} needs command=, the program to run in it, got none"
        )
    return Path(rootfs).resolve()


def _is_path(value: object) -> bool:
    return isinstance(value, (str, os.PathLike)) and os.fspath(value) != ""


def _bundle(bundle: PathText | None) -> Path | None:
    if bundle is None:
        return None
    if not _is_path(bundle) or not (Path(bundle) / "config.json").is_file():
        raise TargetError(f"{NAME}: bundle must be a directory with a config.json, got {bundle!r}")
    return Path(bundle).resolve()


def _options(options: Sequence[str]) -> tuple[str, ...]:
    if not isinstance(options, (list, tuple)) or not all(isinstance(part, str) for part in options):
        raise TargetError(f"{NAME}: options must be a list of text, one entry per argument, got {options!r}")
    if any(option.partition("=")[0].lstrip("-") == "root" for option in options):
        raise TargetError(
            f"{NAME}: options= must not contain --root, which every load sets itself, got {options!r}"
        )
    return tuple(options)


def _check(parameters: _Parameters, command: Sequence[str]) -> None:
    runtime = parameters.runtime
    if not isinstance(runtime, str) or not runtime or runtime.startswith("-"):
        raise TargetError(f"{NAME}: runtime must be a program's name or path, got {runtime!r}")
    if not isinstance(command, (list, tuple)) or not all(isinstance(part, str) for part in command):
        raise TargetError(f"{NAME}: command must be a list of text, one entry per argument, got {command!r}")
    if any("\0" in part for part in command):
        raise TargetError(f"{NAME}: command can't hold a NUL byte, got {command!r}")


OCI_CONTAINER = dataclasses.replace(oci_container(), factory=oci_container)
