"""urunc_container with the real urunc: every stamp of every launch, many at once, trouble, nothing left."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import tcgmonitor
from engines import why_not
from realloads import mentioning, outcomes, supervised, until
from sweeprun import loads, run_apart, write
from uruncs import needed

from pytest_unikernel.clock import monotonic_ns
from pytest_unikernel.launch.cleanup import leftover_command
from pytest_unikernel.launch.process.supervisor import ProcessSupervisor
from pytest_unikernel.launch.stamps.from_log import StampLogReader
from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.plan.stamps import StampLog
from pytest_unikernel.plan.target_fields import Place
from pytest_unikernel.run.session import Session
from pytest_unikernel.targets.urunc import program as programs
from pytest_unikernel.targets.urunc.target import urunc_container

IMPORTS = "import pytest\n\n\n"
COLD = """
@pytest.mark.cold
def test_it(cold_start, urunc_container):
    cold_start(urunc_container(monitor={monitor!r}, {more}), {launches})
"""
IN_FLIGHT, MANY, PATIENCE_NS = 16, 100, 60 * 10**9


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Look that whatever a test launches leaves no mount, no tap device, no state where urunc keeps it."""
    needed()
    before = left()
    yield
    assert until(lambda: left() == before), [
        sorted(now - was) for now, was in zip(left(), before, strict=True)
    ]


def left() -> tuple[set[str], ...]:
    """Return mounts, network devices, and the content of urunc's own state root."""
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    state = Path("/run/urunc")
    return (
        {line.split()[4] for line in mounts if "urunc" in line},
        {each.name for each in Path("/sys/class/net").iterdir() if "tap" in each.name},
        {each.name for each in state.iterdir()} if state.is_dir() else set(),
    )


@pytest.fixture
def monitor() -> str:
    return str(tcgmonitor.make())


def run(pytester: pytest.Pytester, source: str, **words: object) -> dict[str, Any]:
    write(pytester, source.format(**words), head=IMPORTS)
    run_apart(pytester, "--benchmark-json=o.json", "-W", "error")
    return loads(pytester.path / "o.json")["test_it"]


def last_stamp() -> str:
    found = programs.find(None)
    assert isinstance(found, programs.Urunc)
    return found.release.last


def test_every_launch_has_every_stamp(pytester: pytest.Pytester, monitor: str) -> None:
    record = run(pytester, COLD, monitor=monitor, more="", launches=4)
    assert (record["completed"], record["target"]) == (4, "urunc_container")
    last = last_stamp()
    assert {"TS00->TS01", f"{last}->console", "console->exited"} <= set(record["intervals_s"])
    assert record["stamps"]["missing"] == {}
    for name in ("create", "nsenter", "created", "total", "launcher", "exec->console", "exec->exit"):
        assert (record["phases_s"][name]["n"], record["phases_s"][name]["censored"]) == (4, 0), name
    assert record["neighbours_s"]["TS00->TS01"]["n"] == 4
    parts = record["partition"]
    assert (parts["n"], parts["left_out"], parts["other_s"]) == (4, 0, 0)
    until_ready_s = sum(each["before_ready_s"] for each in parts["phases"])
    assert until_ready_s == pytest.approx(record["service_time_s"]["mean"])
    assert record["versions"]["guest"].startswith("mewz, shipped sha256:")
    assert not mentioning("/urunc-r")


def test_without_timestamps_there_are_none(pytester: pytest.Pytester, monitor: str) -> None:
    record = run(pytester, COLD, monitor=monitor, more="timestamps=False", launches=1)
    assert (record["completed"], record["target"]) == (1, "urunc_container[untimed]")
    assert (record["phases_s"], record["neighbours_s"], record["stamps"]) == ({}, {}, {})
    assert record["intervals_s"]["started->console"]["n"] == 1


def test_many_at_once_fail_for_no_reason_of_ours(monitor: str) -> None:
    target, session = urunc_container(monitor=monitor), Session()
    try:
        directory = session.directory / "p"
        directory.mkdir()
        assert target.prepare is not None
        prepared = target.prepare(target, Place(session.token, str(directory)))
        assert isinstance(prepared.stamps, StampLog)
        reader = StampLogReader(prepared.stamps, session.token)
        with supervised(session, prepared, timeout_s=50) as supervisor:
            launch_many(supervisor)
            log = supervisor.log.trim()
        assert leftover_command.remove(prepared, session.token) == ""
        assert not [*(directory / "urunc-r").iterdir(), *(directory / "urunc-b").iterdir()]
    finally:
        session.close()
    assert (outcomes(log), log.tails) == ([Outcome.COMPLETED] * MANY, {})
    reader.settle(log)
    stamps = {*chain.from_iterable(prepared.phases.values())} - {"started", "exited"}
    assert [stamps - set(log.events[row]) for row in range(MANY)] == [set()] * MANY


def launch_many(supervisor: ProcessSupervisor) -> None:
    """Keep so many in flight until all have been launched and have ended, within a bound."""
    end_ns, launched = monotonic_ns() + PATIENCE_NS, 0
    while (launched < MANY or supervisor.in_flight or supervisor.removing) and monotonic_ns() < end_ns:
        while launched < MANY and supervisor.in_flight < IN_FLIGHT:
            supervisor.start(supervisor.log.add(monotonic_ns()))
            launched += 1
        supervisor.wait(monotonic_ns() + 10**8)


