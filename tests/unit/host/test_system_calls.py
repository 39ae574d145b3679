from __future__ import annotations

import errno
import math
import os
import resource
import select
import signal

import pytest

from pytest_unikernel.doctor.targets import lanes
from pytest_unikernel.doctor.variants import Variant
from pytest_unikernel.host import facts, linux, system_calls
from pytest_unikernel.host.system_calls import Refused, first_refused
from pytest_unikernel.plan.target import Target
from pytest_unikernel.text.system_calls import refused_text

NAMES = (
    "pidfd_open",
    "pidfd_send_signal",
    "timerfd_create",
    "prctl",
    "waitid",
    "epoll_ctl",
    "kill",
    "getrusage",
    "sched_getaffinity",
    "prlimit64",
)


class Epoll:
    """An epoll whose methods can be replaced."""

    def __enter__(self) -> Epoll:  # noqa: PYI034 - typing.Self came with 3.11
        return self

    def __exit__(self, *_: object) -> None: ...

    def poll(self, timeout: float) -> None: ...

    def register(self, descriptor: int, events: int) -> None: ...


def refuse(monkeypatch: pytest.MonkeyPatch, name: str, number: int) -> None:
    def refused(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    where = {
        "timerfd_create": (linux, "timerfd"),
        "prctl": (linux, "prctl"),
        "pidfd_send_signal": (signal, "pidfd_send_signal"),
        "epoll_ctl": (Epoll, "register"),
        "getrusage": (resource, "getrusage"),
        "prlimit64": (resource, "getrlimit"),
    }
    module, attribute = where.get(name, (os, name))
    monkeypatch.setattr(select, "epoll", Epoll)
    monkeypatch.setattr(module, attribute, refused)


def test_nothing_is_refused_here() -> None:
    assert first_refused() is None


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOSYS])
@pytest.mark.parametrize("name", NAMES)
def test_a_call_that_is_refused_is_named_with_its_cure(
    monkeypatch: pytest.MonkeyPatch, name: str, number: int
) -> None:
    refuse(monkeypatch, name, number)
    refused = first_refused()
    assert refused == Refused(name, number)
    why = refused_text(refused)
    assert why.reason == f"every load needs the system call {name}, which is refused: {os.strerror(number)}"
    assert "seccomp" in why.cure


def test_cpus_that_a_profile_hides_are_all_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch, "sched_getaffinity", errno.EPERM)
    monkeypatch.setattr(facts, "cgroup_quota_cores", lambda: math.inf)
    assert facts.usable_cores() == os.cpu_count()


def test_a_limit_on_open_files_that_is_too_low_for_any_load_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (64, 64))
    refused = first_refused()
    assert refused is not None
    assert str(refused_text(refused)) == (
        "a load needs 128 open files, the limit RLIMIT_NOFILE is 64; ulimit -n 1024"
    )


def test_no_descriptor_that_is_left_is_no_refusal_of_the_host() -> None:
    assert refused_text(Refused("pidfd_open", errno.EMFILE)).cure == "ulimit -n 1024"


def test_the_doctor_says_no_for_what_is_installed_and_absent_for_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refuse(monkeypatch, "pidfd_open", errno.EPERM)
    target = Target("x", ("true",))
    variants = [Variant(name, (name,), lambda: target, "lane") for name in ("sh", "no-such-program")]
    found = [job.call() for jobs in lanes(variants, {}) for job in jobs]
    assert found[0].state == "no"
    assert "pidfd_open, which is refused: Operation not permitted" in found[0].reason


def test_every_attempt_is_named_as_the_kernel_names_it() -> None:
    known = {*system_calls.ATTEMPTS, "prlimit64"}  # the limit on open files is looked at first
    assert {*NAMES, "timerfd_settime", "epoll_create1"} == known
