"""A host's share of one schedule: launch i is host i mod N's, so that all shares together are it. Pure."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from fractions import Fraction

from pytest_unikernel.clock import NS_PER_S
from pytest_unikernel.plan.schedule import ARRIVALS, Dues

SPREADS = ("split", "each")


@dataclass(frozen=True)
class Share:
    """The launches of a schedule that one of several hosts makes.

    Attributes:
        number: the host's, from 0.
        hosts: how many hosts share the schedule; 1: this host makes all of it.
    """

    number: int = 0
    hosts: int = 1


def spread_over(hosts: int, spread: str) -> list[Share]:
    """Return the share of each host: a part of one schedule (split), or the whole of it (each)."""
    return [Share(number, hosts) for number in range(hosts)] if spread == "split" else [Share()] * hosts


def offsets(arrivals: str, step: Fraction, seed: int | None, share: Share | None) -> Dues:
    """Yield the offsets in ns of a share's launches, from the beginning of the whole schedule.

    Fixed arrivals are multiplied from the exact fraction of the whole schedule: a host has N times its step,
    and an offset of its own. Poisson arrivals are one stream of random numbers, dealt out.
    """
    if share is None or share.hosts == 1:
        return ARRIVALS[arrivals](step, seed)
    if arrivals == "fixed":
        numerator, denominator = step.numerator * NS_PER_S, step.denominator
        return (i * numerator // denominator for i in itertools.count(share.number, share.hosts))
    return itertools.islice(ARRIVALS[arrivals](step, seed), share.number, None, share.hosts)


def window_begin_ns(arrivals: str, step: Fraction, seed: int | None, warmup_ns: int) -> int:
    """Return the offset at which the window begins: of the first launch of the schedule after the warm-up.

    It is a launch of any host's, so that all hosts have the same window.
    """
    return next(offset_ns for offset_ns in ARRIVALS[arrivals](step, seed) if offset_ns >= warmup_ns)
