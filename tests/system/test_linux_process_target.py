"""Processes for real, started one after the other."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

import pytest

from pytest_unikernel.launch.one_by_one import run_cold
from pytest_unikernel.launch.output import TAIL_BYTES
from pytest_unikernel.launch.process.supervisor import ProcessSupervisor
from pytest_unikernel.launch.runtime import Runtime
from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.plan.target import Line, Target
from pytest_unikernel.results.launches import LaunchLog
from pytest_unikernel.targets.linux_process import LINUX_PROCESS


def launched(target: Target, directory: Path, launches: int = 2, timeout_s: float = 10.0) -> LaunchLog:
    supervisor = ProcessSupervisor(target, Runtime(secrets.token_hex(16), directory), timeout_s)
    try:
        return run_cold(supervisor, launches, unmeasured=0).log
    finally:
        supervisor.close()


def test_the_default_prints_a_time_and_the_greeting(tmp_path: Path) -> None:
    wanted = re.compile(rb"(?m)^\d{19} Hello World!$")
    assert set(launched(LINUX_PROCESS(output=wanted), tmp_path).outcome) == {Outcome.COMPLETED}


def test_the_output_is_really_looked_at(tmp_path: Path) -> None:
    assert set(launched(LINUX_PROCESS(output="Hello Moon!"), tmp_path).outcome) == {Outcome.NOT_READY}


def test_an_argv_runs_without_a_shell(tmp_path: Path) -> None:
    log = launched(
        LINUX_PROCESS(["/bin/echo", "$UNIKERNEL_ID", "a  b"], output="$UNIKERNEL_ID a  b"), tmp_path
    )
    assert set(log.outcome) == {Outcome.COMPLETED}


def test_a_line_sees_the_instances_id_and_its_empty_directory(tmp_path: Path) -> None:
    line = 'test -n "$UNIKERNEL_ID" && test -z "$(ls -A "$UNIKERNEL_DIR")" && echo $UNIKERNEL_ID >> ' + str(
        tmp_path / "ids"
    )
    (tmp_path / "load").mkdir()
    assert set(launched(LINUX_PROCESS(line), tmp_path / "load", 3).outcome) == {Outcome.COMPLETED}
    assert len(set((tmp_path / "ids").read_text().split())) == 3


def test_ready_may_be_a_line_of_a_process_that_goes_on(tmp_path: Path) -> None:
    log = launched(LINUX_PROCESS("echo up; exec sleep 0.05", ready=Line("up")), tmp_path)
    assert set(log.outcome) == {Outcome.COMPLETED}
    assert all(ready < exited for ready, exited in zip(log.ready_ns, log.exited_ns, strict=True))


@pytest.mark.parametrize(
    ("command", "outcome"),
    [
        ("exit 3", Outcome.EXIT_CODE),
        ("kill -SEGV $$", Outcome.SIGNAL),
        (["/nowhere/program"], Outcome.SPAWN_ERROR),
        (["/"], Outcome.SPAWN_ERROR),
    ],
)
def test_each_way_to_fail_has_its_reason(command: str | list[str], outcome: Outcome, tmp_path: Path) -> None:
    assert set(launched(LINUX_PROCESS(command), tmp_path).outcome) == {outcome}


def test_a_process_that_prints_without_end_is_bounded_in_memory_and_time(tmp_path: Path) -> None:
    log = launched(LINUX_PROCESS(["yes"]), tmp_path, launches=1, timeout_s=0.5)
    assert log.outcome[0] == Outcome.TIMEOUT
    assert 0 < len(log.tails[0]) <= TAIL_BYTES


def test_the_versions_name_the_kernel_and_the_shell_or_the_program() -> None:
    by_line, by_argv = LINUX_PROCESS, LINUX_PROCESS(["/bin/true"])
    assert callable(by_line.versions)
    assert callable(by_argv.versions)
    assert by_line.versions() == {"kernel": os.uname().release, "shell": os.path.realpath("/bin/sh")}
    of_argv = by_argv.versions()
    assert (of_argv["kernel"], set(of_argv)) == (os.uname().release, {"kernel", "true"})
