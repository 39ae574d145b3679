"""Private directories of instances, used again while they stay empty."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_unikernel.launch.process.directories import Directories

MEMORY = Path("/dev/shm")


@pytest.fixture(params=["as found", "sizes say nothing", "in memory"])
def parent(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    if request.param == "in memory" and os.access(MEMORY, os.W_OK):
        with tempfile.TemporaryDirectory(dir=MEMORY) as made:
            yield Path(made)
    else:
        yield tmp_path


@pytest.fixture
def directories(request: pytest.FixtureRequest, parent: Path) -> Directories:
    made = Directories(parent)
    if request.node.callspec.params["parent"] == "sizes say nothing":
        made._empty_size = None
    return made


def test_a_directory_is_private_and_empty(directories: Directories, parent: Path) -> None:
    path = Path(directories.take())
    assert path.parent == parent
    assert path.stat().st_mode & 0o777 == 0o700
    assert list(path.iterdir()) == []


def test_directories_in_use_differ(directories: Directories) -> None:
    taken = [directories.take() for _ in range(5)]
    directories.give_back(taken.pop())
    assert len({*taken, directories.take(), directories.take()}) == 6


def leave_a_file(path: Path) -> None:
    (path / "left").write_text("behind")


def leave_a_tree(path: Path) -> None:
    (path / "a" / "b").mkdir(parents=True)
    (path / "a" / "b" / "c").write_text("behind")


def leave_a_link(path: Path) -> None:
    (path / "outside").symlink_to(path.parent.parent)


def leave_nothing(path: Path) -> None:
    leave_a_file(path)
    (path / "left").unlink()


def open_it_to_all(path: Path) -> None:
    path.chmod(0o777)


def remove_it(path: Path) -> None:
    path.rmdir()


@pytest.mark.parametrize(
    "leave", [leave_a_file, leave_a_tree, leave_a_link, leave_nothing, open_it_to_all, remove_it]
)
def test_the_next_instance_sees_nothing_of_the_one_before(directories: Directories, leave: object) -> None:
    path = Path(directories.take())
    assert callable(leave)
    leave(path)
    directories.give_back(str(path))
    for _ in range(3):
        again = Path(directories.take())
        assert list(again.iterdir()) == []
        assert again.stat().st_mode & 0o777 == 0o700


def test_what_a_link_points_to_is_left_alone(directories: Directories, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("data")
    path = Path(directories.take())
    (path / "link").symlink_to(outside)
    directories.give_back(str(path))
    assert (outside / "precious").read_text() == "data"


def test_nothing_is_left_beside_the_directories(tmp_path: Path) -> None:
    """The probe that checks whether sizes are meaningful cleans up after itself."""
    Directories(tmp_path)
    assert list(tmp_path.iterdir()) == []
