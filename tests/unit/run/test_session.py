"""Where the private directory of a run is made."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest

from pytest_unikernel.run import session


@pytest.mark.parametrize(("free_bytes", "parent"), [(64 << 10, None), (64 << 20, "/dev/shm")])
def test_the_private_directory_is_in_memory_if_there_is_room(
    monkeypatch: pytest.MonkeyPatch, free_bytes: int, parent: str | None
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: True)
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_bavail=free_bytes // 4096, f_frsize=4096))
    assert session._parent() == parent
