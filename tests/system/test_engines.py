"""Containers by engines' command lines, for real: the same tests for Docker and for Podman."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
import realloads
from engines import Client, busybox_image, label_of, why_not
from realloads import outcomes, supervised, until

from pytest_unikernel.guests.build.container_image import hello_image
from pytest_unikernel.launch.cleanup.leftover_command import remove, removed_afterwards
from pytest_unikernel.launch.cleanup.leftovers import Adopted
from pytest_unikernel.launch.one_by_one import run_cold
from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.plan.readiness import Line
from pytest_unikernel.plan.target import Target
from pytest_unikernel.results.launches import LaunchLog
from pytest_unikernel.run.session import Session
from pytest_unikernel.targets.containers.docker import docker_container
from pytest_unikernel.targets.containers.podman import podman_container

OK = Outcome.COMPLETED


class Engine(NamedTuple):
    """An engine that the tests are of, with an image that has a shell."""

    name: str
    target: Target
    client: Client
    shell: str

    def running(self, line: str, **more: object) -> Target:
        """Return a target whose containers run a line in a shell."""
        return self.target(image=self.shell, command=["/bin/sh", "-c", line], **more)


ENGINES = {"docker": docker_container, "podman": podman_container}


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    factory = ENGINES[request.param]
    # Networks are the engines' own affair, and slow.
    target = Target(**{**vars(factory(network="none")), "factory": factory, "variant": {"network": "none"}})
    missing = why_not(target)
    if missing:
        pytest.skip(missing)
    client = Client(request.param)
    client.call("load", given=busybox_image().archive)
    return Engine(request.param, target, client, busybox_image().tag)


def launched(session: Session, target: Target, launches: int = 1, *, timeout_s: float = 60.0) -> LaunchLog:
    """Launch one after the other; the containers' helper processes end with them."""
    adopted = Adopted()
    try:
        return realloads.launched(session, target, launches, timeout_s=timeout_s)
    finally:
        adopted.clear(session.token, are_ending=True)


def test_the_default_container_says_hello_and_nothing_is_left(session: Session, engine: Engine) -> None:
    before = engine.client.everything()
    log = launched(session, engine.target, 2)
    assert outcomes(log) == [OK, OK], log.tails
    assert engine.client.everything() == before


def test_the_default_network_is_the_engines_own(session: Session, engine: Engine) -> None:
    target = ENGINES[engine.name]()
    assert "--network" not in target.argv
    assert outcomes(launched(session, target)) == [OK]


def test_the_containers_status_decides(session: Session, engine: Engine) -> None:
    log = launched(session, engine.running("echo oh no; exit 3"))
    assert outcomes(log) == [Outcome.EXIT_CODE]
    assert list(log.status) == [3]
    assert "oh no" in log.tails[0]
    assert outcomes(launched(session, engine.running("exit 3")(exit_codes={3}))) == [OK]


@pytest.mark.parametrize(("command", "status"), [("/no/such", 127), ("/noexec", 126)])
def test_a_command_that_can_not_be_run_is_an_exit_code(
    session: Session, engine: Engine, command: str, status: int
) -> None:
    log = launched(session, engine.target(image=engine.shell, command=[command]))
    assert outcomes(log) == [Outcome.EXIT_CODE], log.tails
    assert list(log.status) == [status]


def test_what_the_engine_refuses_is_a_daemon_error(session: Session, engine: Engine) -> None:
    log = launched(session, engine.target(network="no-such-network"))
    assert outcomes(log) == [Outcome.DAEMON_ERROR], log.tails
    assert "no-such-network" in log.tails[0]


