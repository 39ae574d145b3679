from __future__ import annotations

import os
import signal
import subprocess
import sys

import psutil
import pytest

from pytest_unikernel.host.asking import ask

HOLDS_ITS_OUTPUT = "sleep 1000 & echo $!"


def ended(pid: str) -> None:
    os.kill(int(pid), signal.SIGTERM)


def test_a_child_that_keeps_the_output_open_is_not_waited_for() -> None:
    answer = ask("/bin/sh", "-c", HOLDS_ITS_OUTPUT, within_s=60)
    ended(answer.out.decode())  # it would run on for a quarter of an hour
    assert answer.status == 0


def test_a_program_that_does_not_end_is_killed_with_its_group() -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        ask("/bin/sh", "-c", "sleep 1001 & sleep 1001", within_s=0.1)
    left = psutil.process_iter(["cmdline", "status"])  # a zombie's command line is empty
    assert not [each for each in left if each.info["cmdline"] == ["sleep", "1001"]]


def test_a_program_gets_its_input_and_its_environment() -> None:
    answer = ask("/bin/sh", "-c", "cat; echo $X >&2", within_s=60, given=b"in", environment={"X": "y"})
    assert answer == (0, b"in", b"y\n")


def test_errors_may_be_part_of_the_output() -> None:
    assert ask(sys.executable, "-c", "raise SystemExit('no')", within_s=60, both=True).out == b"no\n"


def test_the_end_of_a_program_is_not_looked_for_but_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    def looked(_: float) -> None:
        raise AssertionError

    monkeypatch.setattr("time.sleep", looked)
    assert ask("/bin/sh", "-c", "exec sleep 0.05", within_s=60).status == 0


def test_a_program_is_asked_where_its_end_cannot_be_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: int) -> int:
        raise PermissionError

    monkeypatch.setattr(os, "pidfd_open", refused)
    assert ask("/bin/sh", "-c", "exit 3", within_s=60).status == 3
    with pytest.raises(subprocess.TimeoutExpired):
        ask("/bin/sh", "-c", "exec sleep 1001", within_s=0.05)
