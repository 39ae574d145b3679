"""Launches by an engine's API: the order of requests, and the way of the containers' output."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import pytest
from asking import SHORT_NS, Made, outcome_and_status, run_one, start, until
from fakeengine import Script
from realloads import outcomes

from pytest_unikernel.launch.docker_api import supervisor
from pytest_unikernel.launch.farewell import end_everything
from pytest_unikernel.launch.generator import LoadGenerator
from pytest_unikernel.launch.guards import open_guard
from pytest_unikernel.launch.one_by_one import run_cold
from pytest_unikernel.launch.output import TAIL_BYTES
from pytest_unikernel.plan.load_plan import LaunchConditions, LoadPlan
from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.plan.readiness import Line

# success ------------------------------------------------------------------------------------------


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
    asking, _ = made(
        Script(output=b"up\nand running\n", piece=piece),
        runtime={"conditions": LaunchConditions(keep_output=True)},
    )
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
        runtime={
            "conditions": LaunchConditions(output=tmp_path / "outputs", keep_output=True),
            "label": "box",
        },
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
    conditions = LaunchConditions(output=tmp_path / "missing")
    asking, _ = made(Script(), runtime={"conditions": conditions, "label": "box"})
    with pytest.raises(Exception, match="--sweep-output: can't write"):
        run_cold(asking, 1, unmeasured=0)