def test_a_name_that_is_taken_is_a_daemon_error_and_its_owner_stays(session: Session, engine: Engine) -> None:
    with supervised(session, engine.target, timeout_s=60) as supervisor:
        first = supervisor.log
        run_cold(supervisor, 1, unmeasured=0)
        taken = f"u{session.token[:8]}-{first.instance[0] + 1}"
        owner = engine.client.call("create", "--name", taken, engine.shell, "/bin/true").strip()
        try:
            log = run_cold(supervisor, 1, unmeasured=0).log
            assert Outcome(log.outcome[1]) is Outcome.DAEMON_ERROR, log.tails
            assert "in use" in log.tails[1]
            assert remove(engine.target, session.token) == ""
            assert owner in engine.client.containers()
        finally:
            engine.client.call("rm", "-f", owner)


def test_one_that_never_exits_is_a_time_out_and_is_removed(session: Session, engine: Engine) -> None:
    before = engine.client.everything()
    with removed_afterwards(engine.target, session.token) as problems:
        log = launched(session, engine.running("sleep 1000"), timeout_s=3)
    assert outcomes(log) == [Outcome.TIMEOUT]
    assert not problems
    assert engine.client.everything() == before


def test_anonymous_volumes_go_with_their_containers(session: Session, engine: Engine) -> None:
    before = engine.client.everything()
    log = launched(session, engine.running(": > /data/x", options=["--volume", "/data"]))
    assert outcomes(log) == [OK], log.tails
    assert engine.client.everything() == before


def test_a_line_can_be_the_ready_one(session: Session, engine: Engine) -> None:
    target = engine.running("echo up; exec sleep 1000")(ready=Line("up"), long_lived=True, stop_grace_s=0.5)
    with removed_afterwards(engine.target, session.token):
        log = launched(session, target)
    assert outcomes(log) == [OK], log.tails
    assert not engine.client.call("ps", "-aq", "--filter", f"label={label_of(session.token)}").split()


def test_every_container_has_its_id_in_its_environment(session: Session, engine: Engine) -> None:
    target = engine.running("echo id is $UNIKERNEL_ID")(output=f"id is u{session.token[:8]}-")
    assert outcomes(launched(session, target)) == [OK]


def test_other_peoples_containers_stay(session: Session, engine: Engine) -> None:
    theirs = engine.client.call("create", "--label", label_of("0" * 32), engine.shell).strip()
    try:
        with removed_afterwards(engine.target, session.token):
            launched(session, engine.target)
        assert theirs in engine.client.containers()
    finally:
        engine.client.call("rm", "-f", theirs)


def test_our_image_is_loaded_where_it_is_missing(engine: Engine) -> None:
    engine.client.call("rmi", "-f", hello_image().tag)
    assert why_not(engine.target) == ""
    assert engine.client.call("image", "inspect", hello_image().tag)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"image": "localhost/no/such:1", "pull": "never"}, "no image 'localhost/no/such:1' here; .* pull"),
        ({"image": "localhost/no/such:1"}, "can't be pulled: .*; add it with"),
    ],
)
def test_an_image_that_can_not_be_had_is_unavailable(
    engine: Engine, parameters: dict[str, str], said: str
) -> None:
    probe = engine.target(**parameters).probe
    assert probe is not None
    missing = probe()
    assert missing is not None
    assert re.search(said, str(missing)), missing


RUN = """
import pytest
@pytest.mark.load_sweep(time_steps=[1 / 4], warmup=0, window=60)
def test_it(load_step, {name}_container):
    load_step({name}_container(network="none", image="{image}", command=["/bin/busybox", "sleep", "1000"]))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_however_pytest_ends_no_container_is_left_and_others_stay(
    tmp_path: Path, engine: Engine, number: signal.Signals
) -> None:
    (tmp_path / "test_it.py").write_text(RUN.format(name=engine.name, image=engine.shell))
    theirs = engine.client.call("create", engine.shell).strip()
    before = engine.client.containers()
    run = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_it.py"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        assert until(lambda: len(engine.client.containers() - before) >= 3, 60)
        os.kill(run.pid, number)
        run.wait(120)
        assert until(lambda: engine.client.containers() == before, 60)
    finally:
        run.kill()
        run.wait()
        engine.client.call("rm", "-f", theirs)
