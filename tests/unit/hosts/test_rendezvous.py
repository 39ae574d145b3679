"""Hosts begin at one instant, each by its own clock, and what differs from that is on record."""

from __future__ import annotations

import asyncio
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_unikernel.errors import LoadError, MissingThereError
from pytest_unikernel.hosts import frames, messages
from pytest_unikernel.hosts.clocks import Offset
from pytest_unikernel.hosts.messages import Answer, Request
from pytest_unikernel.hosts.rendezvous import HostPart, Rendezvous
from pytest_unikernel.plan.load_plan import LoadPlan
from pytest_unikernel.plan.target import Target
from pytest_unikernel.plan.target_fields import Unavailable

PLAN = LoadPlan(Fraction(1, 16))


class FakeHost:
    """A host without a cluster, whose clock is ahead of ours by what its offsets say.

    Attributes:
        go_ns: the instant to begin at that it was given.
    """

    def __init__(self, *offsets: Offset, late_ns: int = 0, lacks: str = "") -> None:
        self.name, self.lost = "host", ""
        self._offsets = list(offsets)
        self._late_ns = late_ns
        self._lacks = lacks
        self._begun = False
        self.go_ns = 0

    async def tell(self, kind: bytes, value: int = 0, body: bytes = b"") -> None:
        del body
        if kind == frames.GO:
            self.go_ns, self._begun = value, True

    async def reply(self, within_s: float | None = None) -> tuple[bytes, bytes]:
        del within_s
        if self._lacks:
            return frames.MISSING, messages.dumps(Unavailable(f"no {self._lacks}", "install it"))
        if not self._begun:
            return frames.READY, b""
        part: Any = SimpleNamespace(trials=[None], target=SimpleNamespace(simulated=False))
        return frames.DONE, messages.dumps(Answer(part, self.go_ns + self._late_ns))

    async def offset(self, clock: tuple[str, str]) -> Offset:
        del clock
        return self._offsets.pop(0)


def met(*hosts: Any) -> list[HostPart]:
    requests = {host: Request(Target("t", ["t"]), PLAN) for host in hosts}
    return asyncio.run(Rendezvous(requests, ("boot", "namespace")).trials())


def test_every_host_is_given_the_instant_by_its_own_clock() -> None:
    here, ahead, behind = (FakeHost(*[Offset(ns, 0)] * 2) for ns in (0, 10**14, -(10**12)))
    parts = met(here, ahead, behind)
    assert (ahead.go_ns - here.go_ns, behind.go_ns - here.go_ns) == (10**14, -(10**12))
    assert [part.trial.skew_ns for part in parts] == [0, 0, 0]
    assert [part.trial.origin_ns for part in parts] == [here.go_ns, ahead.go_ns, behind.go_ns]


def test_the_skew_is_by_the_offset_in_the_middle_of_the_load_and_the_drift_is_in_the_error() -> None:
    late = FakeHost(Offset(10**14, 500), Offset(10**14 + 2000, 700), late_ns=3_000_000)
    (part,) = met(late)
    assert part.trial.skew_ns == 3_000_000 - 1000
    assert part.clock == Offset(10**14, 700 + 1000)


def test_a_target_that_no_host_can_run_is_missing_and_one_that_some_can_is_an_error() -> None:
    with pytest.raises(MissingThereError) as refused:
        met(FakeHost(lacks="kvm"), FakeHost(lacks="kvm"))
    assert (refused.value.reason, refused.value.cure) == ("host: no kvm", "install it")
    with pytest.raises(LoadError, match=r"^host: the target can't run there: no kvm; install it$"):
        met(FakeHost(Offset()), FakeHost(lacks="kvm"))
