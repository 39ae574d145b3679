"""urunc on KVM for real, without the hardware: its own QEMU line, in an emulated machine that has KVM."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from kvmbed import HUNG, Bed, BedRun, why_no_bed
from kvmbed_image import Recipe, cached_image
from kvmbed_payload import site_packages

HERE = Path(__file__).resolve().parent.parent / "support" / "bed"
LIMIT_S = 480.0
LEAST_EXITS = 50
TRIES = 2
URUNC = shutil.which("urunc")

pytestmark = [
    pytest.mark.skipif(bool(why_no_bed()), reason=why_no_bed() or "the bed can be made"),
    pytest.mark.skipif(URUNC is None, reason="no urunc on PATH; install urunc, as its documentation says"),
]

Load = dict[str, Any]


@pytest.fixture(scope="module")
def bed_run(tmp_path_factory: pytest.TempPathFactory) -> BedRun:
    """The sweep's run; a machine that stands still, which is the emulation's fault, is tried once more."""
    assert URUNC is not None
    bed = Bed(cached_image(Recipe()))
    payload = {
        "urunc_benchmarks.py": HERE / "urunc_benchmarks.py",
        "bin/urunc": Path(URUNC),
        **site_packages(Path("site")),
    }
    for _ in range(TRIES):
        done = bed.run(HERE / "run_urunc", payload, tmp_path_factory.mktemp("bed"), limit_s=LIMIT_S)
        if HUNG not in done.console:
            break
    return done


@pytest.fixture(scope="module")
def records(bed_run: BedRun) -> list[Load]:
    """What was recorded of each load."""
    assert bed_run.status == 0, bed_run.console
    saved = json.loads((bed_run.output / "out.json").read_text(encoding="utf-8"))
    return [each["extra_info"]["load"] for each in saved["benchmarks"]]


def test_a_sweep_and_a_cold_start_complete_with_every_stamp(records: list[Load]) -> None:
    assert {record["mode"] for record in records} == {"sweep", "cold"}
    for record in records:
        assert record["completed"] > 0
        assert record["stamps"]["missing"] == {}
        assert record["phases_s"]["total"]["n"] == record["completed"]
    (cold,) = (record for record in records if record["mode"] == "cold")
    assert (cold["completed"], cold["failed"]) == (2, {})


def test_the_kernel_in_the_machine_ran_each_guest_by_svm(bed_run: BedRun, records: list[Load]) -> None:
    found = re.findall(
        r"common_pid: +\d+ .*hitcount: +(\d+)", (bed_run.output / "kvm-exits").read_text(encoding="utf-8")
    )
    assert sum(record["completed"] for record in records) <= len(found), "a guest had no CPU of KVM's"
    assert all(int(exits) > LEAST_EXITS for exits in found)


def test_the_guest_is_our_unikernel(bed_run: BedRun) -> None:
    outputs = [
        file.read_text(errors="replace") for file in (bed_run.output / "launches").glob("urunc_container*")
    ]
    assert sum("Hello 42!" in output for output in outputs) >= 2
