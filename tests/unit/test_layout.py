"""The folders are as documented: a room a folder, its tests in a folder of the same name."""

from __future__ import annotations

from pathlib import Path

from places import REPOSITORY

PACKAGE = REPOSITORY / "pytest_unikernel"
UNIT = REPOSITORY / "tests" / "unit"
ROOMS = [
    *("bench", "commands", "compare", "doctor", "guests", "host", "hosts", "importers", "launch"),
    *("plan", "plugin", "report", "results", "run", "targets", "text"),
]
AT_THE_TOP = [
    "__init__.py",
    "clock.py",
    "errors.py",
    "extensions.py",
    "extensionspec.py",
    "py.typed",
    "testing.py",
]


def shown(directory: Path) -> list[Path]:
    return sorted(path for path in directory.iterdir() if path.name != "__pycache__")


def test_the_package_shows_fifteen_rooms_and_seven_files() -> None:
    assert [path.name for path in shown(PACKAGE) if path.is_dir()] == ROOMS
    assert [path.name for path in shown(PACKAGE) if path.is_file()] == AT_THE_TOP


def test_the_folders_of_unit_tests_are_folders_of_the_package() -> None:
    folders = [
        path.relative_to(UNIT) for path in UNIT.rglob("*") if path.is_dir() and path.name != "__pycache__"
    ]
    assert folders
    assert [folder for folder in folders if not (PACKAGE / folder).is_dir()] == []
