"""The command line: its output and exit statuses."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_unikernel.commands import main
from pytest_unikernel.errors import BuildError
from pytest_unikernel.guests.build import rust_kernel as builder
from pytest_unikernel.guests.build.rust_kernel import Verification


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A built kernel, without building one."""
    path = tmp_path / "kernel.elf"
    path.write_bytes(b"a kernel")

    def build_kernel(crate: Path, *, progress: Any) -> Path:
        progress(f"Compiling {crate.name}")
        return path

    monkeypatch.setattr(builder, "build_kernel", build_kernel)
    return path


def verified(monkeypatch: pytest.MonkeyPatch, built: Path, **different: bool) -> None:
    same = dict.fromkeys(("same_sources", "same_file", "same_compiler", "same_bytes"), True)
    monkeypatch.setattr(
        builder, "verify_shipped_kernel", lambda: Verification(built, **{**same, **different})
    )


def usage_error(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main.main(arguments)
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_the_path_goes_to_stdout_and_progress_to_stderr(
    kernel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(["build", "rust-kernel", "mine"]) == 0
    assert tuple(capsys.readouterr()) == (f"{kernel}\n", "Compiling mine\n")


def test_the_kernel_is_copied_to_where_it_was_asked_for(
    kernel: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = tmp_path / "out.elf"
    assert main.main(["build", "rust-kernel", "mine", "-o", str(wanted)]) == 0
    assert wanted.read_bytes() == kernel.read_bytes()
    assert capsys.readouterr().out == f"{wanted}\n"


def test_without_a_crate_the_shipped_kernel_is_verified(
    kernel: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    verified(monkeypatch, kernel)
    assert main.main(["build", "rust-kernel"]) == 0
    assert tuple(capsys.readouterr()) == (f"{kernel}\n", "the build is identical to the shipped kernel\n")


def test_another_compiler_may_make_other_bytes(kernel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    verified(monkeypatch, kernel, same_bytes=False, same_compiler=False)
    assert main.main(["build", "rust-kernel"]) == 0


@pytest.mark.parametrize("different", [{}, {"same_sources": False}, {"same_file": False}])
def test_a_shipped_kernel_that_is_not_what_the_crate_builds_is_an_error(
    kernel: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    different: dict[str, bool],
) -> None:
    verified(monkeypatch, kernel, same_bytes=False, **different)
    assert main.main(["build", "rust-kernel"]) == 1
    assert capsys.readouterr().out == ""


def test_a_new_crate_is_a_copy_and_the_next_steps_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = tmp_path / "mine"
    assert main.main(["build", "rust-kernel", "--new", str(directory)]) == 0
    assert (directory / "src" / "application.rs").is_file()
    said = capsys.readouterr().out
    assert f"pytest-unikernel build rust-kernel {directory}" in said
    assert f'rust_kernel(crate="{directory}")' in said


def test_an_error_is_one_line_and_status_1(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main.main(["build", "rust-kernel", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("pytest-unikernel: expected the directory of a crate")
    assert err.count("\n") == 1


def test_a_tools_last_lines_are_not_said_twice(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def build_kernel(crate: Path, *, progress: Any) -> Path:
        raise BuildError("cargo could not build 'mine' (exit status 101)", "error: no")

    monkeypatch.setattr(builder, "build_kernel", build_kernel)
    assert main.main(["build", "rust-kernel", "mine"]) == 1
    assert capsys.readouterr().err == "pytest-unikernel: cargo could not build 'mine' (exit status 101)\n"


def test_a_file_that_can_not_be_written_is_an_error_of_one_line(
    kernel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(["build", "rust-kernel", "mine", "-o", "/nowhere/k.elf"]) == 1
    assert "/nowhere/k.elf" in capsys.readouterr().err.splitlines()[-1]


def test_an_interrupt_ends_with_the_usual_status(monkeypatch: pytest.MonkeyPatch) -> None:
    def build_kernel(crate: Path, *, progress: Any) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(builder, "build_kernel", build_kernel)
    assert main.main(["build", "rust-kernel", "mine"]) == 130


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("build",),
        ("nothing",),
        ("build", "rust-kernel", "a", "b"),
        ("build", "rust-kernel", "a", "--new", "b"),
    ],
)
def test_wrong_usage_is_status_2(arguments: tuple[str, ...]) -> None:
    assert usage_error(*arguments) == 2


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_end_well(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert usage_error(option) == 0
    assert "pytest-unikernel" in capsys.readouterr().out


def test_every_command_describes_itself() -> None:
    for command in main.COMMANDS:
        assert usage_error(*command.words, "--help") == 0


@pytest.mark.parametrize("closed", [["stdout"], ["stderr"], ["stdin", "stdout", "stderr"]], ids="+".join)
def test_closed_streams_take_nothing(closed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in closed:
        monkeypatch.setattr(sys, name, None)
    assert main.main(["timestamps", "/nowhere/log"]) in {1, 2}
    assert usage_error("--help") == 0
    for name in closed:
        getattr(sys, name).close()
