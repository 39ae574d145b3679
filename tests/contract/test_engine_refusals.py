"""Launches by an engine's API: refusals, and failures of containers."""

from __future__ import annotations

import pytest
from asking import Made, outcome_and_status, run_one
from fakeengine import Script

from pytest_unikernel.launch.farewell import end_everything
from pytest_unikernel.plan.outcome import Outcome

REQUESTS = ("create", "attach", "wait", "start")


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
