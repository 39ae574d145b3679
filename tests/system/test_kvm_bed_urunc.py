"""urunc on KVM for real, without the hardware: its own QEMU line, in an emulated machine that has KVM."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from bedsweeps import HERE, BedSweeps, swept
from kvmbed import why_no_bed
from kvmbed_payload import site_packages

LEAST_EXITS = 50
URUNC = shutil.which("urunc")

pytestmark = [
    pytest.mark.skipif(bool(why_no_bed()), reason=why_no_bed() or "the bed can be made"),
    pytest.mark.skipif(URUNC is None, reason="no urunc on PATH; install urunc, as its documentation says"),
]

Load = dict[str, Any]


@pytest.fixture(scope="module")
def sweeps(tmp_path_factory: pytest.TempPathFactory) -> BedSweeps:
    """The sweep's run: one for all tests, because it takes a minute or two."""
    assert URUNC is not None
    payload = {
        "urunc_benchmarks.py": HERE / "urunc_benchmarks.py",
        "bin/urunc": Path(URUNC),
        **site_packages(Path("site")),
    }
    return swept("run_urunc", payload, tmp_path_factory)


@pytest.fixture(scope="module")
def records(sweeps: BedSweeps) -> list[Load]:
    """The record of each load."""
    return sweeps.loads()


def test_a_sweep_and_a_cold_start_complete_with_every_stamp(records: list[Load]) -> None:
    assert {record["mode"] for record in records} == {"sweep", "cold"}
    for record in records:
        assert record["completed"] > 0
        assert record["stamps"]["missing"] == {}
        assert record["phases_s"]["total"]["n"] == record["completed"]
    (cold,) = (record for record in records if record["mode"] == "cold")
    assert (cold["completed"], cold["failed"]) == (2, {})


def test_the_kernel_in_the_machine_ran_each_guest_by_svm(sweeps: BedSweeps, records: list[Load]) -> None:
    exits = sweeps.exits_by_guest()
    assert sum(record["completed"] for record in records) <= len(exits), "a guest had no CPU of KVM's"
    assert min(exits) > LEAST_EXITS


def test_the_guest_is_our_unikernel(sweeps: BedSweeps) -> None:
    assert sum("Hello 42!" in output for output in sweeps.outputs("urunc_container")) >= 2
