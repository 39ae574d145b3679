"""Places for results, tried with real files."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from pytest_unikernel.results import destinations


def full(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let writes fail as on a full disk, when a little was written."""
    write = os.write
    left = [100]

    def write_some(descriptor: int, data: bytes) -> int:
        if not left[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        done = write(descriptor, data[: left[0]])
        left[0] -= done
        return done

    monkeypatch.setattr(os, "write", write_some)


def test_a_new_file_is_tried_and_gone(tmp_path: Path) -> None:
    destinations.check_file(tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_is_tried_and_keeps_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("old")
    destinations.check_file(tmp_path / "old")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_a_link_to_a_file_that_is_to_be_made_is_fine(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("new")
    destinations.check_file(tmp_path / "link")
    assert [path.name for path in tmp_path.iterdir()] == ["link"]


@pytest.mark.parametrize("content", ["", "old"], ids=["new", "old"])
def test_a_full_disk_takes_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    if content:
        (tmp_path / "file").write_text(content)
    full(monkeypatch)
    with pytest.raises(OSError, match="No space left"):
        destinations.check_file(tmp_path / "file")
    assert [path.read_text() for path in tmp_path.iterdir()] == ([content] if content else [])


def test_a_file_with_room_of_its_own_can_be_written_anew_on_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(bytes(destinations.NEEDED_BYTES))
    full(monkeypatch)
    destinations.check_file(tmp_path / "file")


def test_a_full_disk_takes_no_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full(monkeypatch)
    with pytest.raises(OSError, match="No space left"):
        destinations.check_directory(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    destinations.check_file(tmp_path / "pipe")  # opening it would wait for a reader


def test_the_device_that_takes_everything_is_fine_and_the_full_one_is_not() -> None:
    destinations.check_file(Path("/dev/null"))
    with pytest.raises(OSError, match="No space left"):
        destinations.check_file(Path("/dev/full"))


def test_a_link_to_nothing_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nothing")
    with pytest.raises(OSError, match="is a link to nothing"):
        destinations.check_directory(tmp_path / "link")


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.ENOSPC, "No space left on device; make room there, or name another place"),
        (errno.EROFS, "Read-only file system; name a place that can be written to"),
    ],
)
def test_an_error_has_a_cause_and_a_cure(number: int, says: str) -> None:
    assert destinations.cause_and_cure(OSError(number, os.strerror(number))) == says
