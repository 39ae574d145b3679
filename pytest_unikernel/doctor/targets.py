"""Which targets can run here, by each target's own probe, and how many of each fit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from pytest_unikernel.doctor.check import Check
from pytest_unikernel.doctor.running import Job
from pytest_unikernel.doctor.variants import Variant, is_there
from pytest_unikernel.host import facts
from pytest_unikernel.host.system_calls import first_refused
from pytest_unikernel.launch.availability import why_not
from pytest_unikernel.launch.guards import find_cap
from pytest_unikernel.plan.target import Target
from pytest_unikernel.plan.target_fields import Unavailable
from pytest_unikernel.text.bounds import bound_text
from pytest_unikernel.text.system_calls import refused_text


def lanes(variants: Iterable[Variant], can_run: dict[str, Target]) -> list[list[Job]]:
    """Return the checks of the variants, those of one lane together.

    Args:
        variants: the variants to check.
        can_run: takes the targets that can run.
    """
    made: dict[str, list[Job]] = {}
    for each in variants:
        made.setdefault(each.lane, []).append(Job(each.name, _Asking(each, can_run)))
    return list(made.values())


class _Asking:
    """Asks one variant."""

    def __init__(self, variant: Variant, can_run: dict[str, Target]) -> None:
        self._variant = variant
        self._can_run = can_run

    def __call__(self) -> Check:
        refused, installed = first_refused(), all(map(is_there, self._variant.needs))
        if refused is not None and installed:
            why = refused_text(refused)
            return Check(self._variant.name, "no", why.reason, why.cure)
        target = self._variant.make()
        if isinstance(target, Unavailable):
            return Check(self._variant.name, "absent", target.reason, target.cure)
        missing = why_not(target)
        if missing is not None:
            return Check(self._variant.name, "no" if installed else "absent", missing.reason, missing.cure)
        self._can_run[self._variant.name] = target
        return with_room(Check(self._variant.name, "yes"), target)


def with_room(
    check: Check, target: Target, latency_s: float | None = None, cpu_s: float | None = None
) -> Check:
    """Add how many instances fit here, and up to which rate: in flight is rate x latency (Little's law).

    Args:
        check: the finding about the target.
        target: the target to start.
        latency_s: how long one is in flight, if that is known.
        cpu_s: the CPU time of one, if that is known.
    """
    cap = find_cap(target, None)
    rates_hz = [cap.instances / latency_s] if latency_s else []
    rates_hz += [facts.usable_cores() / cpu_s] if cpu_s else []
    figures = {
        "instances_max": cap.instances,
        "instances_max_from": bound_text(cap),
        "memory_bytes": target.memory_bytes,
        "processes": target.processes,
        "latency_s": latency_s,
        "cpu_s": cpu_s,
        "rate_max_hz": min(rates_hz, default=None),
    }
    return replace(check, facts=figures, cap=cap)


def in_order(found: Iterable[Check], variants: Sequence[Variant]) -> list[Check]:
    """Return the findings in the order of the variants."""
    by_name = {each.name: each for each in found}
    return [by_name[each.name] for each in variants]
