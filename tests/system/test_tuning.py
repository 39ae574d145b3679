"""A load restores what it changes in its process."""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
from realloads import descriptors, launched, shell, supervised

from pytest_unikernel.errors import LoadError
from pytest_unikernel.host import linux
from pytest_unikernel.host.tuning import tuned
from pytest_unikernel.run.session import Session


def state() -> dict[str, Any]:
    """Return everything that a load may touch."""
    wakeup = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(wakeup)
    return {
        "handlers": {number: signal.getsignal(number) for number in signal.valid_signals()},
        "wakeup": wakeup,
        "mask": signal.pthread_sigmask(signal.SIG_BLOCK, ()),
        "subreaper": linux.is_subreaper(),
        "slack": linux.prctl(linux.PR_GET_TIMERSLACK),
        "kernel's slack": Path("/proc/self/timerslack_ns").read_text(),
        "scheduler": (os.sched_getscheduler(0), os.sched_getparam(0).sched_priority),
        "nice": os.getpriority(os.PRIO_PROCESS, 0),
        "gc": (gc.isenabled(), gc.get_threshold()),
        "descriptors": resource.getrlimit(resource.RLIMIT_NOFILE),
        "affinity": os.sched_getaffinity(0),
        "open": descriptors(),
        "inheritable": [number for number in descriptors() if os.get_inheritable(number)],
        "environment": dict(os.environ),
        "directory": Path.cwd(),
        "umask": Path("/proc/self/status").read_text().partition("Umask:")[2].split()[0],
    }


@pytest.mark.parametrize("realtime", ["off", "auto"])
def test_a_load_leaves_its_process_as_it_was(session: Session, realtime: str) -> None:
    launched(session, shell("exit 0"))
    before = state()
    launched(session, shell("exit 0"), realtime=realtime)
    assert state() == before


def test_a_load_that_fails_leaves_its_process_as_it_was(session: Session) -> None:
    before = state()
    with pytest.raises(ZeroDivisionError), supervised(session, shell("exit 0"), realtime="auto"):
        raise ZeroDivisionError
    assert state() == before


def test_unusual_settings_are_put_back_too() -> None:
    handler = signal.signal(signal.SIGCHLD, lambda *_: None)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        gc.disable()
        linux.prctl(linux.PR_SET_TIMERSLACK, 70_000)
        linux.prctl(linux.PR_SET_CHILD_SUBREAPER, 1)
        resource.setrlimit(resource.RLIMIT_NOFILE, (100, hard))
        before = state()
        with tuned("auto", 5000, frozenset(list(os.sched_getaffinity(0))[:1])) as granted:
            assert signal.getsignal(signal.SIGCHLD) is signal.SIG_DFL
            assert granted.child_nofile == (100, hard)
            assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == min(5000, hard)
        assert state() == before
    finally:
        gc.enable()
        linux.prctl(linux.PR_SET_TIMERSLACK, 50_000)
        linux.prctl(linux.PR_SET_CHILD_SUBREAPER, 0)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        signal.signal(signal.SIGCHLD, handler)


def test_while_a_load_runs_orphans_come_to_us_and_garbage_waits() -> None:
    with tuned("off", 100):
        assert linux.is_subreaper()
        assert not gc.isenabled()


def test_outside_the_main_thread_signals_are_let_be() -> None:
    raised: list[BaseException] = []

    def load() -> None:
        try:
            with tuned("off", 100):
                pass
        except BaseException as error:  # noqa: BLE001
            raised.append(error)

    thread = threading.Thread(target=load)
    thread.start()
    thread.join()
    assert not raised


def test_a_handler_that_python_did_not_set_is_let_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal, "getsignal", lambda _: None)
    with tuned("off", 100):
        pass


def test_realtime_that_is_refused_is_done_without_or_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    with tuned("auto", 100) as granted:
        assert not granted.realtime
    with pytest.raises(LoadError, match=r"SCHED_FIFO was refused .*CAP_SYS_NICE"), tuned("on", 100):
        pass


def test_the_generator_keeps_off_the_cpus_of_its_instances() -> None:
    cpus = os.sched_getaffinity(0)
    if len(cpus) < 2:
        pytest.skip("one CPU can't be shared out; run on two")
    first = frozenset(sorted(cpus)[:1])
    with tuned("off", 100, first):
        assert os.sched_getaffinity(0) == cpus - first
    with tuned("off", 100, frozenset(cpus)):
        assert os.sched_getaffinity(0) == cpus


def test_descriptors_closed_meanwhile_do_no_harm() -> None:
    descriptor = os.open(os.devnull, os.O_RDONLY)
    os.set_inheritable(descriptor, True)
    with contextlib.ExitStack() as stack:
        stack.enter_context(tuned("off", 100))
        assert not os.get_inheritable(descriptor)
        os.close(descriptor)
