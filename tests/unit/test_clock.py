"""The readers of the clocks, and the imports of programs that stand alone."""

from __future__ import annotations

import ast

import pytest
from places import REPOSITORY

PACKAGE = REPOSITORY / "pytest_unikernel"
ALONE = [
    "hosts/look.py",  # travels by value
    "launch/cleanup/reaper.py",
    "launch/cleanup/remove.py",
]


def imported(file: str) -> set[str]:
    """Return the first names of the modules that a file imports, wherever in it."""
    nodes = list(ast.walk(ast.parse((PACKAGE / file).read_text(encoding="utf-8"))))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    relative = {"." * node.level + (node.module or "") for node in nodes if isinstance(node, ast.ImportFrom)}
    return {name if name.startswith(".") else name.partition(".")[0] for name in plain | relative}


def test_only_the_clock_and_programs_that_stand_alone_import_time() -> None:
    files = [str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py")]
    assert sorted(file for file in files if "time" in imported(file)) == ["clock.py", *ALONE]


@pytest.mark.parametrize("file", ALONE)
def test_a_program_that_stands_alone_imports_nothing_of_the_package(file: str) -> None:
    assert not {name for name in imported(file) if name.startswith((".", "pytest_unikernel"))}
