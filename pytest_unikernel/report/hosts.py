"""The hosts of loads that several made together, for charts and tables. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from pytest_unikernel.report.load import ReportedLoad, clean
from pytest_unikernel.report.series import ReportedSeries, Results

HOST_COLUMNS = 30
ROOM = 720  # hosts of all loads together: a page of eight targets at eleven steps stays under 3 MB
SHARED = ("timeout_s", "time_step_s", "generator")  # what a host's figures need of the load's record


@dataclass(frozen=True)
class ReportedHost:
    """A host's share of a load, with the figures of a load.

    Attributes:
        name: safe to print; a number where the record has none.
        lost: why it was lost in mid-load; empty if it wasn't.
    """

    name: str
    load: ReportedLoad
    lost: str

    @property
    def is_ok(self) -> bool:
        """Whether its launches were ok, to the end of the load."""
        return self.load.verdict == "ok" and not self.lost


def hosts_of(load: ReportedLoad) -> list[ReportedHost]:
    """Return the hosts of a load in the order of the record; empty if one host made it."""
    return list(_hosts(load))


def _hosts(load: ReportedLoad) -> Iterator[ReportedHost]:
    for number, host in enumerate(load.record.get("hosts") or (), 1):
        name = clean(host["name"] or number, HOST_COLUMNS)
        shared: dict[str, Any] = {key: load.record.get(key) for key in SHARED}
        record = {**host, **shared, "mode": "sweep", "target": load.record["target"]}
        own = ReportedLoad(load.fullname, load.series, record, is_search=load.is_search)
        yield ReportedHost(name, own, own.text("lost"))


def room_for(results: Results, most: int) -> int:
    """Return how many hosts of a load the page has room for: at most ``most``, at least one."""
    series = [each for each in results.sweeps if each.run == "current"]
    loads = sum(bool(load.record.get("hosts")) for each in series for load in each.loads)
    return max(1, min(most, ROOM // max(1, loads)))


def names_of(series: ReportedSeries) -> list[str]:
    """Return the names of a series' hosts, once each, in the order of the records."""
    return list(dict.fromkeys(host.name for load in series.loads for host in hosts_of(load)))


def worst_first(hosts: Sequence[ReportedHost]) -> list[ReportedHost]:
    """Return hosts of a load: those that were lost, then from the slowest to the fastest."""
    return sorted(hosts, key=lambda host: (not host.lost, -slowness(host)))


def slowness(host: ReportedHost) -> float:
    """Return a host's latency; infinite where most of its launches never completed."""
    found = host.load.latency
    if found is not None:
        return found.value_s
    return inf if host.load.failures else 0.0
