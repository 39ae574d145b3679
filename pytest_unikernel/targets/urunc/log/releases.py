"""The meaning of urunc's stamps, and the phases between them, by line of releases. Pure.

Ids were renumbered in 0.5, so the same id means another instant there: ids are never compared across lines.

Sources: urunc's documentation page *Timestamps* (0.3, 0.4); its ``cmd/urunc/create.go``, ``start.go``,
``pkg/unikontainers/unikontainers.go`` (all lines) and ``internal/metrics/schema.go`` (names, from 0.7).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from pytest_unikernel.results.intervals import EventPair

FIRST = "TS00"
# Stamps of 0.3 that bound the check whether a container is a unikernel: one pair per urunc command, outside
# the series. urunc's scripts leave them out by this part of their id.
APART = "cTS"
APART_PAIR = ("cTS00", "cTS01")
APART_MEANING = "the check whether the container is a unikernel, once per urunc command"


class Meaning(NamedTuple):
    """A stamp's process, the event that it marks there, and its name in the log (from 0.7)."""

    process: str
    text: str
    name: str = ""

    def as_json(self) -> dict[str, str | None]:
        """Return the document's form."""
        return {"process": self.process, "meaning": self.text, "name": self.name or None}


@dataclass(frozen=True)
class Release:
    """A line of releases whose stamps mean the same.

    Attributes:
        label: its versions: ``0.5-0.6``.
        stamps: id -> meaning, in the order of the ids, which isn't the order in time.
        phases: name -> the stamps that bound it.
    """

    label: str
    stamps: Mapping[str, Meaning]
    phases: Mapping[str, EventPair]

    def __hash__(self) -> int:
        return hash(self.label)

    @property
    def pairs(self) -> tuple[EventPair, ...]:
        """Each id and the next: ``("TS00", "TS01"), ...``."""
        return tuple(itertools.pairwise(self.stamps))

    @property
    def last(self) -> str:
        """The id of the last stamp, execve of the monitor; empty where it isn't known."""
        return self.phases.get("total", ("", ""))[1]

    def meaning(self, stamp_id: str) -> Meaning:
        """Return a stamp's meaning; of an unknown stamp, that these releases don't have it."""
        return self.stamps.get(stamp_id) or Meaning("?", f"not a stamp of urunc {self.label}")


_BEGIN = {
    "TS00": Meaning("create", "urunc create was invoked", "CR.invoked"),
    "TS01": Meaning("create", "the spec is parsed", "CR.unikontainer_created"),
    "TS02": Meaning("create", "the state is written", "CR.initial_setup"),
    "TS03": Meaning("create", "about to start reexec", "CR.start_reexec"),
    "TS04": Meaning("reexec", "reexec's main was reached", "RX.create_invoked"),
}
_SINCE_0_5 = {
    **_BEGIN,
    "TS05": Meaning("reexec", "the pipes are closed", "RX.close_pipes_and_setup_base"),
    "TS06": Meaning("create", "nsenter sent the pids", "CR.received_pids"),
    "TS07": Meaning("create", "the CreateRuntime hooks are done", "CR.hooks_executed"),
    "TS08": Meaning("create", "ACK was sent to reexec", "CR.sent_ack"),
    "TS09": Meaning("reexec", "ACK was received", "RX.received_ack"),
    "TS10": Meaning("create", "urunc create ends", "CR.terminated"),
    "TS11": Meaning("start", "urunc start was invoked", "ST.invoked"),
    "TS12": Meaning("start", "the state is read", "ST.unikontainer_created"),
    "TS13": Meaning("start", "START was sent to reexec", "ST.sent_start_msg"),
    "TS14": Meaning("reexec", "START was received", "RX.received_start_msg"),
    "TS15": Meaning("reexec", "the network namespace is joined", "RX.joined_netns"),
    "TS16": Meaning("reexec", "the network is set up", "RX.network_setup_completed"),
    "TS17": Meaning("reexec", "disk and rootfs are set up", "RX.disk_setup_completed"),
    "TS18": Meaning("reexec", "execve of the monitor", "RX.execve_hypervisor"),
}
_PHASES_SINCE_0_5 = {
    "create": ("TS00", "TS08"),
    "nsenter": ("TS03", "TS04"),
    "created": ("TS00", "TS10"),
    "start->exec": ("TS11", "TS18"),
    "network": ("TS15", "TS16"),
    "rootfs": ("TS16", "TS17"),
    "total": ("TS00", "TS18"),
}


def _nameless(stamps: Mapping[str, Meaning]) -> dict[str, Meaning]:
    return {name: meaning._replace(name="") for name, meaning in stamps.items()}


UP_TO_0_4 = Release(
    "0.3-0.4",
    {
        **_nameless(_BEGIN),
        "TS05": Meaning("reexec", "the spec is parsed"),
        "TS06": Meaning("reexec", "BOOTED was sent to create"),
        "TS07": Meaning("create", "BOOTED was received"),
        "TS08": Meaning("create", "the CreateRuntime hooks are done"),
        "TS09": Meaning("create", "ACK was sent to reexec"),
        "TS10": Meaning("reexec", "ACK was received"),
        "TS11": Meaning("create", "urunc create ends"),
        "TS12": Meaning("start", "urunc start was invoked"),
        "TS13": Meaning("start", "the spec is parsed"),
        "TS14": Meaning("start", "START was sent to reexec"),
        "TS15": Meaning("reexec", "START was received"),
        "TS16": Meaning("reexec", "the network namespace is joined"),
        "TS17": Meaning("reexec", "the network is set up"),
        "TS18": Meaning("reexec", "the disk is set up"),
        "TS19": Meaning("reexec", "execve of the monitor"),
    },
    {
        "create": ("TS00", "TS09"),
        "nsenter": ("TS03", "TS04"),
        "created": ("TS00", "TS11"),
        "start->exec": ("TS12", "TS19"),
        "network": ("TS16", "TS17"),
        "rootfs": ("TS17", "TS18"),
        "total": ("TS00", "TS19"),
    },
)
UP_TO_0_6 = Release("0.5-0.6", _nameless(_SINCE_0_5), _PHASES_SINCE_0_5)
# From 0.7 on TS10 is stamped by reexec, though its name says CR, and TS17 elsewhere than before: the phases
# "created" and "rootfs" can't be compared with those of 0.6.
FROM_0_7 = Release(
    "0.7-0.8",
    {**_SINCE_0_5, "TS10": Meaning("reexec", "the CreateContainer hooks are done", "CR.terminated")},
    _PHASES_SINCE_0_5,
)
# A life without names that ended early: its ids are known, most of their meanings aren't.
UNDECIDED = Release(
    "0.3-0.6",
    {
        f"TS{number:02}": _nameless(_BEGIN).get(f"TS{number:02}", Meaning("?", "depends on the release"))
        for number in range(18)
    },
    {},
)
RELEASES = (UP_TO_0_4, UP_TO_0_6, FROM_0_7, UNDECIDED)
