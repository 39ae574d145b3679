"""Runs sweeps in a machine with KVM and reads their results."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from kvmbed import HUNG, Bed, BedRun
from kvmbed_image import Recipe, cached_image

HERE = Path(__file__).resolve().parent / "bed"
LIMIT_S = 480.0  # 150 s on a quiet machine
TRIES = 2


class BedSweeps(NamedTuple):
    """A run of sweeps in the bed."""

    run: BedRun

    def loads(self) -> list[dict[str, Any]]:
        """Return the record of each load."""
        assert self.run.status == 0, self.run.console
        saved = json.loads((self.run.output / "out.json").read_text(encoding="utf-8"))
        return [each["extra_info"]["load"] for each in saved["benchmarks"]]

    def exits_by_guest(self) -> list[int]:
        """Return the number of exits of each guest of the machine's own KVM."""
        counted = (self.run.output / "kvm-exits").read_text(encoding="utf-8")
        return [int(exits) for exits in re.findall(r"common_pid: +\d+ .*hitcount: +(\d+)", counted)]

    def outputs(self, target: str) -> list[str]:
        """Return each launch's whole output."""
        files = (self.run.output / "launches").glob(f"{target}*")
        return [file.read_text(errors="replace") for file in files]


def swept(script: str, payload: Mapping[str, Path], factory: pytest.TempPathFactory) -> BedSweeps:
    """Run a script of ``support/bed`` in a fresh machine, with files beside it.

    A machine that hangs, which is a fault of the emulation, is started once more.
    """
    bed = Bed(cached_image(Recipe()))
    for _ in range(TRIES):
        done = bed.run(HERE / script, payload, factory.mktemp("bed"), limit_s=LIMIT_S)
        if HUNG not in done.console:
            break
    return BedSweeps(done)
