"""Containers by the Engine API, on a real engine of the tests' own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from needed import needs_busybox
from realengine import RealEngine, real_engine
from realloads import CALM, cold_plan, loading, until

from pytest_unikernel.plan.load_plan import LoadPlan
from pytest_unikernel.plan.readiness import Line
from pytest_unikernel.plan.target import Target
from pytest_unikernel.plan.target_fields import Instance
from pytest_unikernel.run.joining import Measured
from pytest_unikernel.run.session import Session
from pytest_unikernel.targets.containers.docker import DOCKER_CONTAINER, docker_container

OURS = DOCKER_CONTAINER(via="api", network="none")
GREETING = "Hello from a container of pytest-unikernel!\n"


@pytest.fixture(scope="module")
def shared_engine() -> Iterator[RealEngine]:
    """Give an engine that no test kills, with a foreign container."""
    with real_engine() as engine:
        image = engine.load_busybox()
        engine.docker("create", "--name", "theirs", "--label", "whose=theirs", "--network", "none", image)
        yield engine


@pytest.fixture
def engine(shared_engine: RealEngine, monkeypatch: pytest.MonkeyPatch) -> Iterator[RealEngine]:
    """Give the engine that docker means; every test must leave it as it was."""
    monkeypatch.setenv("DOCKER_HOST", shared_engine.host)
    volumes = shared_engine.docker("volume", "ls", "--quiet")
    yield shared_engine
    assert shared_engine.containers() == {"theirs"}
    assert shared_engine.docker("volume", "ls", "--quiet") == volumes


@pytest.fixture
def busybox(engine: RealEngine) -> str:
    return engine.load_busybox()


def measured(session: Session, target: Target, launches: int = 2, **options: Any) -> Measured:
    """Launch one after the other, as a load does."""
    assert target.probe is not None
    missing = target.probe()
    assert missing is None, missing
    with loading(session) as loads:
        return loads.cold(target, cold_plan(launches, **options))


def in_shell(image: str, line: str, **fields: Any) -> Target:
    command = ["/bin/busybox", "sh", "-c", line]
    return DOCKER_CONTAINER(via="api", network="none", image=image, command=command, **fields)


def test_the_default_container_says_hello_and_exits(engine: RealEngine, session: Session) -> None:
    done = measured(session, OURS(output=GREETING.strip()), 3, keep_output=True)
    assert (done.result.completed, done.result.failed) == (3, {})
    assert list(done.outputs) == [GREETING] * 3
    assert done.problems == []


def test_phases_are_the_engines_and_what_a_container_used_is_unknown(
    engine: RealEngine, session: Session
) -> None:
    result = measured(session, OURS).result
    assert set(result.phases_s) == {"create", "start", "run", "notice", "removal"}
    assert all(phase.n == 2 for phase in result.phases_s.values())
    parts = result.partition
    assert parts is not None
    assert (parts["n"], parts["left_out"], parts["other_s"]) == (2, 0, 0)
    until_ready_s = sum(each["before_ready_s"] for each in parts["phases"])
    assert until_ready_s == pytest.approx(result.service_time_s.mean)
    assert result.instance == {"user_s": None, "system_s": None, "max_rss_bytes": None}
    assert dict(result.variant) == {"via": "api", "network": "none"}


@needs_busybox
def test_a_container_knows_its_instance_and_carries_the_sessions_label(
    engine: RealEngine, session: Session, busybox: str
) -> None:
    target = in_shell(busybox, 'echo "$UNIKERNEL_ID $UNIKERNEL_SESSION"')
    seen: list[str] = []

    def look(instance: Instance) -> None:
        labelled = f"label=pytest-unikernel.session={session.token}"
        seen.extend(engine.docker("ps", "--all", "--filter", labelled, "--format", "{{.Names}}").split())

    done = measured(session, target(cleanup=look), 1, keep_output=True)
    assert seen
    assert [text.split() for text in done.outputs] == [[seen[0], session.token]]


@needs_busybox
@pytest.mark.parametrize(
    ("line", "status", "said"),
    [
        ("echo before; exit 3", 3, "before\n"),
        ("exit 125", 125, ""),
        ("/bin/busybox sh -c 'kill -9 $$'; exit $?", 137, "Killed\n"),
    ],
)
def test_a_container_that_fails_has_its_own_status(
    session: Session, busybox: str, line: str, status: int, said: str
) -> None:
    result = measured(session, in_shell(busybox, line), 1).result
    (failure,) = result.failures
    assert (failure["reason"], failure["status"], failure["output_tail"]) == ("exit-code", status, said)


@pytest.mark.parametrize(
    ("command", "status"), [(["/no/such/program"], 127), (["no-such-program"], 127), (["/"], 126)]
)
def test_a_command_that_cannot_be_run_is_told_as_the_client_does(
    engine: RealEngine, session: Session, command: list[str], status: int
) -> None:
    (failure,) = measured(session, OURS(command=command), 1).result.failures
    assert (failure["reason"], failure["status"]) == ("exit-code", status)
    assert "exec" in failure["output_tail"]


def test_what_the_engine_refuses_is_its_error_in_its_words(engine: RealEngine, session: Session) -> None:
    (failure,) = measured(session, OURS(network="no-such-network"), 1).result.failures
    assert (failure["reason"], failure["status"]) == ("daemon-error", 125)
    assert "no-such-network" in failure["output_tail"]


@needs_busybox
def test_a_line_may_mean_ready_and_a_server_is_stopped_then(
    engine: RealEngine, session: Session, busybox: str
) -> None:
    target = in_shell(busybox, "echo up; exec /bin/busybox sleep 600", ready=Line("up"), long_lived=True)
    result = measured(session, target, 2).result
    assert (result.completed, result.failed) == (2, {})


@needs_busybox
def test_a_container_that_never_exits_is_timed_out_and_removed(
    engine: RealEngine, session: Session, busybox: str
) -> None:
    target = in_shell(busybox, "echo here; exec /bin/busybox sleep 600")
    (failure,) = measured(session, target, 1, timeout_s=3.0).result.failures
    assert (failure["reason"], failure["output_tail"]) == ("timeout", "here\n")


@needs_busybox
def test_the_whole_output_is_kept_in_a_file(
    engine: RealEngine, session: Session, busybox: str, tmp_path: Path
) -> None:
    target = in_shell(busybox, "/bin/busybox seq 30000; echo err >&2")
    assert measured(session, target, 1, output=tmp_path / "out").result.completed == 1
    (path,) = (tmp_path / "out").iterdir()
    _, printed = path.read_bytes().split(b"\n", 1)
    printed, end = printed.rstrip(b"\n").rsplit(b"\n", 1)
    numbers, words = printed.split(b"err\n") if b"err\n" in printed else (printed.removesuffix(b"err"), b"")
    assert (numbers + words).split() == [b"%d" % number for number in range(1, 30001)]  # in order, whole
    assert b"err" in printed  # wherever: the engine passes the two streams on independently
    assert end.endswith(b"exited successfully")


def test_containers_are_held_to_the_cpus_of_the_sweep(engine: RealEngine, session: Session) -> None:
    cpus: list[str] = []

    def look(instance: Instance) -> None:
        with_cpus = engine.docker("inspect", "--format", "{{.HostConfig.CpusetCpus}}", instance.id)
        cpus.append(with_cpus.strip())

    measured(session, OURS(cleanup=look, command=["/no/such"]), 1, cpus=frozenset({0}))
    assert cpus == ["0"]


def test_an_engine_that_is_killed_in_the_middle_of_a_load_gives_daemon_errors_and_a_report(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    with real_engine() as engine:
        monkeypatch.setenv("DOCKER_HOST", engine.host)
        target = docker_container(via="api", network="none")
        assert target.probe is not None
        assert target.probe() is None
        killing = threading.Thread(target=kill_when_it_works, args=(engine,))
        killing.start()
        plan = LoadPlan(Fraction(1, 4), warmup_s=0, max_warmup_s=0, window_s=12, **CALM)
        with loading(session) as loads:
            done = loads.sweep(target, plan)
        killing.join()
    result = done.result
    assert set(result.failed) == {"daemon-error"}
    assert result.completed
    assert result.completed + result.failed["daemon-error"] == result.scheduled
    assert done.problems  # no engine can be asked for leftovers


def kill_when_it_works(engine: RealEngine) -> None:
    """Kill the engine when some containers of the load have come and gone; without a warm-up they count."""
    seen: set[str] = set()
    assert until(lambda: len(seen - known(engine, seen)) >= 5)
    engine.kill()


def known(engine: RealEngine, seen: set[str]) -> set[str]:
    """Return the containers that are there; they have been seen now."""
    there = engine.containers()
    seen |= there
    return there
