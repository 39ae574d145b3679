"""Launches by an engine's API: engines that die, fall silent or can't be reached, and late launches."""

from __future__ import annotations

import errno
import os
import secrets
import socket
from fractions import Fraction
from pathlib import Path

import pytest
from asking import SHORT_NS, Made, S, outcome_and_status, run_one, start, until
from fakeengine import Script, api_supervisor
from realloads import outcomes

from pytest_unikernel.launch.deadlines import NEVER_NS
from pytest_unikernel.launch.docker_api import deletions, supervisor
from pytest_unikernel.launch.docker_api.exchange import Exchange
from pytest_unikernel.launch.docker_api.supervisor import ApiSupervisor
from pytest_unikernel.launch.farewell import end_everything
from pytest_unikernel.launch.generator import LoadGenerator
from pytest_unikernel.launch.guards import open_guard
from pytest_unikernel.launch.one_by_one import run_cold
from pytest_unikernel.launch.runtime import Runtime
from pytest_unikernel.plan.load_plan import LoadPlan
from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.plan.target import Target
from pytest_unikernel.plan.target_fields import Instance
from pytest_unikernel.results.launches import LaunchLog

REQUESTS = ("create", "attach", "wait", "start")


@pytest.mark.parametrize("what", REQUESTS)
def test_a_connection_that_is_lost_is_a_daemon_error(made: Made, what: str) -> None:
    asking, _ = made(Script(drops=frozenset({what})))
    index = run_one(asking)
    assert outcome_and_status(asking, index) == (Outcome.DAEMON_ERROR, 125)
    assert f"/{what}" in asking.log.tails[index]


@pytest.mark.parametrize("what", REQUESTS)
def test_an_engine_that_never_answers_is_timed_out(
    made: Made, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "ENDING_NS", SHORT_NS)
    asking, engine = made(Script(silent=frozenset({what})), timeout_s=0.2)
    index = run_one(asking)
    assert asking.log.outcome[index] == Outcome.TIMEOUT
    assert asking.log.exited_ns[index] - asking.log.started_ns[index] >= S // 5
    end_everything(asking)
    assert engine.containers == {}


def test_removals_that_are_never_answered_are_given_up(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deletions, "BOUND_NS", SHORT_NS)
    asking, engine = made(Script(silent=frozenset({"delete"})))
    for _ in range(2 * deletions.MOST):
        start(asking)
    until(asking, lambda: not asking.in_flight)
    assert asking.completed == 2 * deletions.MOST
    until(asking, lambda: not asking.removing)
    assert engine.asked.count("delete") == 2 * deletions.MOST


def test_a_few_removals_only_are_asked_for_at_once(made: Made) -> None:
    asking, engine = made(Script(silent=frozenset({"delete"})))
    for _ in range(3 * deletions.MOST):
        start(asking)
    until(asking, lambda: not asking.in_flight)
    until(asking, lambda: engine.asked.count("delete") >= deletions.MOST)
    asking.wait(asking.now_ns() + SHORT_NS, or_exit=False)
    assert engine.asked.count("delete") == deletions.MOST
    assert asking.removing == 3 * deletions.MOST


def test_a_launch_to_be_ended_is_in_flight_or_being_removed_never_both(made: Made) -> None:
    asking, _ = made(Script(status=None, silent=frozenset({"delete"})))
    for _ in range(3):
        start(asking)
    asking.wait(asking.now_ns() + SHORT_NS, or_exit=False)
    asking.end_all(Outcome.KILLED)
    assert (asking.in_flight, asking.removing) == (3, 0)
    until(asking, lambda: not asking.in_flight)
    assert (asking.in_flight, asking.removing) == (0, 3)
    assert outcomes(asking.log.trim()) == [Outcome.KILLED] * 3


def test_a_launch_that_is_ended_before_it_has_a_container_is_never_started(made: Made) -> None:
    asking, engine = made(Script())
    index = start(asking)
    asking.end_all(Outcome.KILLED)
    end_everything(asking)
    assert asking.log.outcome[index] == Outcome.KILLED
    assert (engine.asked, engine.containers) == (["create", "delete"], {})


def test_a_removal_that_cannot_be_asked_for_ends_its_launch(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "ENDING_NS", 1000 * S)
    asking, engine = made(Script(status=None))
    index = start(asking)
    until(asking, lambda: "start" in engine.asked)
    Path(engine.path).unlink()
    asking.end_all(Outcome.KILLED)
    until(asking, lambda: not asking.in_flight)
    assert asking.log.outcome[index] == Outcome.KILLED
    assert asking.removing == 0


def test_an_engine_that_dies_fails_everything_in_flight_and_later_launches_at_once(made: Made) -> None:
    asking, engine = made(Script(status=None))
    rows = [start(asking) for _ in range(30)]
    until(asking, lambda: engine.asked.count("start") == 30)
    engine.die()
    until(asking, lambda: not asking.in_flight)
    rows.append(start(asking))
    assert {outcome_and_status(asking, row) for row in rows} == {(Outcome.DAEMON_ERROR, 125)}
    assert asking.failed == 31
    assert (asking.in_flight, asking.removing) == (0, 0)
    assert "can't connect to" in start_tail(asking)


