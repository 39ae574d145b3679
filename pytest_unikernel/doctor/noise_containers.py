"""Noise from containers: daemons beside other targets, and slow changes of cgroups."""

from __future__ import annotations

import dataclasses

from pytest_unikernel.doctor import files
from pytest_unikernel.doctor.check import Check
from pytest_unikernel.doctor.noise_cpu import noisy, quiet, unknown
from pytest_unikernel.host import facts as host

FAVOR = "favordynmods"


def daemons() -> Check:
    """Report the container daemons that run."""
    found = host.container_daemons()
    shown = f"{', '.join(found)} {'runs' if len(found) == 1 else 'run'}"
    return noisy("daemons", shown, running=found) if found else quiet("daemons", "none run", running=found)


def cgroups() -> Check:
    """Report the version of cgroups, and whether it is mounted for fast changes.

    Source: proc_pid_mountinfo(5); the options of the superblock follow the separator.
    """
    mounts = _mounts()
    kinds = {kind for kind, _, _ in mounts}
    if not kinds:
        return unknown("cgroups", "none are mounted")
    version = "versions 1 and 2 (hybrid)" if len(kinds) == 2 else f"version {1 + ('cgroup2' in kinds)}"
    favored = any(FAVOR in options.split(",") for _, _, options in mounts)  # one is enough for the lock
    shown = f"{version}, {'with' if favored else 'without'} {FAVOR}"
    facts = {"version": version, FAVOR: favored}
    if favored:
        return quiet("cgroups", shown, **facts)
    found = noisy("cgroups", shown, **facts)
    place = max(mounts)[1]  # version 2's, if there is one
    return dataclasses.replace(found, cure=found.cure.replace("/sys/fs/cgroup", place))


def _mounts() -> list[tuple[str, str, str]]:
    """Return kind, place and the superblock's options of every cgroup mount."""
    found = []
    for line in (files.text(files.PROC / "self/mountinfo") or "").splitlines():
        mount, _, superblock = line.partition(" - ")
        kind, _, options = superblock.split(" ", 2) if superblock.count(" ") >= 2 else ("", "", "")
        if kind.startswith("cgroup"):
            found.append((kind, mount.split(" ")[4], options))
    return found


def checks() -> list[Check]:
    """Return all checks of this file."""
    return [daemons(), cgroups()]
