"""The shipped programs are the ones that their sources build."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from pytest_unikernel.guests.build.static_program import HELLO, PROGRAMS, StaticProgram


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_a_shipped_program_is_what_its_source_builds(program: StaticProgram, tmp_path: Path) -> None:
    built, shipped = program.build(tmp_path / program.name), program.note
    assert shipped.source_sha256 == hashlib.sha256(program.source.read_bytes()).hexdigest()
    assert shipped.sha256 == hashlib.sha256(program.shipped.read_bytes()).hexdigest()
    assert built.compiler != shipped.compiler or built.sha256 == shipped.sha256


def test_the_default_container_says_hello_and_ends() -> None:
    done = subprocess.run([HELLO.shipped], capture_output=True, check=True)
    assert done.stdout == b"Hello from a container of pytest-unikernel!\n"