def test_two_runs_at_once_get_each_its_own_stamps(tmp_path: Path, monitor: str) -> None:
    """Up to 0.6 both are in one log."""
    (tmp_path / "test_it.py").write_text(IMPORTS + COLD.format(monitor=monitor, more="", launches=4))
    head = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-W", "error", "test_it.py"]
    files = [tmp_path / f"{name}.json" for name in ("one", "two")]
    runs = [
        subprocess.Popen([*head, f"--benchmark-json={file}"], cwd=tmp_path, stdout=subprocess.DEVNULL)
        for file in files
    ]
    assert [each.wait(timeout=PATIENCE_NS / 10**9) for each in runs] == [0, 0]
    for file in files:
        record = loads(file)["test_it"]
        assert (record["completed"], record["stamps"]["missing"]) == (4, {})
        assert record["phases_s"]["total"]["n"] == 4
    assert not mentioning("/urunc-r")


def test_lines_of_others_in_the_same_log_are_passed_over(pytester: pytest.Pytester, monitor: str) -> None:
    found = programs.find(None)
    assert isinstance(found, programs.Urunc)
    if found.switch != "environment":
        pytest.skip("this urunc writes into a log of our own")
    ended = threading.Event()
    writer = threading.Thread(target=written_until, args=(ended,))
    writer.start()
    try:
        record = run(pytester, COLD, monitor=monitor, more="", launches=3)
    finally:
        ended.set()
        writer.join()
    assert record["stamps"]["missing"] == {}
    assert record["stamps"]["of_others"] > 0
    assert record["stamps"]["foreign"] > 0
    assert record["phases_s"]["total"]["max"] < 30


def written_until(ended: threading.Event) -> None:
    """Write stamps of foreign containers, and lines that are no timestamps."""
    line = {"containerID": "somebody-elses", "timestampID": "TS00", "time": 1}
    while not ended.wait(0.02):
        with Path(programs.FIXED_LOG).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, separators=(",", ":")) + "\nno stamp\n")


def test_a_guest_that_cannot_be_booted_fails_and_leaves_nothing(
    pytester: pytest.Pytester, monitor: str, tmp_path: Path
) -> None:
    kernel = tmp_path / "kernel"
    kernel.write_bytes(b"no kernel at all" * 100)
    more = f"kernel={str(kernel)!r}, unikernel_type='mewz'"
    record = run(pytester, COLD, monitor=monitor, more=more, launches=2)
    assert (record["completed"], sum(record["failed"].values())) == (0, 2)
    assert not mentioning("/urunc-r")


def test_a_monitor_that_does_not_start_is_told_and_leaves_nothing(
    pytester: pytest.Pytester, tmp_path: Path
) -> None:
    broken = tmp_path / "qemu-system-x86_64"
    broken.write_text("no program\n")
    broken.chmod(0o755)
    kernel = tmp_path / "kernel"
    kernel.write_bytes(b"\x7fELF")
    more = f"kernel={str(kernel)!r}, unikernel_type='mewz'"
    record = run(pytester, COLD, monitor=str(broken), more=more, launches=2)
    assert (record["completed"], record["failed"]) == (0, {"exit-code": 2})
    said = record["failures"][0]["output_tail"]
    assert re.search(
        "exec format error|no such file or directory", said
    )  # urunc's root has a /tmp of its own
    assert not mentioning("/urunc-r")


def test_one_that_never_ends_is_ended_with_its_monitor(
    pytester: pytest.Pytester, monitor: str, tmp_path: Path
) -> None:
    kernel = endless(tmp_path)
    more = f"kernel={str(kernel)!r}, unikernel_type='mewz', timeout_s=2.0"
    record = run(pytester, COLD, monitor=monitor, more=more, launches=2)
    assert record["failed"] == {"timeout": 2}
    assert not mentioning("/unikernel/kernel")


def endless(tmp_path: Path) -> Path:
    """Return a multiboot kernel that halts: `cli; hlt; jmp` at 1 MiB. Source: Multiboot 0.6.96."""
    header = b"".join(
        number.to_bytes(4, "little")
        for number in (
            *(0x1BADB002, 0x00010000, (-(0x1BADB002 + 0x00010000)) & 0xFFFFFFFF),
            *(0x100000, 0x100000, 0x101000, 0x101000, 0x100020),
        )
    )
    kernel = tmp_path / "endless"
    kernel.write_bytes((header + b"\xfa\xf4\xeb\xfd").ljust(0x1000, b"\0"))
    return kernel


def test_nothing_is_left_when_pytest_is_killed(monitor: str, tmp_path: Path) -> None:
    kernel = endless(tmp_path)
    more = f"kernel={str(kernel)!r}, unikernel_type='mewz'"
    (tmp_path / "test_it.py").write_text(IMPORTS + COLD.format(monitor=monitor, more=more, launches=1))
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_it.py"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
    )
    try:
        assert until(lambda: mentioning("/unikernel/kernel\0"))
        time.sleep(0.2)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert until(lambda: not mentioning("/unikernel/kernel\0"))
    assert until(lambda: not mentioning("/urunc-r"))


def test_a_monitor_that_is_not_there_is_named() -> None:
    said = why_not(urunc_container(monitor="/no/such/qemu-system-x86_64"))
    assert said.startswith("no /no/such/qemu-system-x86_64, which hypervisor='qemu' needs; apt-get install")


def test_our_own_guest_is_tried(monitor: str) -> None:
    assert why_not(urunc_container(monitor=monitor)) == ""
