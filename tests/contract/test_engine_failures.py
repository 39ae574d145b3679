"""Launches by an engine's API: in which order it is asked, and every way in which it can fail them."""

from __future__ import annotations

import errno
import os
import re
import secrets
import socket
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from fakeengine import FakeEngine, Script, api_supervisor
from realloads import descriptors, outcomes

from pytest_unikernel.dockerapi import deletions, supervisor
from pytest_unikernel.dockerapi.exchange import Exchange
from pytest_unikernel.dockerapi.supervisor import ApiSupervisor
from pytest_unikernel.guards import open_guard
from pytest_unikernel.limits import NEVER_NS
from pytest_unikernel.loadgen import LoadGenerator, end_everything, run_cold
from pytest_unikernel.output import TAIL_BYTES
from pytest_unikernel.plan import LoadPlan
from pytest_unikernel.readiness import Line
from pytest_unikernel.record import LaunchLog, Outcome
from pytest_unikernel.runtime import Runtime
from pytest_unikernel.target import Instance, Target

S = 1_000_000_000
LONG_NS = 20 * S  # never reached: what is waited for comes first
REQUESTS = ("create", "attach", "wait", "start")
SHORT_NS = S // 10

Made = Callable[..., tuple[ApiSupervisor, FakeEngine]]


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Made]:
    """Make an engine and a supervisor that asks it; no descriptor may be left of either."""
    before = descriptors()
    undo: list[Callable[[], None]] = []

    def make(
        script: Script, timeout_s: float = 60.0, *, runtime: dict[str, Any] | None = None, **fields: Any
    ) -> tuple[ApiSupervisor, FakeEngine]:
        engine = FakeEngine(tmp_path / "engine.sock", script)
        undo.append(engine.die)
        around = Runtime(secrets.token_hex(8), tmp_path, **(runtime or {}))
        asking = api_supervisor(
            Target("box", supervisor=api_supervisor, **fields), around, timeout_s, engine.path
        )
        undo.append(asking.close)
        return asking, engine

    yield make
    while undo:
        undo.pop()()
    assert descriptors() == before


def start(asking: ApiSupervisor) -> int:
    index = asking.log.add(asking.now_ns())
    asking.start(index)
    return index


