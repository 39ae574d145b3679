"""Checks that fail themselves are findings, in words."""

from __future__ import annotations

import pytest

from pytest_unikernel.doctor.check import Check
from pytest_unikernel.doctor.running import CURE, Job, run_all
from pytest_unikernel.errors import BuildError, TargetError


@pytest.mark.parametrize(
    ("error", "reason", "cure"),
    [
        (BuildError("no place; set XDG_CACHE_HOME", "last\nwords"), "no place", "set XDG_CACHE_HOME"),
        (BuildError("a; b; make room"), "a; b", "make room"),
        (TargetError("no place"), "no place", CURE),
        (ZeroDivisionError("theirs"), "the check raised ZeroDivisionError('theirs')", CURE),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_a_check_raises_is_its_reason_and_cure(error: Exception, reason: str, cure: str) -> None:
    def call() -> Check:
        raise error

    assert run_all([[Job("x", call)]], 60) == [Check("x", "no", reason, cure)]
