"""Command lines, environments and documents that nobody means, and that somebody types."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from asked import answered

from pytest_unikernel.commands import main
from pytest_unikernel.commands.output import json_text, note
from pytest_unikernel.errors import BuildError, ResultFileError, TargetError
from pytest_unikernel.guests.build.cache import cache_directory
from pytest_unikernel.importers.names import check_template
from pytest_unikernel.plan import readers
from pytest_unikernel.targets.qemu.parameters import last_part
from pytest_unikernel.targets.urunc.checks import checked_bundle


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (["doctor", "--json=--"], "--json"),
        (["doctor", "--require=--"], "--require"),
        (["compare", "a", "b", "--fail=--"], "--fail"),
        (["import", "a", "-o--"], "-o"),
        (["import", "a", "-o=--"], "-o"),
        (["build", "linux-kernel", "--version=--"], "--version"),
    ],
)
def test_two_dashes_are_no_value(words: list[str], option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main.main(words)
    assert ended.value.code == 2
    assert f"argument {option}: expected a value, got '--'" in capsys.readouterr().err


def test_two_dashes_still_end_the_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["timestamps", "--", "--x=--"]) == 2
    assert "'--x=--', which does not exist" in capsys.readouterr().err


@pytest.mark.parametrize(
    "field", ["target:>99999999", "target!r", "target.__class__", "target[0]", "target:{timestep}", "", "0"]
)
def test_a_template_holds_names_only(field: str) -> None:
    with pytest.raises(ResultFileError, match=r"expected FILE::TEST with \{target\}, \{fixture\}"):
        check_template(f"a.py::test_{{{field}}}")


def test_json_has_no_infinity() -> None:
    odd = {"a": float("inf"), "b": [float("nan"), (-float("inf"), 1.5)], "c": {"d": 1}}
    assert json.loads(json_text(odd), parse_constant=pytest.fail) == {
        "a": None,
        "b": [None, [None, 1.5]],
        "c": {"d": 1},
    }


@pytest.mark.parametrize("name", ["mine\x1b[31m", "mi\rne", "mine\udcff"])
def test_the_name_of_a_new_crate_does_not_steer_the_terminal(tmp_path: Path, name: str) -> None:
    answer = answered(["build", "rust-kernel", "--new", str(tmp_path / name)])
    assert answer.status == 0
    assert ascii(name)[1:-1] in answer.out


@pytest.mark.parametrize("line", ["fetched \x1b[31mred", "a\nb\r"])
def test_progress_does_not_steer_the_terminal(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    note(line)
    said = capsys.readouterr().err
    assert said.isascii()
    assert not {"\x1b", "\r"} & set(said)
    assert said.count("\n") == line.count("\n") + 1


def in_a_circle(place: Path) -> Path:
    (place / "loop").symlink_to(place / "loop")
    return place / "loop"


def test_links_in_a_circle_are_refused_in_a_sentence(tmp_path: Path) -> None:
    """Python before 3.13 raises a RuntimeError where it resolves them."""
    loop = in_a_circle(tmp_path)
    answer = answered(["build", "rust-kernel", str(loop), "-o", str(tmp_path / "k.elf")])
    assert answer.status != 0
    assert "expected the directory of a crate" in answer.error
    with pytest.raises(TargetError, match="Too many levels of symbolic links"):
        checked_bundle(loop)
    assert last_part(loop) == "loop"


def no_home(_: object) -> Path:
    raise RuntimeError("Could not determine home directory.")


def test_without_a_home_directory_the_cache_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", classmethod(no_home))
    with pytest.raises(BuildError, match=r"HOME isn't set and uid .* set HOME, or XDG_CACHE_HOME to a dir"):
        cache_directory("x")


def test_a_home_directory_that_nobody_has_is_no_path() -> None:
    with pytest.raises(
        ValueError, match="output begins with a home directory that isn't known, got '~no-one/x'"
    ):
        readers.path("output")("~no-one/x")