def until(asking: ApiSupervisor, condition: Callable[[], object]) -> None:
    """Let the supervisor work until something holds, within a bound."""
    bound_ns = asking.now_ns() + LONG_NS
    while not condition():
        assert asking.wait(asking.now_ns() + S // 100) < bound_ns, "it never came"


def run_one(asking: ApiSupervisor) -> int:
    index = start(asking)
    until(asking, lambda: not asking.in_flight)
    return index


def outcome_and_status(asking: ApiSupervisor, index: int) -> tuple[Outcome, int]:
    return Outcome(asking.log.outcome[index]), asking.log.status[index]


# what goes well -----------------------------------------------------------------------------------


def test_the_exit_is_waited_for_and_the_output_attached_to_before_the_start(made: Made) -> None:
    asking, engine = made(Script())
    run_cold(asking, 1, unmeasured=0)
    assert engine.asked[0] == "create"
    assert set(engine.asked[1:3]) == {"attach", "wait"}
    assert engine.asked[3:] == ["start", "delete"]


def test_containers_are_named_by_their_instance_and_removed_after_their_exit(made: Made) -> None:
    asking, engine = made(Script(status=None))
    index = start(asking)
    until(asking, lambda: "start" in engine.asked)
    (container,) = engine.containers.values()
    assert container.name.endswith(f"-{asking.log.instance[index]}")
    end_everything(asking)
    assert (engine.containers, asking.removing) == ({}, 0)


@pytest.mark.parametrize("piece", [1, 3, 1 << 16])
def test_replies_may_come_in_pieces(made: Made, piece: int) -> None:
    asking, _ = made(Script(output=b"up\nand running\n", piece=piece), runtime={"keep_output": True})
    assert outcomes(run_cold(asking, 2, unmeasured=0).log) == [Outcome.COMPLETED] * 2
    assert set(asking.log.outputs.values()) == {"up\nand running\n"}


def test_launches_do_not_wait_for_earlier_ones(made: Made) -> None:
    asking, engine = made(Script(status=None))
    rows = [start(asking) for _ in range(20)]
    assert asking.in_flight == 20
    until(asking, lambda: engine.asked.count("start") == 20)
    end_everything(asking)
    assert {asking.log.outcome[row] for row in rows} == {Outcome.UNFINISHED}
    assert engine.containers == {}


def test_a_whole_load_runs_and_leaves_nothing(made: Made) -> None:
    asking, engine = made(Script(lingers_s=0.05))
    plan = LoadPlan(step=Fraction(1, 20), warmup_s=0, window_s=1)
    trial = LoadGenerator(asking, plan, open_guard()).run()
    assert {trial.log.outcome[row] for row in trial.rows} == {Outcome.COMPLETED}
    assert len(trial.rows) == 20
    assert (engine.containers, asking.in_flight, asking.removing) == ({}, 0, 0)


def test_what_a_container_used_is_unknown(made: Made) -> None:
    asking, _ = made(Script())
    assert not run_cold(asking, 1, unmeasured=0).log.usage_known


def test_an_exit_may_be_told_before_the_start_is_acknowledged(made: Made) -> None:
    asking, _ = made(Script(status=3, exits_before_answer=True))
    assert outcome_and_status(asking, run_one(asking)) == (Outcome.EXIT_CODE, 3)


# output -------------------------------------------------------------------------------------------


def test_the_whole_output_goes_to_the_sink_and_its_end_to_the_log(made: Made, tmp_path: Path) -> None:
    text = b"".join(b"line %d\n" % number for number in range(5000))
    (tmp_path / "outputs").mkdir()
    asking, _ = made(
        Script(output=text),
        runtime={"output_directory": tmp_path / "outputs", "label": "box", "keep_output": True},
    )
    run_cold(asking, 1, unmeasured=0)
    (path,) = (tmp_path / "outputs").iterdir()
    first, *middle, last = path.read_bytes().splitlines(keepends=True)
    assert first.endswith(b"box initiated\n")
    assert b"".join(middle) == text
    assert last.endswith(b"exited successfully\n")
    assert asking.log.outputs[0].encode() == text[-TAIL_BYTES:]


def test_marks_are_stamped_before_the_exit(made: Made) -> None:
    asking, _ = made(Script(output=b"booted\n", lingers_s=0.02), marks={"booted": rb"booted"})
    index = run_one(asking)
    log = asking.log
    assert log.started_ns[index] < log.events[index]["booted"] < log.exited_ns[index]


def test_output_that_is_required_and_does_not_come_is_a_failure(made: Made) -> None:
    asking, _ = made(Script(output=b"Hello\n"), output="Goodbye")
    assert outcome_and_status(asking, run_one(asking)) == (Outcome.NOT_READY, 0)


def test_a_last_line_without_its_end_is_a_line(made: Made) -> None:
    asking, _ = made(Script(output=b"up"), ready=Line(re.compile(rb"^up$")))
    assert outcome_and_status(asking, run_one(asking)) == (Outcome.COMPLETED, 0)


def test_output_that_tells_of_a_failure_ends_the_container(made: Made) -> None:
    asking, engine = made(Script(output=b"guest panic\n", status=None), failures={rb"panic": "guest-panic"})
    index = run_one(asking)
    assert asking.log.outcome[index] == Outcome.GUEST_PANIC
    assert asking.log.tails[index] == "guest panic\n"
    assert engine.containers == {}


def test_output_that_goes_on_after_the_exit_is_not_waited_for_without_end(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "LAST_OUTPUT_NS", SHORT_NS)
    asking, _ = made(Script(output=b"up\n", never_ends_output=True))
    index = run_one(asking)
    log = asking.log
    assert outcome_and_status(asking, index) == (Outcome.COMPLETED, 0)
    assert log.ready_ns[index] == log.exited_ns[index] < asking.now_ns() - SHORT_NS


def test_a_sink_that_cannot_be_written_ends_the_load(made: Made, tmp_path: Path) -> None:
    asking, _ = made(Script(), runtime={"output_directory": tmp_path / "missing", "label": "box"})
    with pytest.raises(Exception, match="--sweep-output: can't write"):
        run_cold(asking, 1, unmeasured=0)


# refusals -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", REQUESTS)
def test_a_refusal_is_a_daemon_error_with_the_engines_words(made: Made, what: str) -> None:
    asking, engine = made(Script(errors={what: (500, "no space left on device")}))
    index = run_one(asking)
    assert outcome_and_status(asking, index) == (Outcome.DAEMON_ERROR, 125)
    assert asking.log.tails[index] == "no space left on device"
    assert asking.log.ready_ns[index] == -1
    end_everything(asking)
    assert engine.containers == {}


def test_a_name_that_is_taken_removes_nobodys_container(made: Made) -> None:
    asking, engine = made(Script(errors={"create": (409, "Conflict. The container name is already in use")}))
    index = run_one(asking)
    end_everything(asking)
    assert outcome_and_status(asking, index) == (Outcome.DAEMON_ERROR, 125)
    assert engine.asked == ["create"]


@pytest.mark.parametrize(
    ("message", "status"),
    [('exec: "x": executable file not found in $PATH', 127), ("exec /bin: permission denied", 126)],
)
def test_a_command_that_cannot_be_run_is_the_containers_failure(
    made: Made, message: str, status: int
) -> None:
    asking, engine = made(Script(errors={"start": (400, message)}))
    index = run_one(asking)
    assert outcome_and_status(asking, index) == (Outcome.EXIT_CODE, status)
    assert asking.log.tails[index] == message
    end_everything(asking)
    assert engine.containers == {}


def test_a_refused_start_counts_even_if_an_exit_was_told_before(made: Made) -> None:
    script = Script(status=128, errors={"start": (500, "no network")}, exits_before_answer=True)
    asking, _ = made(script)
    index = run_one(asking)
    assert outcome_and_status(asking, index) == (Outcome.DAEMON_ERROR, 125)
    assert asking.log.tails[index] == "no network"


def test_a_containers_own_status_125_is_not_the_engines(made: Made) -> None:
    asking, _ = made(Script(status=125))
    assert outcome_and_status(asking, run_one(asking)) == (Outcome.EXIT_CODE, 125)


def test_exit_reasons_and_exit_codes_are_the_targets(made: Made) -> None:
    asking, _ = made(Script(status=35), exit_reasons={35: "guest-panic"})
    assert outcome_and_status(asking, run_one(asking)) == (Outcome.GUEST_PANIC, 35)


def test_an_exit_that_the_engine_could_not_see_is_a_daemon_error(made: Made) -> None:
    asking, _ = made(Script(wait_answer=b'{"StatusCode":0,"Error":{"Message":"lost it"}}'))
    index = run_one(asking)
    assert outcome_and_status(asking, index) == (Outcome.DAEMON_ERROR, 125)
    assert asking.log.tails[index] == "lost it"


# engines that die or fall silent --------------------------------------------------------------------


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
