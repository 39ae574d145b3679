"""The search for leftovers, on a simulated /proc."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_unikernel.launch.cleanup import leftovers
from pytest_unikernel.launch.cleanup.leftovers import Adopted, any_child_has_ended, children

OWN = os.getpgrp()


class Proc:
    """A pretended /proc, and the waits that were asked for."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.reaped: list[int] = []
        self.task = root / "self/task/1"
        self.task.mkdir(parents=True)

    def child(self, pid: int, state: str, group: int, environment: bytes = b"") -> None:
        directory = self.root / str(pid)
        directory.mkdir()
        (directory / "stat").write_text(f"{pid} (a ) Z name) {state} 1 {group} 0 0")
        (directory / "environ").write_bytes(environment)
        known = self.task / "children"
        known.write_text((known.read_text() if known.exists() else "") + f"{pid} ")


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Proc:
    made = Proc(tmp_path)
    monkeypatch.setattr(leftovers, "PROC", tmp_path)
    monkeypatch.setattr(leftovers, "any_child_has_ended", lambda: True)
    monkeypatch.setattr(os, "waitpid", lambda pid, _: made.reaped.append(pid))
    return made


def test_children_of_all_threads_are_found(proc: Proc) -> None:
    proc.child(10, "S", 10)
    other = proc.root / "self/task/2"
    other.mkdir()
    (other / "children").write_text("20 30 ")
    assert children() == {10, 20, 30}


def test_a_kernel_without_the_list_has_none(proc: Proc) -> None:
    assert children() == set()


def test_only_new_zombies_of_other_groups_are_reaped(proc: Proc) -> None:
    proc.child(10, "Z", 10)
    adopted = Adopted()
    proc.child(11, "Z", 11)
    proc.child(12, "S", 12)
    proc.child(13, "Z", OWN)
    proc.child(14, "Z", 14)
    adopted.reap({14})
    assert proc.reaped == [11]


def test_one_that_is_gone_meanwhile_is_no_error(proc: Proc) -> None:
    adopted = Adopted()
    (proc.task / "children").write_text("99 ")
    adopted.reap()
    assert proc.reaped == []


def test_nobody_is_looked_at_while_no_child_has_ended(proc: Proc, monkeypatch: pytest.MonkeyPatch) -> None:
    adopted = Adopted()
    proc.child(11, "Z", 11)
    monkeypatch.setattr(leftovers, "any_child_has_ended", lambda: False)
    adopted.reap()
    assert proc.reaped == []


def test_a_child_that_has_ended_is_noticed_and_left_for_whoever_waits_for_it() -> None:
    child = subprocess.Popen(["/bin/sh", "-c", "exit 7"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert any_child_has_ended()
    assert child.wait() == 7


def test_one_that_others_have_reaped_is_no_error(proc: Proc, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(pid: int, options: int) -> None:
        raise ChildProcessError(10, "No child processes")

    adopted = Adopted()
    proc.child(11, "Z", 11)
    monkeypatch.setattr(os, "waitpid", gone)
    adopted.reap()


@pytest.mark.parametrize(("environment", "dying"), [(b"", True), (b"A=1\0", False)])
def test_a_process_without_memory_is_dying(proc: Proc, environment: bytes, dying: bool) -> None:
    proc.child(11, "R", 11, environment)
    assert leftovers._is_dying(11) == dying
    assert not leftovers._is_dying(12)


def test_a_real_zombie_is_dying_whatever_the_kernel_says_of_its_environment() -> None:
    """An empty one before Linux 6.16 or so, then ESRCH."""
    code = "import time; print(flush=True); time.sleep(1000)"
    with subprocess.Popen([sys.executable, "-IS", "-c", code], stdout=subprocess.PIPE) as child:
        try:
            assert child.stdout
            child.stdout.readline()  # at its exec a process has no environment for a moment
            lives = not leftovers._is_dying(child.pid)
        finally:
            child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert lives
        assert leftovers._is_dying(child.pid)
    assert not leftovers._is_dying(child.pid)


@pytest.mark.parametrize("are_ending", [True, False])
def test_what_is_going_to_end_by_itself_is_waited_for(
    proc: Proc, monkeypatch: pytest.MonkeyPatch, are_ending: bool
) -> None:
    adopted = Adopted()
    proc.child(11, "S", 11, b"A=b\0")

    def end_meanwhile(_: float) -> None:
        (proc.root / "11/stat").write_text("11 (conmon) Z 1 11 0 0")

    def reap(pid: int, _: int) -> None:
        proc.reaped.append(pid)
        (proc.task / "children").write_text("")

    monkeypatch.setattr(leftovers, "sleep_s", end_meanwhile)
    monkeypatch.setattr(os, "waitpid", reap)
    adopted.clear("f" * 32, are_ending=are_ending)
    assert proc.reaped == ([11] if are_ending else [])
