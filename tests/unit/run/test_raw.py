"""``--sweep-raw``: a row per launch, nothing overwritten."""

from __future__ import annotations

import csv
import errno
import gzip
import os
from pathlib import Path

import pytest
from places import RAW_DATA

from pytest_unikernel.clock import NS_PER_S, monotonic_ns, unix_ns
from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.plan.target import Target
from pytest_unikernel.results.launches import LaunchLog
from pytest_unikernel.results.trial import Trial
from pytest_unikernel.run import raw
from pytest_unikernel.run.raw import CHUNK_ROWS, write_raw
from pytest_unikernel.run.raw_columns import COLUMNS

SESSION = "0123456789abcdef"
TARGET = Target("a", ["/bin/true"], label="b/c d")


def trial(step_ns: float | None = 62_500_000.0) -> Trial:
    """Return a trial: one launch completed before its window; one each completed, dropped, killed in it."""
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
    found = rows(write_raw(tmp_path, TARGET, [trial()], SESSION))
    assert tuple(found[0]) == COLUMNS
    assert [row["launch"] for row in found] == ["0", "1", "2", "3"]
    assert [row["instance"] for row in found] == ["u01234567-7", "u01234567-8", "", "u01234567-10"]
    assert [row["in_window"] for row in found] == ["0", "1", "1", "1"]
    assert [row["outcome"] for row in found] == ["completed", "completed", "dropped", "not-ready"]


def test_an_instant_that_never_came_is_empty(tmp_path: Path) -> None:
    dropped, failed = rows(write_raw(tmp_path, TARGET, [trial()], SESSION))[2:]
    assert (dropped["scheduled_at_ns"], dropped["started_at_ns"], dropped["exited_at_ns"]) == ("200", "", "")
    assert (failed["started_at_ns"], failed["ready_at_ns"], failed["exited_at_ns"]) == ("305", "", "350")
    assert failed["status"] == "-9"


def test_usage_that_nobody_can_see_is_empty(tmp_path: Path) -> None:
    unseen = trial()
    unseen.log.usage_known = False
    for made, shown in ((trial(), ("0.000000", "0.000000", "0")), (unseen, ("", "", ""))):
        row = rows(write_raw(tmp_path, TARGET, [made], SESSION))[1]
        assert (row["user_s"], row["system_s"], row["max_rss_kib"]) == shown


def test_a_resident_set_that_may_be_the_generators_is_empty(tmp_path: Path) -> None:
    measured = trial()
    measured.log.max_rss_kib[0], measured.log.max_rss_kib[1], measured.log.max_rss_kib[3] = 999, 1000, 1001
    found = rows(write_raw(tmp_path, TARGET, [measured], SESSION, 1000))
    assert [row["max_rss_kib"] for row in found] == ["", "", "", "1001"]


def test_trials_are_rows_of_one_table_and_each_knows_target_step_and_trial(tmp_path: Path) -> None:
    found = rows(write_raw(tmp_path, TARGET, [trial(), trial()], SESSION))
    assert [(row["trial"], row["launch"]) for row in found[3:6]] == [("1", "3"), ("2", "0"), ("2", "1")]
    assert {(row["target"], row["time_step_s"]) for row in found} == {("a[b/c d]", "0.0625")}
    assert rows(write_raw(tmp_path, TARGET, [trial(None)], SESSION))[0]["time_step_s"] == ""


def test_a_target_whose_name_has_a_comma_is_one_column(tmp_path: Path) -> None:
    target = Target("a", ["/bin/true"], label='b,"c"')
    assert rows(write_raw(tmp_path, target, [trial()], SESSION))[0]["target"] == 'a[b,"c"]'


def test_an_instant_and_its_offset_are_the_wall_clock(tmp_path: Path) -> None:
    made = trial()
    made.log.started_ns[1] = monotonic_ns()
    row = rows(write_raw(tmp_path, TARGET, [made], SESSION))[1]
    assert abs(int(row["started_at_ns"]) + int(row["unix_offset_ns"]) - unix_ns()) < 60 * NS_PER_S


