"""Phases in a report: those that partition a launch are stacked, up to the mean service time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from eventtrials import MS, trial
from reportfiles import bench, load, partition, sweep, write

from pytest_unikernel.plan.partition import chain_of
from pytest_unikernel.plan.target import Exit, Line, Target
from pytest_unikernel.report.charts import phases
from pytest_unikernel.report.phasetable import other_phases
from pytest_unikernel.report.reading import read_documents
from pytest_unikernel.report.series import Results
from pytest_unikernel.results.intervals import phases as phases_of
from pytest_unikernel.results.partition import partition as partition_of
from pytest_unikernel.targets.containers.docker import DOCKER_CONTAINER
from pytest_unikernel.targets.containers.oci import OCI_CONTAINER
from pytest_unikernel.targets.containers.podman import PODMAN_CONTAINER
from pytest_unikernel.targets.qemu.linux_vm import linux_vm
from pytest_unikernel.targets.qemu.rust_kernel import RUST_KERNEL
from pytest_unikernel.targets.urunc.log.releases import FROM_0_7, UP_TO_0_4, UP_TO_0_6
from pytest_unikernel.targets.urunc.parameters import timed
from pytest_unikernel.targets.urunc.target import URUNC_CONTAINER

Record = dict[str, Any]
OWN = Target(
    "own",
    ["true"],
    ready=Line("up"),
    phases={"a": ("begun", "up"), "b": ("up", "down"), "all": ("started", "exited")},
    partition=["a", "b"],
)


def urunc(release: Any, *, greets: bool) -> Target:
    return URUNC_CONTAINER(label=release.label)(**timed("log", release, "launcher", greets=greets))


TARGETS = [
    *(
        DOCKER_CONTAINER,
        DOCKER_CONTAINER(via="api"),
        PODMAN_CONTAINER,
        OCI_CONTAINER,
        RUST_KERNEL,
        linux_vm(),
    ),
    *(
        urunc(release, greets=greets)
        for release in (UP_TO_0_4, UP_TO_0_6, FROM_0_7)
        for greets in (True, False)
    ),
    OWN,
]


def measured(target: Target, ready_ms: int) -> Record:
    """Return the record of launches that have the target's events 7 ms after one another."""
    events = [each for each in chain_of(target) if each not in ("started", "ready", "exited")]
    at_ms = {each: 1 + 7 * number for number, each in enumerate(chain_of(target), 1)}
    ran = trial({each: at_ms[each] for each in events}, {each: at_ms[each] for each in events})
    for row in range(2):
        ran.log.exited_ns[row] = at_ms.get("exited", 100) * MS
        ran.log.ready_ns[row] = ran.log.exited_ns[row] if target.ready == Exit() else ready_ms * MS
    return {
        "service_time_s": {"n": 2, "censored": 0, "mean": sum(ran.service_ns()) / 2e9},
        "partition": partition_of(target, [ran]),
        "phases_s": {name: each.as_json() for name, each in phases_of(target, [ran]).items()},
    }


def results_of(tmp_path: Path, *benchmarks: Record) -> Results:
    return Results(read_documents([write(tmp_path / "a.json", benchmarks)]))


def bars(results: Results) -> Iterator[Mapping[str, Any]]:
    for figure in phases.figures(results):
        yield from figure.spec()["concat"][0]["data"]["values"]


def shares(results: Results) -> Iterator[Mapping[str, Any]]:
    for figure in phases.figures(results):
        yield from figure.spec()["concat"][1]["data"]["values"]


@pytest.mark.parametrize("ready_ms", [3, 8, 20, 60])
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: f"{target.full_name}-{len(target.partition)}")
def test_the_stack_up_to_ready_is_as_high_as_the_mean_service_time(
    tmp_path: Path, target: Target, ready_ms: int
) -> None:
    for ready in (target.ready, Line("up")):
        changed = {**measured(target(ready=ready), ready_ms)}
        results = results_of(tmp_path, bench("test_it", load("it", 0.5, **changed)))
        service_s = results.sweeps[0].loads[0].number("service_time_s", "mean")
        upto = [row["to"] for row in bars(results) if not row["after"]]
        assert service_s is not None
        assert max(upto) == upto[-1] == pytest.approx(service_s)
        rest = other_phases(results)
        named = {row[2] for row in rest.rows} if rest is not None else set()
        assert named == {*target.phases} - {*target.partition}


def test_bars_lie_on_one_another_and_the_remainder_ends_at_ready(tmp_path: Path) -> None:
    whole = load("it", 0.5, partition=partition(0.3, ["a", "b"]))
    found = list(bars(results_of(tmp_path, bench("test_it", whole))))
    assert [(row["phase"], row["after"]) for row in found] == [
        *(("a", False), ("b", False), ("other", False)),
        *(("a", True), ("b", True)),
    ]
    assert [row["from"] for row in found][1:] == [row["to"] for row in found][:-1]
    assert [round(row["to"], 6) for row in found] == [0.1, 0.2, 0.3, 0.4, 0.5]
    parts = list(shares(results_of(tmp_path, bench("test_it", whole))))
    assert [round(row["to"], 4) for row in parts] == [33.3333, 66.6667, 100.0]


def test_what_is_not_in_the_partition_is_a_table(tmp_path: Path) -> None:
    table = other_phases(results_of(tmp_path, *sweep("it")))
    assert table is not None
    assert {row[2] for row in table.rows} == {"total"}
    assert len(table.rows) == 5
    assert table.rows[0][:4] == ["it", "1/4 s", "total", "400"]


def test_records_that_do_not_say_which_phases_overlap_are_a_table_and_never_a_stack(tmp_path: Path) -> None:
    old = load("old", 0.5)
    del old["partition"]
    results = results_of(tmp_path, bench("test_old", old))
    assert list(phases.figures(results)) == []
    table = other_phases(results)
    assert table is not None
    assert [row[2] for row in table.rows] == ["boot", "run", "total"]
    bare = {**old, "phases_s": {}}
    table = other_phases(results_of(tmp_path, bench("test_old", bare)))
    assert table is not None
    assert [row[2] for row in table.rows] == ["started->up", "up->exited", "started->exited"]
    assert other_phases(results_of(tmp_path, bench("test_old", {**bare, "intervals_s": {}}))) is None


@pytest.mark.parametrize(
    "damage",
    [
        {"phases": None},
        {"phases": [{"name": "a"}]},
        {"phases": [{"name": "a", "before_ready_s": -1.0, "after_ready_s": 0.0}]},
        {"n": "x"},
        {"other_s": None},
        {"service_time_s": None},
    ],
)
def test_a_damaged_partition_is_a_table(tmp_path: Path, damage: Record) -> None:
    damaged = {**partition(0.3, ["boot", "run"]), **damage}
    results = results_of(tmp_path, bench("test_it", load("it", 0.5, partition=damaged)))
    assert list(phases.figures(results)) == []
    table = other_phases(results)
    assert table is not None
    assert [row[2] for row in table.rows] == ["boot", "run", "total"]


def test_steps_of_which_no_launch_has_all_events_have_no_bar(tmp_path: Path) -> None:
    nothing = {"n": 0, "left_out": 3, "service_time_s": None, "other_s": None}
    unknown = [{"name": "boot", "before_ready_s": None, "after_ready_s": None}]
    loads = [load("it", 0.5), load("it", 0.25, partition={**nothing, "phases": unknown})]
    found = list(bars(results_of(tmp_path, *(bench("test_it", each) for each in loads))))
    assert {row["at"] for row in found} == {"1/2"}
