"""Every command in the documentation: its program is known, its options exist, and quick ones are run."""

from __future__ import annotations

import copy
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from documents import Typed, all_commands, named_block
from kbfiles import DATA, launch, result, write
from places import BENCHMARKS, CI, REPOSITORY, TUTORIAL, TWO_TARGETS
from sweeprun import FIXED
from uruncscripts import life

from pytest_unikernel.commands import main
from pytest_unikernel.guests.build import toml

COMMANDS = all_commands()
VENV = re.compile(r"^(\.\./)?\.venv/bin/")
# Packages of a distribution that pages name and .ci/packages doesn't install by that name.
PACKAGES = {"uidmap", "qemu-system-x86", "python3-venv"}
PROJECT = toml.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
CONTAINER = "9f86d081"


def program(typed: Typed) -> str:
    return VENV.sub("", typed.words[0])


def chosen(name: str) -> list[Typed]:
    """Return the commands of one program, each once."""
    return list({typed.words: typed for typed in COMMANDS if program(typed) == name}.values())


def shown(typed: Typed) -> str:
    return " ".join(typed.words[1:])


# what is known of each program ----------------------------------------------------------------------


def check_apt_get(words: tuple[str, ...]) -> None:
    if words[0] == "install":
        known = PACKAGES | set(re.findall(r"[\w.+-]+", (CI / "packages").read_text()))
        assert [word for word in words[1:] if word != "-y" and word not in known] == []


def check_pip(words: tuple[str, ...]) -> None:
    assert words[0] == "install"
    for extras in re.findall(r"\[(\w+)\]", " ".join(words)):
        assert extras in PROJECT["optional-dependencies"]


def check_python(words: tuple[str, ...]) -> None:
    if words[0] == "-m":
        assert words[1] == "venv"
        return
    script = REPOSITORY / words[0]
    text = (script / "__main__.py" if script.is_dir() else script).read_text()
    assert [word for word in words[1:] if word.startswith("-") and f'"{word}"' not in text] == []


def check_sphinx(words: tuple[str, ...]) -> None:
    assert words[:4] == ("-W", "--keep-going", "-n", "docs")


def anything(words: tuple[str, ...]) -> None:
    del words


KNOWN: dict[str, Callable[[tuple[str, ...]], None]] = {
    "apt-get": check_apt_get,
    "pip": check_pip,
    "python": check_python,
    "python3": check_python,
    "sphinx-build": check_sphinx,
    **dict.fromkeys(("ruff", "mypy", "lint-imports"), anything),  # CI runs them
    **dict.fromkeys((".", "cd", "echo", "mkdir"), anything),  # the tutorial, run below
    **dict.fromkeys(("gh", "[", "exit", "cat"), anything),  # of workflow files
    **dict.fromkeys(("go", "dockerd"), anything),  # installed by nobody here: urunc's own documentation
    **dict.fromkeys(("dask", "export"), anything),  # of tests/plugin/test_hosts_cluster.py
    **dict.fromkeys(("pytest", "pytest-unikernel"), anything),  # see below
}


@pytest.mark.parametrize("typed", COMMANDS, ids=lambda typed: typed.place)
def test_its_program_is_known_and_its_words_are_right(typed: Typed) -> None:
    if typed.words[0].startswith(".ci/"):
        assert os.access(REPOSITORY / typed.words[0], os.X_OK)
        return
    assert program(typed) in KNOWN, f"{typed.place}: {typed.words}: add a check of this program"
    KNOWN[program(typed)](typed.words[1:])


# pytest -----------------------------------------------------------------------------------------------

COLLECTING = ("--collect-only", "-q", "-p", "no:cacheprovider", "--import-mode=importlib")


