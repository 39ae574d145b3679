"""All checks together: programs are asked side by side, files are read meanwhile."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_unikernel.doctor import limits, noise_containers, noise_cpu, noise_memory, targets, tools, urunc
from pytest_unikernel.doctor.check import Check
from pytest_unikernel.doctor.running import Job, run_all
from pytest_unikernel.doctor.variants import VARIANTS, Variant
from pytest_unikernel.host import facts
from pytest_unikernel.plan.target import Target

SCHEMA = 1


@dataclass(frozen=True)
class Examination:
    """The findings, by group; ``deep``: each target that can run was started once."""

    groups: Mapping[str, Sequence[Check]]
    machine: Mapping[str, Any]
    deep: bool

    def as_json(self) -> dict[str, Any]:
        """Return everything, checks by group and name."""
        groups = {
            group: {each.name: each.as_json() for each in found} for group, found in self.groups.items()
        }
        return {"schema": SCHEMA, "machine": dict(self.machine), "deep": self.deep, **groups}

    def faults(self, required: frozenset[str] = frozenset()) -> list[str]:
        """Return the targets that should run and do not: of the required targets, or of all installed."""
        found = self.groups["targets"]
        if required:
            wanted = [each for each in found if "all" in required or each.name in required]
            return [each.name for each in wanted if each.state != "yes"]
        return [each.name for each in found if each.state == "no"]


def examine(
    *,
    patience_s: float,
    deep: bool,
    note: Callable[[str], None],
    variants: Sequence[Variant] = VARIANTS,
) -> Examination:
    """Look at this host.

    Args:
        patience_s: how long checks that start programs may take, all together.
        deep: start each target that can run once.
        note: called with a line about each slow step.
        variants: the targets that are asked.
    """
    load1, begin = os.getloadavg()[0], noise_cpu.cpu_times()  # before our own programs run
    can_run: dict[str, Target] = {}
    lanes = [*targets.lanes(variants, can_run), *tools.lanes(), [Job("urunc", urunc.urunc)]]
    bounds, daemons = limits.checks(), noise_containers.checks()
    found = run_all(lanes, patience_s)
    names = {each.name for each in variants}
    asked = targets.in_order(found, variants)
    groups = {
        "targets": _booted(asked, can_run, note) if deep else asked,
        "tools": [each for each in found if each.name not in names],
        "limits": bounds,
        "noise": [*noise_cpu.checks(begin, load1), *noise_memory.checks(), *daemons],
    }
    return Examination(groups, facts.machine(), deep)


def _booted(
    asked: Sequence[Check], can_run: Mapping[str, Target], note: Callable[[str], None]
) -> list[Check]:
    from pytest_unikernel.doctor.deep import boot_all  # noqa: PLC0415 - a load's machinery, for --deep only

    ready = {each.name: can_run[each.name] for each in asked if each.state == "yes"}
    booted = boot_all(ready, note)
    return [booted.get(each.name, each) for each in asked]
