"""The calls that Python lacks."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from pytest_unikernel.host import linux


def test_prctl_sets_and_asks() -> None:
    before = linux.prctl(linux.PR_GET_TIMERSLACK)
    linux.prctl(linux.PR_SET_TIMERSLACK, 12_345)
    assert linux.prctl(linux.PR_GET_TIMERSLACK) == 12_345
    linux.prctl(linux.PR_SET_TIMERSLACK, before)


def test_what_the_kernel_refuses_is_an_oserror_with_its_number() -> None:
    with pytest.raises(OSError, match="Invalid argument") as caught:
        linux.prctl(9_999)
    assert caught.value.errno == errno.EINVAL


def test_a_timer_is_not_inherited_and_never_blocks() -> None:
    timer = linux.timerfd()
    try:
        assert not os.get_inheritable(timer)
        with pytest.raises(BlockingIOError):
            os.read(timer, 8)
    finally:
        os.close(timer)


def test_an_instant_in_the_past_fires_at_once_and_zero_disarms() -> None:
    timer = linux.timerfd()
    try:
        arm = linux.timer_setter(timer)
        arm(1)
        assert int.from_bytes(os.read(timer, 8), "little") == 1
        arm(1)
        arm(0)
        with pytest.raises(BlockingIOError):
            os.read(timer, 8)
    finally:
        os.close(timer)


def test_arming_what_is_no_timer_is_an_oserror() -> None:
    with Path(os.devnull).open() as null, pytest.raises(OSError, match="Invalid argument"):
        linux.timer_setter(null.fileno())(1)


def test_the_subreaper_flag_is_asked_for() -> None:
    assert linux.is_subreaper() is False
    linux.prctl(linux.PR_SET_CHILD_SUBREAPER, 1)
    assert linux.is_subreaper() is True
    linux.prctl(linux.PR_SET_CHILD_SUBREAPER, 0)
