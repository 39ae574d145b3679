"""Children of an instance, however soon, don't have the generator's priority: it would starve the host."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from places import SUPPORT
from realloads import outcomes, supervised

from pytest_unikernel.guests.build.static_program import StaticProgram
from pytest_unikernel.host.tuning import tuned
from pytest_unikernel.launch.one_by_one import run_cold
from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.plan.target import Target
from pytest_unikernel.run.session import Session

LAUNCHES = 300
ORDINARY = str(os.SCHED_OTHER)


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler; install gcc")
def test_a_child_that_is_forked_at_once_is_an_ordinary_process(session: Session, tmp_path: Path) -> None:
    with tuned("auto", 256) as granted:
        if not granted.realtime:
            pytest.skip("real-time priority isn't allowed here")
    StaticProgram(SUPPORT, "forks").build(tmp_path / "forks")
    target = Target("forks", [str(tmp_path / "forks")])
    with supervised(session, target, realtime="on", keep_output=True) as supervisor:
        log = run_cold(supervisor, LAUNCHES, unmeasured=0).log
    assert set(outcomes(log)) == {Outcome.COMPLETED}
    assert set(log.outputs.values()) == {ORDINARY}
