"""KVM for real, without the hardware: the package installed in an emulated machine, its sweeps on KVM."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from bedsweeps import HERE, BedSweeps, swept
from kvmbed import HUNG, Bed, ended, why_no_bed
from kvmbed_image import Recipe, cached_image
from kvmbed_payload import built_kernel, site_packages

TARGETS = ("rust_kernel[kvm]", "linux_vm[kvm]")
LEAST_EXITS = 50  # measured: 120 of our unikernel, thousands of Linux
TOOK_TOO_LONG = 124  # timeout(1)'s
COMPLETED = 4  # by the fewest launches that the sweeps and cold starts have
SANE = {"ok", "saturated", "generator-bound"}

pytestmark = pytest.mark.skipif(bool(why_no_bed()), reason=why_no_bed() or "the bed can be made")

Load = dict[str, Any]


@pytest.fixture(scope="module")
def sweeps(tmp_path_factory: pytest.TempPathFactory) -> BedSweeps:
    """The sweeps' run: one for all tests, because it takes a minute or two."""
    payload = {
        "kvm_benchmarks.py": HERE / "kvm_benchmarks.py",
        **site_packages(Path("site")),
        **built_kernel(Path("cache")),
    }
    return swept("run_sweeps", payload, tmp_path_factory)


@pytest.fixture(scope="module")
def records(sweeps: BedSweeps) -> list[Load]:
    """The record of each load."""
    return sweeps.loads()


def test_every_sweep_and_cold_start_runs_on_kvm_and_none_is_skipped(
    sweeps: BedSweeps, records: list[Load]
) -> None:
    assert "skipped" not in sweeps.run.console
    found = {(record["target"], record["mode"]) for record in records}
    assert found == {(target, mode) for target in TARGETS for mode in ("sweep", "cold")}


def test_the_records_name_kvm_and_the_hosts_cpu(records: list[Load]) -> None:
    for record in records:
        assert record["versions"]["accelerator"] == "kvm"
        assert record["versions"]["cpu"].partition(",")[0] == "host"
        assert record["variant"]["kvm"] is True


def test_the_records_are_complete(records: list[Load]) -> None:
    for record in records:
        ended = record["completed"] + sum(record["failed"].values()) + record["unfinished"]
        assert record["scheduled"] == ended + record["dropped"]
        assert record["started"] == record["scheduled"] - record["dropped"]
        assert record["completed"] > 0
        assert record["verdict"] in SANE
        assert 0 < record["service_time_s"]["min"] <= record["service_time_s"]["max"]


def test_cold_starts_all_succeed(records: list[Load]) -> None:
    cold = [record for record in records if record["mode"] == "cold"]
    assert [record["completed"] for record in cold] == [record["scheduled"] for record in cold]
    assert not any(record["failed"] for record in cold)


def test_the_kernel_in_the_machine_ran_each_guest_by_svm(sweeps: BedSweeps, records: list[Load]) -> None:
    exits = sweeps.exits_by_guest()
    assert sum(record["completed"] for record in records) <= len(exits), "a guest had no CPU of KVM's"
    assert min(exits) > LEAST_EXITS


def test_the_guest_is_linux_as_recorded(sweeps: BedSweeps, records: list[Load]) -> None:
    outputs = sweeps.outputs("linux_vm")
    kernels = {
        record["versions"]["kernel"].split()[0] for record in records if record["target"] == "linux_vm[kvm]"
    }
    assert len(kernels) == 1
    assert sum(f"Linux version {kernels.copy().pop()} " in output for output in outputs) >= COMPLETED
    assert sum("VM successfully running" in output for output in outputs) >= COMPLETED


def test_the_other_guest_is_not_linux(sweeps: BedSweeps) -> None:
    outputs = sweeps.outputs("rust_kernel")
    assert sum("Hello 42!" in output for output in outputs) >= COMPLETED
    assert not any("Linux version" in output for output in outputs)


def test_a_script_that_takes_too_long_is_ended_in_the_machine(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\ncat given >/out/taken\nsleep 1000\n")
    given, work = tmp_path / "given", tmp_path / "work"
    given.write_text("brought")
    work.mkdir()
    done = Bed(cached_image(Recipe())).run(script, {"given": given}, work, limit_s=2)
    assert done.status == TOOK_TOO_LONG, done.console
    assert (done.output / "taken").read_text() == "brought"
    assert {entry.name for entry in work.iterdir()} == {"out", "console"}


def test_a_machine_that_does_not_end_is_ended(tmp_path: Path) -> None:
    assert "ended after 0.1 s" in ended(["sleep", "1000"], tmp_path, 0.1)


def test_a_machine_without_a_sign_of_life_is_ended(tmp_path: Path) -> None:
    assert HUNG in ended(["sleep", "1000"], tmp_path, 100, silence_s=0.1)
