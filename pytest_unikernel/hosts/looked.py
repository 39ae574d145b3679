"""The findings about the hosts of a cluster. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_unikernel.hosts.clocks import Offset

SCHEMA = 1
VERSION_KEYS = ("version", "rustc", "engine", "release", "client")  # of a tool's facts, in the doctor's JSON
PLUGIN = "pytest-unikernel"
OURS = (PLUGIN, "python", "kernel")


@dataclass(frozen=True)
class Looked:
    """The findings about one host.

    Attributes:
        facts: host name, CPUs, and the versions of ``OURS``.
        monotonic: its CLOCK_MONOTONIC less ours: what a sweep agrees an instant by.
        wall: its CLOCK_REALTIME less ours.
        same_clock: whether its CLOCK_MONOTONIC is ours.
        doctor: what its doctor says, as JSON has it; empty if it could not be asked.
        error: why it could not.
    """

    name: str
    facts: Mapping[str, Any]
    monotonic: Offset
    wall: Offset
    same_clock: bool = False
    doctor: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""

    @property
    def faults(self) -> list[str]:
        """The targets that should run there and do not."""
        return list(self.doctor.get("faults", ()))

    @property
    def cpus(self) -> float:
        """The CPUs that may be used there."""
        return float(self.doctor.get("machine", {}).get("usable_cores", self.facts["cpus"]))

    def refused(self, ours: str) -> str:
        """Return why sweeps refuse it, with the cure: another version of the plugin than ours."""
        theirs = self.facts[PLUGIN]
        if theirs == ours:
            return ""
        has = f"{PLUGIN} {theirs}" if theirs else f"no {PLUGIN}"
        return (
            f"it has {has}, this host {ours}, and sweeps refuse it; run there: pip install {PLUGIN}=={ours}"
        )

    def versions(self) -> dict[str, str]:
        """Return the versions of what is installed there, by name."""
        found = {name: str(self.facts[name]) for name in OURS if self.facts[name]}
        for name, check in self.doctor.get("tools", {}).items():
            version = next((check["facts"][key] for key in VERSION_KEYS if check["facts"].get(key)), None)
            if version is not None:
                found[name] = str(version)
        return found

    def as_json(self) -> dict[str, Any]:
        """Return everything."""
        return {
            **{key: value for key, value in self.facts.items() if key != "clock"},
            "cpus": self.cpus,
            "clock": {
                "same": self.same_clock,
                "offset_s": self.monotonic.offset_ns / 1e9,
                "wall_offset_s": self.wall.offset_ns / 1e9,
                "error_s": self.monotonic.error_ns / 1e9,
            },
            "versions": self.versions(),
            "doctor": dict(self.doctor),
            "error": self.error,
        }


def differing(hosts: Sequence[Looked]) -> dict[str, dict[str, list[str]]]:
    """Return the names of the hosts that have each version, for all that has several."""
    found: dict[str, dict[str, list[str]]] = {}
    for host in hosts:
        for subject, version in host.versions().items():
            found.setdefault(subject, {}).setdefault(version, []).append(host.name)
    return {subject: versions for subject, versions in found.items() if len(versions) > 1}


def faults(hosts: Sequence[Looked], ours: str) -> dict[str, list[str]]:
    """Return the faults of hosts that have some: targets, or why it can't be asked or used at all."""
    found = {}
    for host in hosts:
        whole = [each for each in (host.error, host.refused(ours)) if each]
        if whole or host.faults:
            found[host.name] = [*whole, *host.faults]
    return found


def as_json(hosts: Sequence[Looked], ours: str) -> dict[str, Any]:
    """Return the findings about all hosts."""
    return {
        "schema": SCHEMA,
        "hosts": {host.name: host.as_json() for host in hosts},
        "differing": differing(hosts),
        "faults": faults(hosts, ours),
    }