def start_tail(asking: ApiSupervisor) -> str:
    asking.log = LaunchLog()
    return asking.log.tails[start(asking)]


def test_a_load_whose_engine_dies_finishes_with_its_report(made: Made) -> None:
    asking, engine = made(Script(lingers_s=0.01))
    plan = LoadPlan(step=Fraction(1, 40), warmup_s=0, window_s=1)

    def die_in_the_middle(progress: object) -> None:
        if asking.completed >= 5:
            engine.die()

    trial = LoadGenerator(asking, plan, open_guard(), show=die_in_the_middle).run()
    counts = trial.counts()
    assert set(counts) <= {Outcome.COMPLETED, Outcome.DAEMON_ERROR}
    assert counts[Outcome.DAEMON_ERROR] > 0
    assert sum(counts.values()) == 40


def no_descriptor_left(self: Exchange, path: str) -> bool:
    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


def test_a_launch_without_a_descriptor_left_is_a_spawn_error_never_in_flight(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking, engine = made(Script())
    monkeypatch.setattr(Exchange, "connect", no_descriptor_left)
    index = start(asking)
    assert outcome_and_status(asking, index) == (Outcome.SPAWN_ERROR, errno.EMFILE)
    assert (asking.in_flight, engine.asked) == (0, [])


def test_descriptors_that_run_out_in_the_middle_of_a_launch_are_a_spawn_error(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking, engine = made(Script())
    index = start(asking)
    monkeypatch.setattr(Exchange, "connect", no_descriptor_left)
    until(asking, lambda: not asking.in_flight)
    assert outcome_and_status(asking, index) == (Outcome.SPAWN_ERROR, errno.EMFILE)
    assert engine.asked == ["create"]


def test_a_full_backlog_is_tried_anew(tmp_path: Path) -> None:
    path = str(tmp_path / "full.sock")
    waiting: list[socket.socket] = []
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen(0)
        fill(path, waiting)
        asking = api_supervisor(
            Target("box", supervisor=api_supervisor), Runtime(secrets.token_hex(8), tmp_path), 20.0, path
        )
        start(asking)
        asking.wait(asking.now_ns() + SHORT_NS, or_exit=False)
        assert (asking.in_flight, asking.failed) == (1, 0)
        for _ in range(len(waiting)):
            listening.accept()[0].close()
        asking.wait(asking.now_ns() + SHORT_NS, or_exit=False)
        with listening.accept()[0] as served:
            assert served.recv(100).startswith(b"POST /containers/create?name=u")
        until(asking, lambda: asking.failed)
        asking.close()
    for each in waiting:
        each.close()


def test_a_launch_that_is_given_up_is_not_tried_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "ENDING_NS", SHORT_NS)
    path = str(tmp_path / "full.sock")
    waiting: list[socket.socket] = []
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen(0)
        fill(path, waiting)
        asking = api_supervisor(
            Target("box", supervisor=api_supervisor), Runtime(secrets.token_hex(8), tmp_path), 0.1, path
        )
        assert asking.log.outcome[run_one(asking)] == Outcome.TIMEOUT
        assert asking._wire.retries.next_ns() == NEVER_NS
        asking.close()
    for each in waiting:
        each.close()


def fill(path: str, waiting: list[socket.socket]) -> None:
    """Connect until the backlog is full."""
    while True:
        waiting.append(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK))
        try:
            waiting[-1].connect(path)
        except BlockingIOError:
            waiting.pop().close()
            return


def test_a_launch_of_an_earlier_trial_does_not_touch_the_rows_of_a_later_one(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking, engine = made(Script(status=None, output=b"up\n"), marks={"up": rb"up"})
    start(asking)
    until(asking, lambda: engine.asked.count("start") == 1)
    earlier, asking.log = asking.log, LaunchLog()
    asking.log.add(asking.now_ns())
    asking.end_all(Outcome.KILLED)
    until(asking, lambda: not asking.in_flight)
    assert (asking.log.outcome[0], asking.log.exited_ns[0], asking.log.tails) == (0, -1, {})
    assert earlier.outcome[0] == Outcome.UNFINISHED


def test_cleanup_is_called_for_each_instance(made: Made) -> None:
    seen: list[Instance] = []
    asking, _ = made(Script(), cleanup=seen.append)
    run_cold(asking, 3, unmeasured=0)
    assert len({instance.id for instance in seen}) == 3


def test_an_engine_whose_socket_is_gone_is_a_daemon_error_that_names_it(made: Made) -> None:
    asking, engine = made(Script())
    Path(engine.path).unlink()
    index = start(asking)
    assert outcome_and_status(asking, index) == (Outcome.DAEMON_ERROR, 125)
    assert engine.path in asking.log.tails[index]
