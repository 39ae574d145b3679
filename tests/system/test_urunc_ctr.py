"""urunc_container by a real containerd and its stock shim: with a made-up urunc, or the real one.

The made-up one does what the shim asks of urunc; what it puts in the monitor's place is a shell.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tcgmonitor
from realcontainerd import Containerd, containerd
from realloads import mentioning, until
from sweeprun import loads, run_apart, write
from uruncs import fake, needed

IMPORTS = "import pytest\n\n\n"
COLD = """
@pytest.mark.cold
def test_it(cold_start, urunc_container):
    cold_start(urunc_container(via="ctr", {more}), {launches})
"""
SWEEP = """
@pytest.mark.load_sweep(time_steps=[0.25], warmup=0, window=3)
def test_it(load_step, urunc_container):
    load_step(urunc_container(via="ctr", {more}))
"""
STAMPS = {f"TS{number:02}" for number in range(19)}


@pytest.fixture(scope="module")
def engine() -> Iterator[Containerd]:
    with containerd() as made:
        yield made


@pytest.fixture(autouse=True)
def nothing_is_left(engine: Containerd, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have the client ask our own containerd, and look that a test leaves no container and no mount."""
    monkeypatch.setenv("CONTAINERD_ADDRESS", engine.address)
    mounts = mounted(engine)
    yield
    assert until(lambda: not engine.containers())
    assert until(lambda: mounted(engine) == mounts)


def mounted(engine: Containerd) -> set[str]:
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return {line.split()[4] for line in lines if str(Path(engine.address).parent) in line}


@pytest.fixture
def made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the parameters of a made-up urunc of 0.8, whose log is of the load's own."""
    if shutil.which("qemu-system-x86_64") is None:
        (tmp_path / "qemu-system-x86_64").symlink_to("/bin/true")
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return f"urunc={str(fake(tmp_path, '0.8'))!r}"


def run(pytester: pytest.Pytester, source: str, **words: object) -> dict[str, Any]:
    write(pytester, source.format(**words), head=IMPORTS)
    run_apart(pytester, "--benchmark-json=o.json", "-W", "error")
    (record,) = loads(pytester.path / "o.json").values()
    return record


def stamped(record: dict[str, Any]) -> set[str]:
    return {stamp for pair in record["neighbours_s"] for stamp in pair.split("->")} - {"console"}


def test_every_launch_has_every_stamp(pytester: pytest.Pytester, made_up: str) -> None:
    record = run(pytester, COLD, more=made_up, launches=3)
    assert (record["completed"], record["target"]) == (3, "urunc_container[ctr]")
    assert stamped(record) == STAMPS
    assert record["stamps"]["missing"] == {}
    assert record["phases_s"]["engine"]["n"] == 3
    assert record["versions"]["shim"] == "io.containerd.runc.v2"


def test_launches_that_overlap_have_their_own_stamps(pytester: pytest.Pytester, made_up: str) -> None:
    record = run(pytester, SWEEP, more=made_up)
    assert record["completed"] > 0
    assert record["phases_s"]["total"]["n"] == record["completed"]
    assert record["failed"] == {}


def test_the_monitors_status_is_the_launchs(pytester: pytest.Pytester, made_up: str) -> None:
    more = f"{made_up}, env={{'FAKE_MONITOR': 'x'}}, output='never said'"
    record = run(pytester, COLD, more=more, launches=1)
    assert (record["completed"], record["failed"]) == (0, {"not-ready": 1})


def test_one_that_never_ends_is_ended_with_its_task(
    pytester: pytest.Pytester, made_up: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = run(pytester, COLD, more=f"{endless(made_up)}, timeout_s=3.0", launches=2)
    assert record["failed"] == {"timeout": 2}
    assert until(lambda: not mentioning("sleep 1234.375"))


def endless(made_up: str) -> str:
    """Return the parameters of one whose monitor doesn't end; the probe has tried another, with our guest."""
    program = Path(made_up.split("'")[1])
    text = program.read_text().replace("echo SeaBIOS; echo 'Hello 42!'", "echo SeaBIOS; exec sleep 1234.375")
    program.write_text(text)
    kernel = program.with_name("kernel")
    kernel.write_bytes(b"\x7fELF")
    return f"{made_up}, kernel={str(kernel)!r}, unikernel_type='mewz'"


def test_nothing_is_left_when_pytest_is_killed(tmp_path: Path, made_up: str, engine: Containerd) -> None:
    more = endless(made_up)
    (tmp_path / "test_it.py").write_text(IMPORTS + COLD.format(more=more, launches=1))
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_it.py"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
    )
    try:
        assert until(lambda: mentioning("1234.375"))
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert until(lambda: not mentioning("sleep\0001234.375"))
    assert until(lambda: not engine.containers())


def test_a_real_urunc_runs_our_unikernel(pytester: pytest.Pytester) -> None:
    needed()
    record = run(pytester, COLD, more=f"monitor={str(tcgmonitor.make())!r}", launches=3)
    assert (record["completed"], record["failed"]) == (3, {})
    assert record["stamps"]["missing"] == {}
    assert record["phases_s"]["exec->exit"]["n"] == 3
