"""Docker where its daemon is missing, refuses, is full or dies: a reason each, and a finished report."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from engines import why_not
from realengine import real_engine
from realloads import as_nobody, until
from sweeprun import LENIENT, loads, run_apart, write

from pytest_unikernel.targets.containers.docker import docker_container

pytestmark = pytest.mark.skipif(shutil.which("dockerd") is None, reason="no dockerd; install docker.io")

IMPORTS = "import pytest\n\n\n"
SWEEP = """
@pytest.mark.load_sweep(time_steps=[1 / 2], warmup=0, window={window})
def test_it(load_step, docker_container):
    load_step(docker_container(network="none"))
"""


def test_a_missing_client_is_named_with_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/no/such/place")
    assert why_not(docker_container()).startswith("no docker on PATH; apt-get install docker.io")


def test_a_daemon_that_does_not_run_is_named_with_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///no/such/docker.sock")
    said = why_not(docker_container())
    assert "Cannot connect to the Docker daemon" in said
    assert "correct or unset DOCKER_HOST='unix:///no/such/docker.sock'" in said


def test_a_socket_without_permission_is_named_with_its_cure() -> None:
    missing = why_not(docker_container())
    if missing:
        pytest.skip(missing)
    code = "from pytest_unikernel.targets.containers.docker import docker_container as d; print(d().probe())"
    argv = as_nobody([sys.executable, "-c", code])
    argv = [word.replace("+dac_override,", "") for word in argv]  # which would open the socket
    said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    assert "permission denied" in said
    assert "run as root, or add uid 65534 to the group of the socket" in said


def test_a_runtime_that_the_daemon_does_not_know_is_named() -> None:
    missing = why_not(docker_container())
    if missing:
        pytest.skip(missing)
    said = why_not(docker_container(runtime="no-such-runtime"))
    assert "docker has the runtimes " in said
    assert "and not 'no-such-runtime'" in said
    assert "--add-runtime no-such-runtime=" in said


def test_a_daemon_that_dies_in_mid_step_gives_daemon_errors_and_a_report(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(pytester, SWEEP.format(window=20), head=IMPORTS + LENIENT)
    with real_engine() as engine:
        monkeypatch.setenv("DOCKER_HOST", engine.host)
        run = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "pytest",
                "-p",
                "no:cacheprovider",
                "--benchmark-json=o.json",
                "test_it.py",
            ],
            cwd=pytester.path,
            stdout=subprocess.PIPE,
            text=True,
        )
        created = ("ps", "-aq", "--filter", "label=pytest-unikernel.session")
        try:
            assert until(lambda: engine.docker(*created), 60)
            engine.kill()
            said, _ = run.communicate(timeout=180)
        finally:
            run.kill()
            run.wait()
    assert run.returncode == 1
    record = loads(pytester.path / "o.json")["test_it[0.5s]"]
    assert record["failed"]["daemon-error"] > 0
    assert record["verdict"] == "failing"
    assert record["scheduled"] == record["completed"] + sum(record["failed"].values()) + record["unfinished"]
    assert "can't remove what instances left" in said


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "none", str(place)]
    if subprocess.run(mount, check=False).returncode:
        pytest.skip("only root may mount a small file system")
    yield place
    unmount = ["umount", "--lazy", str(place)]
    subprocess.run(unmount, check=True)


def test_a_full_disk_is_a_daemon_error_with_its_reason(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, small_disk: Path
) -> None:
    write(pytester, SWEEP.format(window=2), head=IMPORTS + LENIENT)
    with real_engine(small_disk) as engine:
        monkeypatch.setenv("DOCKER_HOST", engine.host)
        assert why_not(docker_container()) == ""  # our image is loaded
        fill(small_disk)
        result = run_apart(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*docker_container*: none of * launches completed (daemon-error *", "*no space left on device*"]
    )


def fill(directory: Path) -> None:
    """Leave no room for a single file more."""
    with (directory / "filling").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    number = 0
    try:
        while True:
            (directory / f"filling-{number}").write_bytes(b"x")
            number += 1
    except OSError:
        pass