def test_events_are_columns_and_the_guest_s_clock_is_identified(tmp_path: Path) -> None:
    made = trial()
    made.log.events = {1: {"create": 12, "guest:marker": 7}, 3: {"a b": 9, "a-b": 8}}
    found = rows(write_raw(tmp_path, TARGET, [made], SESSION))
    assert tuple(found[0])[: len(COLUMNS)] == COLUMNS
    assert tuple(found[0])[len(COLUMNS) :] == (
        *("event_a_b_at_ns", "event_a_b_at_ns_1", "event_create_at_ns", "guest_marker_ns"),
    )
    assert [row["event_create_at_ns"] for row in found] == ["", "12", "", ""]
    assert (found[1]["guest_marker_ns"], found[3]["event_a_b_at_ns"], found[3]["event_a_b_at_ns_1"]) == (
        *("7", "9", "8"),
    )


def test_more_launches_than_a_chunk_are_all_there(tmp_path: Path) -> None:
    log = LaunchLog()
    for scheduled_ns in range(CHUNK_ROWS + 2):
        log.add(scheduled_ns)
    made = Trial(log.trim(), range(CHUNK_ROWS, CHUNK_ROWS + 1), 0, 1, 1e9)
    found = rows(write_raw(tmp_path, TARGET, [made], SESSION))
    assert [int(row["launch"]) for row in found] == list(range(CHUNK_ROWS + 2))
    assert [row["launch"] for row in found if row["in_window"] == "1"] == [str(CHUNK_ROWS)]


def test_the_name_says_target_and_step_and_holds_no_slash(tmp_path: Path) -> None:
    assert write_raw(tmp_path, TARGET, [trial()], SESSION).name == "a-b_c_d-0.0625s.csv.gz"
    assert write_raw(tmp_path, TARGET, [trial(None)], SESSION).name == "a-b_c_d-cold.csv.gz"


@pytest.mark.parametrize("label", ["x" * 300, "\N{CJK UNIFIED IDEOGRAPH-65E5}" * 200, "\ud800"])
def test_a_name_that_is_too_long_for_a_file_is_cut_and_whole_in_the_table(tmp_path: Path, label: str) -> None:
    paths = [write_raw(tmp_path, TARGET(label=label), [trial()], SESSION) for _ in range(2)]
    assert [
        path.name.endswith(end) for path, end in zip(paths, ("-0.0625s.csv.gz", "-run2.csv.gz"), strict=True)
    ]
    assert label.encode(errors="backslashreplace").decode() in rows(paths[0])[0]["target"]


@pytest.mark.parametrize("links", [True, False])
def test_an_earlier_file_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    if not links:
        monkeypatch.setattr(os, "link", refuse)
    first = write_raw(tmp_path, TARGET, [trial()], SESSION)
    before = first.read_bytes()
    second = write_raw(tmp_path, TARGET, [trial()], SESSION)
    assert second.name == "a-b_c_d-0.0625s-run2.csv.gz"
    assert first.read_bytes() == before
    assert sorted(tmp_path.iterdir()) == sorted([first, second])


def refuse(*_: object) -> None:
    raise PermissionError(errno.EPERM, "no links here")


def test_a_table_that_can_not_be_finished_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw, "_columns", refuse)
    with pytest.raises(PermissionError):
        write_raw(tmp_path, TARGET, [trial()], SESSION)
    assert list(tmp_path.iterdir()) == []


def test_every_column_is_documented() -> None:
    page = RAW_DATA.read_text()
    assert [name for name in COLUMNS if f"`{name}`" not in page] == []


def test_a_trial_without_launches_is_a_header(tmp_path: Path) -> None:
    empty = Trial(LaunchLog().trim(), range(0), 0, 0, 1e9)
    assert rows(write_raw(tmp_path, TARGET, [empty], SESSION)) == []
