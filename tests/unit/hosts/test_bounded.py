"""What a host sends home is bounded: of a trial of very many launches some, and a digest of all."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pytest_unikernel.hosts import messages
from pytest_unikernel.hosts.messages import Answer
from pytest_unikernel.hosts.process import bounded
from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.results.launches import LaunchLog
from pytest_unikernel.results.trial import Trial
from pytest_unikernel.run.part import Part

MOST = 1000


def answer(launches: int) -> Answer:
    log = LaunchLog()
    for number in range(launches):
        row = log.add(1000 * number)
        log.started_ns[row] = log.ready_ns[row] = log.exited_ns[row] = 1000 * number + number * 7919 % 10**6
        log.outcome[row] = Outcome.COMPLETED
        log.events[row] = {"up": number}
        log.outputs[row] = "x" * 50
    log.trim()
    trial = Trial(log, range(launches), 0, 1000 * launches, 1000.0)
    about: Any = dict.fromkeys(Part.__dataclass_fields__)
    return Answer(Part(**{**about, "trials": [trial], "turns_ns": [5] * 3 * launches}))


def size(launches: int) -> int:
    return len(messages.dumps(bounded(answer(launches), MOST)))


def test_ten_times_the_launches_beyond_the_limit_send_no_more() -> None:
    assert size(40 * MOST) < 1.3 * size(4 * MOST) < 1.6 * size(MOST)


@pytest.mark.parametrize("launches", [MOST + 1, 2 * MOST, 3 * MOST - 1, 10 * MOST])
def test_no_more_launches_than_the_limit_come_home(launches: int) -> None:
    sent = bounded(answer(launches), MOST)
    assert MOST / 3 < len(sent.part.trials[0].log) <= MOST
    assert len(sent.part.turns_ns) <= MOST
    assert sent.digest is not None
    assert (sent.digest.launches, sent.digest.response.n) == (launches, launches)


def test_up_to_the_limit_all_come_home() -> None:
    whole = answer(MOST)
    assert bounded(whole, MOST) is whole


def test_an_answer_of_cold_starts_is_of_any_length() -> None:
    cold: Any = SimpleNamespace(part=SimpleNamespace(trials=[SimpleNamespace(log=range(MOST))]))
    assert bounded(cold, MOST) is cold
