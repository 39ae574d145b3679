"""Directories of the cache, held by one at a time."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

from pytest_unikernel.guests.build.cache import locked


def test_who_waited_for_a_directory_that_was_removed_holds_a_new_one(tmp_path: Path) -> None:
    folder = tmp_path / "key"
    waiting, holds = threading.Event(), threading.Event()

    def wait() -> None:
        waiting.set()
        with locked(folder):
            (folder / "result").touch()
            holds.set()

    waiter = threading.Thread(target=wait)
    with locked(folder):
        waiter.start()
        waiting.wait(10)
        assert not holds.wait(0.05)
        shutil.rmtree(folder)
    waiter.join(10)
    assert sorted(each.name for each in folder.iterdir()) == ["lock", "result"]
