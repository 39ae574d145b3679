"""To which launch a stamp belongs: by the whole id of its instance."""

from __future__ import annotations

import pytest

from pytest_unikernel.launch.process.instances import id_prefix
from pytest_unikernel.launch.stamps.rows import rows_by_instance
from pytest_unikernel.results.launches import LaunchLog

SESSION = "0123456789abcdef"
MINE = id_prefix(SESSION)


@pytest.fixture
def log() -> LaunchLog:
    """Three launches; the second has no instance, for it was dropped."""
    made = LaunchLog()
    for number in (17, 0, 19):
        made.instance[made.add(0)] = number
    return made


def test_every_launch_with_an_instance_is_found_by_its_id(log: LaunchLog) -> None:
    assert rows_by_instance(log, SESSION) == {f"{MINE}17": 0, f"{MINE}19": 2}


@pytest.mark.parametrize("instance", ["17", f"x{MINE}17", "uffffffff-17", f"{MINE}017", f"{MINE}²", ""])
def test_an_instance_of_somebody_else_is_no_launch_of_ours(log: LaunchLog, instance: str) -> None:
    assert instance not in rows_by_instance(log, SESSION)
