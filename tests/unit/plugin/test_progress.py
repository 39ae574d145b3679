"""The time that each test takes: its own only, where it runs others inside."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_unikernel.plugin import progress
from pytest_unikernel.plugin.progress import RunProgress
from pytest_unikernel.run.remaining import Agenda, PlannedLoad

S = 1_000_000_000
Pass = Callable[[float], None]


def running(run: RunProgress, name: str) -> Iterator[None]:
    """Begin a test; the next step of the iterator ends it."""
    item: Any = SimpleNamespace(nodeid=name)
    hook = run.pytest_runtest_protocol(item)
    next(hook)
    yield
    with pytest.raises(StopIteration):
        hook.send(True)


def end(test: Iterator[None]) -> None:
    assert next(test, None) is None


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch) -> Pass:
    """Let time pass."""
    now = {"s": 0.0}
    monkeypatch.setattr(progress, "monotonic_ns", lambda: round(now["s"] * S))

    def wait(seconds: float) -> None:
        now["s"] += seconds

    return wait


def planned(name: str) -> PlannedLoad:
    return PlannedLoad("series", "target", float(len(name)), trials=1, warmup_s=1.0, window_s=4.0)


def measured(run: RunProgress, name: str) -> None:
    run.agenda.ended(name, longest_s=0.0, typical_s=0.0, is_ok=True)


def test_a_test_s_time_beyond_the_expected_is_learnt(wait: Pass) -> None:
    run = RunProgress(Agenda({name: planned(name) for name in ("aaa", "aa", "a")}))
    test = running(run, "aaa")
    next(test)
    wait(7.0)  # 2 s more than the warm-up and the window
    measured(run, "aaa")
    assert run.finished("aaa") == (1, 3, 2 * (5.0 + 2.0))
    end(test)


def test_what_runs_inside_another_test_is_not_its_time(wait: Pass) -> None:
    run = RunProgress(Agenda({name: planned(name) for name in ("aaa", "aa", "a")}))
    outer = running(run, "aaa")
    next(outer)
    wait(0.5)
    for name in ("aaa", "aa"):  # as of a group that takes turns
        inner = running(run, name)
        next(inner)
        wait(6.0)
        measured(run, name)
        run.finished(name)
        end(inner)
    end(outer)
    assert run.agenda.place.left_s == pytest.approx(5.0 + (1.5 + 1.0) / 2)


def test_a_test_without_a_load_is_dropped(wait: Pass) -> None:
    run = RunProgress(Agenda({name: planned(name) for name in ("aa", "a")}))
    wait(1.0)
    assert run.finished("aa")[:2] == (0, 1)
