"""The results of urunc's own scripts, byte for byte, without their progress lines. Pure.

``measure_single.py`` sorts a container's stamps by time (equal ones as logged), leaves out those with ``cTS``
in their id, and prints the differences of neighbours. ``measure.py`` and ``measure_to_json.py`` take maximum,
minimum and the truncated mean of each pair over the containers; of a pair that a container has twice, the
last counts. The scripts know no lives: all stamps of a containerID are one series.

Where we differ: the scripts take every line in which the id occurs anywhere, so c10's for c1, and fail on a
line that isn't JSON.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Iterator
from itertools import pairwise
from operator import itemgetter
from pprint import pformat

from pytest_unikernel.targets.urunc.log.lives import ContainerLog

Overall = dict[str, dict[str, str]]


def single(container: ContainerLog) -> str:
    """Return the output of ``measure_single.py`` for a container."""
    return "\n".join(f"{name}:\t{lasted_ns} ns" for name, lasted_ns in _differences(container)) + "\n"


def overall(containers: Iterable[ContainerLog]) -> str:
    """Return the output of ``measure.py`` for containers, in the order in which they ran."""
    return pformat(_overall(containers)) + "\n"


def overall_json(containers: Iterable[ContainerLog]) -> str:
    """Return the file of ``measure_to_json.py`` for containers, in the order in which they ran."""
    return json.dumps(_overall(containers))


def _overall(containers: Iterable[ContainerLog]) -> Overall:
    lasted_ns: dict[str, array[int]] = {}
    for container in containers:
        for name, each_ns in dict(_differences(container)).items():
            lasted_ns.setdefault(name, array("q")).append(each_ns)
    return {
        name: {
            "maximum": f"{max(values)} ns",
            "minimum": f"{min(values)} ns",
            "average": f"{int(sum(values) / len(values))} ns",
        }
        for name, values in lasted_ns.items()
    }


def _differences(container: ContainerLog) -> Iterator[tuple[str, int]]:
    in_time = sorted(container.stamps(), key=itemgetter(1))
    for (first, begin_ns), (second, end_ns) in pairwise(in_time):
        yield f"{first} -> {second}", end_ns - begin_ns