@pytest.fixture
def suite(pytester: pytest.Pytester, saved_run: Path) -> pytest.Pytester:
    """A directory with what pytest's commands name: the suite, other tests, saved runs."""
    left_out = shutil.ignore_patterns("figures", "__pycache__")
    shutil.copytree(BENCHMARKS, pytester.path / "benchmarks", ignore=left_out)
    for name in ("unit/test_one", "docs/test_one", "plugin/test_one", "fuzz/test_one", "system/test_faults"):
        path = pytester.path / "tests" / f"{name}.py"
        path.parent.mkdir(parents=True)
        path.write_text("def test_one(): pass\n")
    (pytester.path / "test_start.py").write_text(named_block(TUTORIAL, "snippet: tutorial"))
    (pytester.path / "test_two_kernels.py").write_text(named_block(TWO_TARGETS, "snippet: two targets"))
    for name in ("FILE", "2020.json"):
        shutil.copy(saved_run, pytester.path / name)
    return pytester


@pytest.mark.parametrize("typed", chosen("pytest"), ids=shown)
def test_pytest_takes_its_options_and_finds_tests(suite: pytest.Pytester, typed: Typed) -> None:
    """By the real parser and readers of options, up to the selection of tests."""
    words = [word.replace("../$side$turn", "after") for word in typed.words[1:]]
    ended = suite.runpytest_inprocess(*FIXED, *COLLECTING, *words)
    assert ended.ret == pytest.ExitCode.OK, f"{typed.place}: {shown(typed)}"


# pytest-unikernel -------------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path: Path, saved_run: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with the files that commands on saved results name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    shutil.copytree(DATA, tmp_path / "Results", ignore=shutil.ignore_patterns("*.md"))
    write(tmp_path / "rust-output-r0.5", launch("rust"), launch("rust", 500))
    (tmp_path / "rust-results-r0.5.txt").write_text(result((10.0, 20)))
    (tmp_path / "ts.log").write_text(life(f"{CONTAINER}ff") + life("c1"))
    for name in SAVED:
        shutil.copy(saved_run, tmp_path / name)
    for name in OF_TWO_TARGETS:
        (tmp_path / name).write_text(json.dumps(of_two_targets(json.loads(saved_run.read_text()))))
    return tmp_path


def of_two_targets(document: dict[str, Any]) -> dict[str, Any]:
    """Return a saved run with its loads twice, as those of the tests that the documentation compares."""
    benches = []
    for which, target in (("before", "linux_process"), ("after", "linux_process[b]")):
        for bench in copy.deepcopy(document["benchmarks"]):
            series, load = f"test_two_kernels.py::test_kernel[{which}]", bench["extra_info"]["load"]
            bench["fullname"] = f"{series[:-1]}-{load['time_step_s']}s]"
            load |= {"series": series, "target": target}
            benches.append(bench)
    return {**document, "benchmarks": benches}


OF_TWO_TARGETS = ("run.json", "a1.json", "b1.json", "a2.json", "b2.json")
SAVED = (
    *("out.json", "old.json", "2020.json", "vms.json", "containers.json", "before.json", "after.json"),
    *("before1.json", "before2.json", "after1.json", "after2.json"),
)
QUICK = ("timestamps", "import", "compare", "report")
ANYWHERE = {"/tmp/urunc.zlog": "ts.log"}


@pytest.mark.parametrize("typed", chosen("pytest-unikernel"), ids=shown)
def test_the_command_takes_its_words(typed: Typed) -> None:
    if {"--help", "--version"} & set(typed.words):
        with pytest.raises(SystemExit) as ended:
            main._parsed(typed.words[1:])
        assert ended.value.code == 0
    else:
        assert main._parsed(typed.words[1:]).command


@pytest.mark.parametrize(
    "typed", [typed for typed in chosen("pytest-unikernel") if typed.words[1] in QUICK], ids=shown
)
def test_a_command_on_saved_results_works(typed: Typed, files: Path) -> None:
    words = [ANYWHERE.get(word, word) for word in typed.words[1:]]
    if words[0] == "import":
        (files / words[words.index("-o") + 1]).unlink(missing_ok=True)  # it replaces nothing unasked
    assert main.main(words) == 0
