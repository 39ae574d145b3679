"""The hosts of a run: versions that differ, hosts that are lost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pytest_unikernel.errors import LoadError
from pytest_unikernel.hosts.fleet import Fleet
from pytest_unikernel.hosts.process import host_facts


class FakeHost:
    """A host without a cluster."""

    def __init__(self, name: str, *, version: str | None = None, lost: str = "") -> None:
        facts = host_facts()
        versions = facts.versions if version is None else {**facts.versions, "pytest-unikernel": version}
        self.facts = replace(facts, hostname=f"{name}.example", versions=versions)
        self.name, self.lost = name, lost


def fleet_of(*hosts: Any, go_on: bool = False) -> Fleet:
    fleet = Fleet("local:2", go_on=go_on)
    fleet._hosts = list(hosts)
    return fleet


def test_a_host_with_another_version_is_refused_with_the_command_that_cures_it() -> None:
    fleet = fleet_of()
    ours = fleet.facts.versions["pytest-unikernel"]
    with pytest.raises(LoadError) as refused:
        fleet._refuse_other_version(FakeHost("b", version="0.0.9"))  # type: ignore[arg-type]
    assert str(refused.value) == (
        f"--sweep-hosts=local:2: b (b.example) has pytest-unikernel 0.0.9, this host {ours}; "
        f"run there: pip install pytest-unikernel=={ours}"
    )
    fleet._refuse_other_version(FakeHost("b"))  # type: ignore[arg-type]


def test_a_host_that_was_lost_between_two_loads_stops_the_next() -> None:
    fleet = fleet_of(FakeHost("a"), FakeHost("b", lost="its worker is gone"))
    with pytest.raises(LoadError, match=r"lost b \(its worker is gone\); --sweep-hosts-lost=go-on"):
        fleet.left()
    assert fleet.stop


def test_the_run_goes_on_with_the_hosts_that_are_left_if_that_is_asked_for() -> None:
    left: Any = FakeHost("a")
    fleet = fleet_of(left, FakeHost("b", lost="its worker is gone"), go_on=True)
    assert fleet.left() == [left]
    assert not fleet.stop


def test_without_a_host_nothing_can_be_run() -> None:
    fleet = fleet_of(FakeHost("b", lost="its worker is gone"), go_on=True)
    with pytest.raises(LoadError, match=r"no host is left \(b: its worker is gone\)"):
        fleet.left()
