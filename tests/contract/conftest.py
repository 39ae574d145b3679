"""Shared by the tests of launches by an engine's API."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from asking import Made
from fakeengine import FakeEngine, Script, api_supervisor
from realloads import descriptors

from pytest_unikernel.launch.docker_api.supervisor import ApiSupervisor
from pytest_unikernel.launch.runtime import Runtime
from pytest_unikernel.plan.target import Target


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
