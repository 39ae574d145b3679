"""The doctor on this very host: its findings are true, and nothing of it is left."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from realloads import heed_signals

from pytest_unikernel.doctor.check import NEEDS_CURE
from pytest_unikernel.doctor.variants import VARIANTS

COMMAND = [sys.executable, "-m", "pytest_unikernel.commands.main", "doctor"]
BOUND_S = 240.0


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where everything temporary goes."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def doctor(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=BOUND_S, check=False
    )


def told(*arguments: str) -> dict[str, Any]:
    done = doctor(*arguments, "--json")
    found: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == found["exit_status"]
    return found


def test_every_target_is_answered_for_and_every_no_has_its_cure(place: Path) -> None:
    found = told()
    assert list(found["targets"]) == [each.name for each in VARIANTS]
    for group in ("targets", "tools", "limits", "noise"):
        assert found[group]
        for name, check in found[group].items():
            assert check["state"] not in NEEDS_CURE or (check["reason"] and check["cure"]), name
    assert all(check["effect"] for check in found["noise"].values())
    assert list(place.iterdir()) == []


def test_the_screen_is_80_columns_wide_in_a_pipe(place: Path) -> None:
    done = doctor()
    assert max(map(len, done.stdout.splitlines())) <= 80
    heads = re.findall(r"^[A-Z]{4}[A-Z ]+", done.stdout, re.MULTILINE)
    assert [head.rstrip() for head in heads] == ["TARGETS", "TOOLS", "RIGHTS AND LIMITS", "NOISE"]


def test_a_process_can_be_started_anywhere_and_the_exit_status_says_so(place: Path) -> None:
    assert doctor("--require=linux_process").returncode == 0


def test_a_target_that_is_not_there_fails_where_it_is_required(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(place))
    done = doctor("--require=linux_process,rust_kernel")
    assert done.returncode == 1
    assert done.stdout.endswith("should run, but do not: rust_kernel\n")
    assert doctor().returncode == 0  # nothing is installed: nothing is broken


def test_deep_starts_what_can_run_and_says_how_long_it_took(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "bin").mkdir()
    monkeypatch.setenv("PATH", str(place / "bin"))  # a process alone: other targets have tests of their own
    process = told("--deep")["targets"]["linux_process"]
    assert process["state"] == "yes"
    assert process["facts"]["latency_s"] > 0
    assert process["facts"]["rate_max_hz"] > 0


# A QEMU whose guests never end; KVM it hasn't got.
SLEEPER = """#!/bin/sh
case "$*" in
    *-version*) echo "QEMU emulator version 9.0.0" ;;
    *"-L help"*) echo {place} ;;
    *"-machine help"*) ;;
    *"-accel kvm"*) exit 1 ;;
    *) exec /bin/sleep 300 ;;
esac
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_deep_run_and_nothing_is_left(
    place: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    (place / "bin").mkdir()
    (place / "qboot.rom").touch()
    monkeypatch.setenv("PATH", str(place / "bin"))
    slow = place / "bin" / "qemu-system-x86_64"
    slow.write_text(SLEEPER.format(place=place))
    slow.chmod(0o755)
    argv = [*COMMAND, "--deep"]
    with subprocess.Popen(
        argv,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=heed_signals,  # noqa: PLW1509 - no threads here
    ) as process:
        children = _until_it_sleeps(process)
        os.kill(process.pid, number)
        process.wait(BOUND_S)
    assert process.returncode == 128 + number
    assert not any(child.is_running() for child in children)
    assert sorted(each.name for each in place.iterdir()) == ["bin", "qboot.rom"]


def _until_it_sleeps(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """Return the command's descendants once the instance is one of them."""
    end_s = time.monotonic() + BOUND_S
    while time.monotonic() < end_s:
        assert process.poll() is None, "it ended by itself"
        children = psutil.Process(process.pid).children(recursive=True)
        if any(_name(child) == "sleep" for child in children):
            return children
        time.sleep(0.02)
    raise AssertionError("the instance was never started")


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.NoSuchProcess:
        return ""
