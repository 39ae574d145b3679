"""Shared by figure scripts whose loads run in their own process, on the package's targets."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, NoReturn

from pytest_unikernel.plan.load_plan import ColdPlan
from pytest_unikernel.plan.target import Target
from pytest_unikernel.run.measuring import Loads


def prepared(target: Target) -> Target:
    """Return the target, prepared by its probe; end if it can't run here."""
    if target.probe is not None and (why := target.probe()):
        _end(f"{target.full_name}: {why}")
    return target


def cold(loads: Loads, target: Target, launches: int) -> dict[str, Any]:
    """Return the record of a few cold starts; end if one failed."""
    record = loads.cold(target, ColdPlan(launches)).result.as_json()
    if record["completed"] != launches:
        _end(f"{target.full_name} failed: {json.dumps(record['failures'][:1], indent=1)}")
    return record


def _end(why: str) -> NoReturn:
    sys.exit(f"{Path(sys.argv[0]).name}: {why}")
