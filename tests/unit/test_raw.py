"""``--sweep-raw``: a row per launch, nothing overwritten."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

from pytest_unikernel.raw import COLUMNS, write_raw
from pytest_unikernel.record import LaunchLog, Outcome
from pytest_unikernel.stats import Trial
from pytest_unikernel.target import Target

SESSION = "0123456789abcdef"
TARGET = Target("a", ["/bin/true"], label="b/c d")


def trial(step_ns: float | None = 62_500_000.0) -> Trial:
    """One completed launch before the window; one completed, one dropped and one killed in it."""
    log = LaunchLog()
    for scheduled_ns in (0, 100, 200, 300):
        log.add(scheduled_ns)
    for row, outcome in enumerate((Outcome.COMPLETED, Outcome.COMPLETED, Outcome.DROPPED, Outcome.NOT_READY)):
        log.outcome[row] = outcome
    for row in (0, 1, 3):
        log.instance[row] = 7 + row
        log.started_ns[row] = log.scheduled_ns[row] + 5
        log.exited_ns[row] = log.scheduled_ns[row] + 50
    log.ready_ns[0], log.ready_ns[1] = 50, 150
    log.status[3] = -9
    return Trial(log.trim(), range(1, 4), 100, 400, step_ns)


def rows(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", newline="") as file:
        return list(csv.DictReader(file))


def test_every_launch_has_a_row_whether_in_the_window_or_not(tmp_path: Path) -> None:
    found = rows(write_raw(tmp_path, TARGET, trial(), 1, SESSION))
    assert tuple(found[0]) == COLUMNS
    assert [row["launch"] for row in found] == ["0", "1", "2", "3"]
    assert [row["instance"] for row in found] == ["u01234567-7", "u01234567-8", "", "u01234567-10"]
    assert [row["in_window"] for row in found] == ["0", "1", "1", "1"]
    assert [row["outcome"] for row in found] == ["completed", "completed", "dropped", "not-ready"]


def test_an_instant_that_never_came_is_empty(tmp_path: Path) -> None:
    dropped, failed = rows(write_raw(tmp_path, TARGET, trial(), 1, SESSION))[2:]
    assert (dropped["scheduled_at_ns"], dropped["started_at_ns"], dropped["exited_at_ns"]) == ("200", "", "")
    assert (failed["started_at_ns"], failed["ready_at_ns"], failed["exited_at_ns"]) == ("305", "", "350")
    assert failed["status"] == "-9"


def test_usage_that_nobody_can_see_is_empty(tmp_path: Path) -> None:
    unseen = trial()
    unseen.log.usage_known = False
    for made, shown in ((trial(), ("0.000000", "0.000000", "0")), (unseen, ("", "", ""))):
        row = rows(write_raw(tmp_path, TARGET, made, 1, SESSION))[1]
        assert (row["user_s"], row["system_s"], row["max_rss_kib"]) == shown


def test_the_name_says_target_step_and_trial_and_holds_no_slash(tmp_path: Path) -> None:
    assert write_raw(tmp_path, TARGET, trial(), 2, SESSION).name == "a[b_c_d]-0.0625s-trial2.csv.gz"
    assert write_raw(tmp_path, TARGET, trial(None), 1, SESSION).name == "a[b_c_d]-cold-trial1.csv.gz"


def test_an_earlier_file_is_not_overwritten(tmp_path: Path) -> None:
    first = write_raw(tmp_path, TARGET, trial(), 1, SESSION)
    before = first.read_bytes()
    second = write_raw(tmp_path, TARGET, trial(), 1, SESSION)
    assert second.name == "a[b_c_d]-0.0625s-trial1-run2.csv.gz"
    assert first.read_bytes() == before


def test_a_trial_without_launches_is_a_header(tmp_path: Path) -> None:
    empty = Trial(LaunchLog().trim(), range(0), 0, 0, 1e9)
    assert rows(write_raw(tmp_path, TARGET, empty, 1, SESSION)) == []
