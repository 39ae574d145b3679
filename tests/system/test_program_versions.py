"""Versions of a target's programs: who is called, and how little those can do that ignore ``--version``."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import psutil
import pytest

from pytest_unikernel.launch import program_versions
from pytest_unikernel.launch.program_versions import MOST_BYTES, is_asked, versions_of
from pytest_unikernel.plan.target import Target

SOURCE = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(int count, char **arguments) {{ (void)count; (void)arguments; {} }}
"""
TOUCH = 'fclose(fopen("here", "w")); '


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that builds an installed binary of a C function's body."""
    monkeypatch.setattr(program_versions, "INSTALLED", (str(tmp_path),))

    def build(body: str, name: str = "tool") -> str:
        source = tmp_path / f"{name}.c"
        source.write_text(SOURCE.format(body))
        subprocess.run(["/usr/bin/cc", "-o", str(tmp_path / name), str(source)], check=True)
        return str(tmp_path / name)

    return build


def versions(*argv: str, **fields: Any) -> dict[str, str]:
    return versions_of(Target("it", argv, **fields))


def test_the_first_line_with_a_number_is_the_version(program: Any) -> None:
    tool = program('puts("Tool, a tool"); puts("\\033[1mtool 1.2\\033[0m"); puts("built 2026");')
    assert versions(tool, "serve") == {"tool": "[1mtool 1.2"}  # the escape characters are gone


def test_a_version_on_the_error_output_counts_too(program: Any) -> None:
    assert versions(program('fputs("tool 1.2\\n", stderr); return 0;')) == {"tool": "tool 1.2"}


def test_required_programs_are_named_too(program: Any) -> None:
    tool, other = program('puts("tool 1");'), program('puts("other 2");', "other")
    assert versions(tool, requires=[other]) == {"tool": "tool 1", "other": "other 2"}


@pytest.mark.parametrize(
    "body",
    [
        'puts("unknown option 4711"); return 2;',  # as nginx does
        'puts("no number");',
        "pause();",  # a server that ignores the option
        "abort();",
        'for (;;) puts("--version 1");',  # as busybox' yes does
    ],
)
def test_a_program_without_an_answer_is_named_by_its_hash(program: Any, body: str) -> None:
    assert versions(program(body))["tool"].startswith("sha256:")


def test_a_program_is_asked_once(program: Any, tmp_path: Path) -> None:
    tool = program(f'FILE *log = fopen("{tmp_path}/log", "a"); fputs("x", log); fclose(log); puts("tool 1");')
    assert versions(tool) == versions(tool) == {"tool": "tool 1"}
    assert (tmp_path / "log").read_text() == "x"


def test_a_program_that_leaves_its_group_is_ended_all_the_same(program: Any, tmp_path: Path) -> None:
    tool = program(
        f'if (fork() == 0) {{ setsid(); FILE *log = fopen("{tmp_path}/pid", "w"); '
        'fprintf(log, "%d", getpid()); fclose(log); pause(); } while (access("'
        + str(tmp_path)
        + '/pid", F_OK)); puts("daemon 1");'
    )
    assert versions(tool) == {"tool": "daemon 1"}
    left = psutil.process_iter(["exe", "status"])  # a zombie has no program
    assert not [each for each in left if each.info["exe"] == tool]


def test_files_that_it_writes_are_small_and_in_a_place_of_their_own(
    program: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    monkeypatch.chdir(mine)
    body = f'FILE *file = fopen("{tmp_path}/big", "w"); for (;;) fputs("x", file);'
    versions(program(TOUCH + body))
    assert list(mine.iterdir()) == []
    assert (tmp_path / "big").stat().st_size <= MOST_BYTES


def test_neither_terminal_nor_input_is_given(program: Any) -> None:
    body = 'puts(isatty(0) || isatty(1) || isatty(2) || getchar() != EOF ? "given 1" : "none 0");'
    assert versions(program(body)) == {"tool": "none 0"}


def test_variables_of_the_user_do_not_reach_it(program: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN_OF_MINE", "1")
    tool = program('puts(getenv("TOKEN_OF_MINE") ? "seen 1" : "unseen 0");')
    assert versions(tool) == {"tool": "unseen 0"}


def test_scripts_and_programs_of_users_are_not_called(tmp_path: Path) -> None:
    script = tmp_path / "my-monitor"
    script.write_text(f"#!/bin/sh\ntouch {tmp_path}/called\n")
    script.chmod(0o755)
    assert versions(str(script))["my-monitor"].startswith("sha256:")
    assert not (tmp_path / "called").exists()


@pytest.mark.parametrize(("file", "asked"), [("/bin/true", True), ("/usr/bin/ldd", False)])
def test_installed_binaries_are_called_and_installed_scripts_are_not(file: str, *, asked: bool) -> None:
    assert is_asked(file) == asked


def test_a_changed_program_is_asked_again(program: Any) -> None:
    assert versions(program('puts("tool 1");')) == {"tool": "tool 1"}
    assert versions(program('puts("tool 2.0");')) == {"tool": "tool 2.0"}


def test_a_program_that_is_not_there_has_no_version() -> None:
    assert versions("/no/such", requires=["no-such"]) == {}
