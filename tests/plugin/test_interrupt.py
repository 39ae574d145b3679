"""Ctrl-C and SIGTERM in mid-sweep: results are kept, nothing else is left."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sweeprun import FIXED, LENIENT, loads, run, write

from pytest_unikernel.launch.cleanup.leftovers import holders

PATIENCE_S = 30.0
SWEEP = """
LINE = "echo $UNIKERNEL_SESSION $UNIKERNEL_DIR >> launches; {then}"


@pytest.mark.load_sweep(time_steps=[0.04, 0.02, 0.01], warmup=0)
def test_it(load_step):
    load_step(Target("real", ["/bin/sh", "-c", LINE]))


def test_after_it():
    open("went-on", "w").close()
"""


class Running:
    """A pytest in a process of its own, which is sent signals."""

    def __init__(self, pytester: pytest.Pytester, *arguments: str) -> None:
        self._launches = pytester.path / "launches"
        self._output = (pytester.path / "output").open("w+")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pytest", *FIXED, "--sweep-quiet-host=off", *arguments],
            cwd=pytester.path,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )

    def wait_for_launches(self, count: int) -> None:
        end_s = time.monotonic() + PATIENCE_S
        while len(self.launches()) < count:
            assert self.process.poll() is None, self.output()
            assert time.monotonic() < end_s, self.output()
            time.sleep(0.01)

    def launches(self) -> list[list[str]]:
        """Return the token and directory of each launch so far."""
        return (
            [line.split() for line in self._launches.read_text().splitlines()]
            if self._launches.exists()
            else []
        )

    def end(self, *numbers: int) -> int:
        """Send the signals and return the exit status."""
        for number in numbers:
            self.process.send_signal(number)
            time.sleep(0.02)
        return self.process.wait(PATIENCE_S)

    def output(self) -> str:
        self._output.seek(0)
        return self._output.read()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._output.close()


@pytest.fixture
def running(pytester: pytest.Pytester, request: pytest.FixtureRequest) -> Iterator[Running]:
    write(pytester, LENIENT + SWEEP.format(then=getattr(request, "param", "exit 0")))
    started = Running(pytester, "--sweep-window=1", "--benchmark-json=o.json")
    yield started
    started.close()


def assert_nothing_is_left(launches: list[list[str]], *, within_s: float = 0.0) -> None:
    """Fail unless the processes, the private directory and the helpers of the run are gone."""
    token, directory = launches[0]
    private = Path(directory).parents[1]
    assert private.name.startswith("unikernel-")
    end_s = time.monotonic() + within_s
    while (list(holders(token)) or private.exists() or helpers_of(private)) and time.monotonic() < end_s:
        time.sleep(0.02)
    assert list(holders(token)) == []
    assert not private.exists()
    assert helpers_of(private) == []


def helpers_of(private: Path) -> list[str]:
    """Return the processes whose command line names the private directory."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = entry.read_bytes()
        except OSError:
            continue
        if os.fsencode(private) in command:
            found.append(entry.parent.name)
    return found


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 2), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
    ids=["INT", "TERM", "HUP"],
)
def test_one_signal_keeps_what_was_measured_and_leaves_nothing(
    pytester: pytest.Pytester, running: Running, number: int, status: int
) -> None:
    running.wait_for_launches(35)  # 25 of the first step and some of the second
    assert running.end(number) == status
    records = list(loads(pytester.path / "o.json").values())
    assert [record["interrupted"] for record in records] == [False, True]
    assert records[0]["completed"] == 25
    assert not (pytester.path / "went-on").exists()
    assert_nothing_is_left(running.launches())


@pytest.mark.parametrize("running", ["exec sleep 100"], indirect=True)
def test_a_load_interrupted_before_its_window_is_on_record_as_such(
    pytester: pytest.Pytester, running: Running
) -> None:
    running.wait_for_launches(5)  # the window begins after a first completion, which never comes
    assert running.end(signal.SIGINT) == 2
    (record,) = loads(pytester.path / "o.json").values()
    assert record["interrupted"]
    assert record["scheduled"] == record["completed"] == 0
    assert record["window_s"] == 0
    assert record["throughput_hz"] is None
    assert_nothing_is_left(running.launches())


@pytest.mark.parametrize("running", ["trap '' INT TERM; sleep 100 & wait"], indirect=True)
def test_two_signals_leave_nothing_either(running: Running) -> None:
    running.wait_for_launches(5)
    running.end(signal.SIGINT, signal.SIGINT)
    assert_nothing_is_left(running.launches(), within_s=5.0)


def test_the_end_says_how_to_resume_and_the_next_run_does(
    pytester: pytest.Pytester, running: Running
) -> None:
    running.wait_for_launches(35)
    running.end(signal.SIGINT)
    before = len(running.launches())
    found = re.search(r"^resume with: (--sweep-resume=\S+)$", running.output(), re.MULTILINE)
    assert found is not None, running.output()
    arguments = ["--sweep-quiet-host=off", "--sweep-window=1", "--benchmark-json=p.json"]
    run(pytester, found[1], *arguments).assert_outcomes(passed=4)
    assert [record["interrupted"] for record in loads(pytester.path / "p.json").values()] == [False] * 3
    assert len(running.launches()) - before >= 50 + 100
    assert len(running.launches()) - before < 25 + 50 + 100
    assert not Path(found[1].partition("=")[2]).exists()


def test_a_killed_run_is_mentioned_by_the_next_one(pytester: pytest.Pytester, running: Running) -> None:
    running.wait_for_launches(35)
    running.end(signal.SIGKILL)
    assert_nothing_is_left(running.launches(), within_s=5.0)
    found = re.search(
        r"^sweep: an earlier run did not finish; resume it with (--sweep-resume=\S+)$",
        run(pytester, "--co").stdout.str(),
        re.MULTILINE,
    )
    assert found is not None
    resumed = run(pytester, found[1], "--sweep-quiet-host=off", "--sweep-window=1", "--benchmark-json=p.json")
    resumed.assert_outcomes(passed=4)
    assert len(loads(pytester.path / "p.json")) == 3
    run(pytester, "--co").stdout.no_fnmatch_line("*an earlier run did not finish*")


def test_a_signal_during_the_only_launch_of_a_disabled_benchmark_ends_the_run(
    pytester: pytest.Pytester,
) -> None:
    write(pytester, LENIENT + SWEEP.format(then="exec sleep 100"))
    started = Running(pytester, "--benchmark-disable")
    try:
        started.wait_for_launches(1)
        assert started.end(signal.SIGINT) == 2
        assert len(started.launches()) == 1
        assert_nothing_is_left(started.launches())
    finally:
        started.close()
