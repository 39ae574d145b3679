"""The processes that the reaper takes for ours, by the content of /proc."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_unikernel.launch.cleanup import reaper
from pytest_unikernel.launch.cleanup.reaper import (
    SLOT,
    START_TOLERANCE_NS,
    PidEntry,
    Process,
    in_table,
    is_ours,
    remove,
)

MS = 1_000_000
T = 50_000 * MS  # when the instance with pid 100 was started; it took 3 ms
TABLE = {100: PidEntry(T, T + 3 * MS)}
TOLERANCE_MS = START_TOLERANCE_NS // MS


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> dict[int, Process]:
    """The processes of the simulated host; their environments are empty."""
    found: dict[int, Process] = {}
    monkeypatch.setattr(reaper, "look_at", found.get)
    monkeypatch.setattr(reaper, "holds", lambda *_: False)
    return found


def ours(processes: dict[int, Process], pid: int) -> bool:
    return is_ours(pid, processes.get(pid), TABLE, b"token")


@pytest.mark.parametrize("after_ms", [0, 1, 3, -TOLERANCE_MS, 3 + TOLERANCE_MS])
def test_a_leader_that_started_when_the_table_says_is_ours(
    processes: dict[int, Process], after_ms: int
) -> None:
    processes[100] = Process(b"S", 100, T + after_ms * MS)
    assert ours(processes, 100)


@pytest.mark.parametrize("after_ms", [-TOLERANCE_MS - 1, 4 + TOLERANCE_MS, 3_600_000])
def test_a_leader_that_was_given_the_number_at_another_time_is_a_stranger(
    processes: dict[int, Process], after_ms: int
) -> None:
    processes[100] = Process(b"S", 100, T + after_ms * MS)
    assert not ours(processes, 100)


def test_a_group_is_ours_with_its_leader_however_late_its_members_came(processes: dict[int, Process]) -> None:
    processes[100] = Process(b"S", 100, T)
    processes[101] = Process(b"S", 100, T + 3_600_000 * MS)
    assert ours(processes, 101)


@pytest.mark.parametrize("leader", [None, Process(b"Z", 100, T)], ids=["gone", "zombie"])
def test_a_group_is_ours_when_its_leader_has_ended(
    processes: dict[int, Process], leader: Process | None
) -> None:
    if leader is not None:
        processes[100] = leader
    processes[101] = Process(b"S", 100, T + 1000 * MS)
    assert ours(processes, 101)


def test_the_group_of_a_stranger_with_our_number_is_a_strangers(processes: dict[int, Process]) -> None:
    processes[100] = Process(b"S", 100, T + 60_000 * MS)
    processes[101] = Process(b"S", 100, T + 60_001 * MS)
    assert not ours(processes, 101)


def test_a_member_older_than_the_instance_is_a_stranger(processes: dict[int, Process]) -> None:
    processes[101] = Process(b"S", 100, T - 1000 * MS)
    assert not ours(processes, 101)


@pytest.mark.parametrize("state", [b"Z", b"X"])
def test_what_has_ended_is_nobodys_to_kill(
    processes: dict[int, Process], monkeypatch: pytest.MonkeyPatch, state: bytes
) -> None:
    monkeypatch.setattr(reaper, "holds", lambda *_: True)
    processes[100] = Process(state, 100, T)
    assert not ours(processes, 100)
    assert not ours(processes, 7)  # gone altogether


def test_who_holds_the_token_is_ours_whatever_the_table_says(
    processes: dict[int, Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        reaper, "holds", lambda pid, setting: (pid, setting) == (7, b"UNIKERNEL_SESSION=token")
    )
    processes[7] = processes[8] = Process(b"S", 7, 1)
    assert ours(processes, 7)
    assert not ours(processes, 8)


def test_an_empty_table_has_nobody() -> None:
    assert not in_table(100, Process(b"S", 100, T), {})


def test_a_table_that_is_missing_or_cut_short_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "table"
    assert reaper.read_table(str(path)) == {}
    path.write_bytes(b"\0" * 100)
    assert reaper.read_table(str(path)) == {}
    path.write_bytes(b"\0" * reaper.HEADER_BYTES + SLOT.pack(100, 3000, T) + SLOT.pack(0, 0, 0) + b"\1" * 7)
    assert reaper.read_table(str(path)) == TABLE


def owe(directory: Path, argv: list[str], **env: str) -> None:
    (directory / "removals").mkdir(parents=True)
    (directory / "removals" / "1").write_text(json.dumps({"argv": argv, "env": env}))


def test_a_removal_may_take_longer_than_killing_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reaper, "BOUND_S", 0.0)
    owe(tmp_path / "private", ["/bin/sh", "-c", 'sleep 1.1; touch "$0"', str(tmp_path / "done")])
    reaper.clean_up(str(tmp_path / "private"), "f" * 32)
    assert (tmp_path / "done").exists()


def test_a_removal_has_the_environment_of_its_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGINE", "another")
    owe(
        tmp_path, ["/bin/sh", "-c", 'echo "$ENGINE$MORE" > "$0"', str(tmp_path / "said")], ENGINE="the load's"
    )
    reaper.run_removals(str(tmp_path / "removals"))
    assert (tmp_path / "said").read_text() == "the load's\n"


def test_removing_goes_deep_unlocks_and_follows_no_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").touch()
    private = tmp_path / "private"
    deepest = private
    for _ in range(200):
        deepest /= "d"
    deepest.mkdir(parents=True)
    (deepest / "file").touch()
    (deepest / "link").symlink_to(outside)
    (private / "fifo").touch()
    deepest.chmod(0)
    (private / "d" / "d").chmod(0)
    remove(str(private))
    assert not private.exists()
    assert (outside / "precious").exists()


def test_removing_a_link_leaves_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "precious").touch()
    (tmp_path / "link").symlink_to(tmp_path / "outside")
    remove(str(tmp_path / "link"))
    assert (tmp_path / "outside" / "precious").exists()


def test_removing_what_is_gone_is_no_error(tmp_path: Path) -> None:
    remove(str(tmp_path / "never"))
