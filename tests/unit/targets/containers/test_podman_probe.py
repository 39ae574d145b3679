from __future__ import annotations

from pathlib import Path

import pytest

from pytest_unikernel.plan.target_fields import Unavailable
from pytest_unikernel.targets.containers.podman import podman_container


def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: str, **parameters: str) -> Unavailable | None:
    program = tmp_path / "podman"
    program.write_text(
        f'#!/bin/sh\necho "$1" >> {tmp_path}/calls\n'
        f'case "$1" in run) {run};; info) echo \'{{"host": {{}}}}\';; esac\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    probe = podman_container(**parameters).probe
    assert probe is not None
    missing: Unavailable | None = probe()
    return missing


def test_an_engine_that_answers_and_starts_no_container_does_not_run_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = asked(tmp_path, monkeypatch, "echo 'Error: crun: setrlimit: not permitted' >&2; exit 126")
    assert missing is not None
    assert missing.reason == "podman can't run a container here: Error: crun: setrlimit: not permitted"
    assert "default_ulimits" in missing.cure


def test_a_failure_without_a_known_cure_says_how_to_learn_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = asked(tmp_path, monkeypatch, "exit 3")
    assert missing is not None
    assert (missing.reason, missing.cure) == (
        "podman can't run a container here: status 3",
        "podman run, by hand with --log-level=debug, says more",
    )


def test_one_that_was_started_is_not_started_for_each_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert asked(tmp_path, monkeypatch, "exit 0") is None
    assert asked(tmp_path, monkeypatch, "exit 0") is None
    assert (tmp_path / "calls").read_text().split().count("run") == 1


def test_an_image_of_the_users_is_not_run_by_a_probe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(tmp_path, monkeypatch, "exit 1", image="x", pull="never") is None
    assert "run" not in (tmp_path / "calls").read_text().split()
