"""Helpers for tests of real processes: loads without pytest, and checks for leftovers."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pytest_unikernel.host.quiet import Quiescence
from pytest_unikernel.host.tuning import tuned
from pytest_unikernel.launch.one_by_one import run_cold
from pytest_unikernel.launch.process.supervisor import ProcessSupervisor
from pytest_unikernel.launch.runtime import Runtime
from pytest_unikernel.plan.load_plan import ColdPlan, LaunchConditions
from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.plan.target import Target
from pytest_unikernel.results.launches import LaunchLog
from pytest_unikernel.run.interrupts import Interrupts
from pytest_unikernel.run.measuring import Loads
from pytest_unikernel.run.session import Session

PATIENCE_S = 20.0
NOBODY = 65534
CALM: dict[str, Any] = {"realtime": "off", "quiet_host": "off", "timeout_s": 30.0}


@contextmanager
def supervised(
    session: Session,
    target: Target,
    *,
    timeout_s: float = 10.0,
    realtime: str = "off",
    keep_output: bool = False,
) -> Iterator[ProcessSupervisor]:
    """Yield a supervisor set up as for a load; close it afterwards."""
    with tuned(realtime, 256) as granted:
        session.begin(target.name)
        runtime = Runtime(session.token, session.load_directory(), session.table, realtime=granted.realtime)
        runtime.child_nofile = granted.child_nofile
        runtime.conditions = LaunchConditions(keep_output=keep_output)
        supervisor = ProcessSupervisor(target, runtime, timeout_s)
        try:
            yield supervisor
        finally:
            supervisor.close()
            session.end()


def launched(
    session: Session,
    target: Target,
    launches: int = 2,
    *,
    timeout_s: float = 10.0,
    realtime: str = "off",
) -> LaunchLog:
    """Launch instances one after the other; return their log."""
    with supervised(session, target, timeout_s=timeout_s, realtime=realtime) as supervisor:
        return run_cold(supervisor, launches, unmeasured=0).log


@contextmanager
def loading(session: Session) -> Iterator[Loads]:
    """Yield the runner of loads."""
    with Interrupts() as interrupts:
        yield Loads(session, Quiescence(session.sample), interrupts)


def cold_plan(launches: int, **conditions: Any) -> ColdPlan:
    """Return a plan of cold starts, all measured, without waiting for a quiet host."""
    return ColdPlan(launches, unmeasured=0, **{**CALM, **conditions})


def shell(line: str) -> Target:
    """Return a target that runs a line in a shell."""
    return Target("shell", ["/bin/sh", "-c", line])


def outcomes(log: LaunchLog) -> list[Outcome]:
    """Return the outcome of each launch."""
    return [Outcome(code) for code in log.outcome]


def descriptors() -> dict[int, str]:
    """Return this process's open descriptors with their targets, except the descriptor of the listing."""
    found = {}
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found[int(entry.name)] = str(entry.readlink())
    return {number: what for number, what in found.items() if not what.startswith("/proc/")}


def alive(pid: int) -> bool:
    """Return whether a process runs and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def until(condition: Callable[[], object], within_s: float = PATIENCE_S) -> bool:
    """Poll a condition; return whether it became true in time."""
    end_s = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > end_s:
            return False
        time.sleep(0.005)
    return True


def command_of(pid: int) -> bytes:
    """Return a process's command line; empty if it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def mentioning(text: str) -> list[int]:
    """Return the processes, except zombies, with the text in their command line or environment."""
    wanted = os.fsencode(text)
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [pid for pid in pids if pid != os.getpid() and _has(pid, wanted)]


def _has(pid: int, wanted: bytes) -> bool:
    try:
        texts = [Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ")]
    except OSError:
        return False
    return any(wanted in text for text in texts) and alive(pid)


def heed_signals() -> None:
    """Restore, in a child, the signals that nohup or a shell with background jobs ignores."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


def as_nobody(argv: list[str]) -> list[str]:
    """Return a command that runs another as nobody, able to read: Python may be in root's home."""
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("setpriv is missing; apt install util-linux")
    capabilities = "+dac_override,+dac_read_search"
    given = [f"--inh-caps={capabilities}", f"--ambient-caps={capabilities}"]
    return [setpriv, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *given, *argv]
