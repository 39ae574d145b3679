"""The README: short, with a picture, and two commands that work as they stand there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from documents import SUDO, blocks, commands, named_block
from places import ARCHITECTURE, CI, README, REPOSITORY

COMMANDS = ("main job", "tests")
PICTURE_BYTES = 150_000


@pytest.fixture(params=COMMANDS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def command(name: str) -> str:
    return named_block(README, f"command: {name}").rstrip("\n")


def test_it_has_at_most_200_lines() -> None:
    assert len(README.read_text().splitlines()) <= 200


def test_it_shows_a_picture_that_is_small() -> None:
    [picture] = re.findall(r"!\[.+\]\((.+)\)", README.read_text())
    assert 0 < (REPOSITORY / picture).stat().st_size < PICTURE_BYTES


def test_a_command_is_one_line(name: str) -> None:
    assert command(name).count("\n") == 0


def test_a_command_works_for_root_without_sudo_and_for_others_with_it(name: str) -> None:
    assert SUDO in command(name)
    assert not re.search(r"(^|&& )sudo ", command(name))


@pytest.mark.parametrize("found", ["", "/usr/bin/env"])
def test_where_there_is_no_sudo_the_words_for_it_vanish(found: str) -> None:
    line = f"command() {{ printf '{found}'; }}; {SUDO}echo said"
    done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, check=True)
    assert done.stdout == "said\n"


def test_a_command_needs_nothing_on_the_path(name: str) -> None:
    """The README calls the programs that it installs by their path."""
    programs = [typed.words[0] for typed in commands(command(name), name)]
    assert set(programs) <= {"apt-get", "python3", ".ci/packages"} | {
        each for each in programs if each.startswith(".venv/bin/")
    }


def test_ci_runs_the_commands_as_they_stand_there(name: str) -> None:
    argv = [str(CI / "readme-command"), name]
    assert subprocess.run(argv, capture_output=True, text=True, check=True).stdout == f"{command(name)}\n"
    assert f'"{name}"' in (CI / "run").read_text()


def test_a_command_that_is_not_there_is_an_error() -> None:
    argv = [str(CI / "readme-command"), "no such"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "has no block after <!-- command: no such -->" in done.stderr


def test_the_main_job_fetches_a_kernel_for_the_linux_guest() -> None:
    words = [typed.words for typed in commands(command("main job"), "")]
    assert (".venv/bin/pytest-unikernel", "build", "linux-kernel", "--packaged") in words
    assert words[-1] == (".venv/bin/pytest", "benchmarks/", "-m", "sweep")


def test_your_own_target_takes_ten_lines() -> None:
    [snippet] = [block.text for block in blocks(README) if block.comment == "snippet: target"]
    assert len([line for line in snippet.splitlines() if line]) <= 10


@pytest.mark.parametrize("page", [README, ARCHITECTURE], ids=lambda page: page.name)
def test_every_room_of_the_package_has_its_job(page: Path) -> None:
    text = page.read_text()
    rooms = [
        each.name
        for each in (REPOSITORY / "pytest_unikernel").iterdir()
        if each.is_dir() and each.name[0] != "_"
    ]
    assert len(rooms) == 16
    assert [room for room in rooms if not re.search(rf"(^ |`|\s){room}(/`|`|\s)", text, re.MULTILINE)] == []
