"""Every snippet in the documentation: Python is run, with simulated launches; TOML and YAML are read."""

from __future__ import annotations

import csv
import gzip
import os
import re
import runpy
import shutil
from pathlib import Path

import pytest
import yaml
from documents import Block, all_blocks, commands, named_block, pages
from places import RAW_DATA, REPOSITORY, SUPPORT, TUTORIAL
from sweeprun import FIXED, LENIENT, loads

from pytest_unikernel.guests.build import toml
from pytest_unikernel.plan.option_table import OPTIONS
from pytest_unikernel.run.raw_columns import COLUMNS

LANGUAGES = {"sh", "python", "toml", "yaml", "text", "{include}", "{toctree}"}
PYTHON = all_blocks("python")
TESTS = [block for block in PYTHON if "def test_" in block.text]
OTHERS = [block for block in PYTHON if block not in TESTS]
QUICKLY = ("--sweep-time-steps=0.1,0.05", "--sweep-warmup=0", "--sweep-window=0.5", "--sweep-quiet-host=off")
INI = (*FIXED, "-p", "no:cacheprovider", "--benchmark-json=o.json")


def place(block: Block) -> str:
    return block.place


def test_every_language_is_looked_at() -> None:
    assert {block.language for block in all_blocks()} == LANGUAGES


@pytest.fixture
def simulating(pytester: pytest.Pytester) -> pytest.Pytester:
    """A directory where every target fixture's launches are simulated."""
    shutil.copy(SUPPORT / "simulated_fixtures.py", pytester.path / "conftest.py")
    (pytester.path / "kernel.elf").write_bytes(b"")
    (pytester.path / "my-kernel" / "src").mkdir(parents=True)
    for name in ("Cargo.toml", "Cargo.lock", "src/application.rs"):
        (pytester.path / "my-kernel" / name).touch()
    return pytester


# pytest's tests ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", TESTS, ids=place)
def test_its_tests_pass(simulating: pytest.Pytester, block: Block) -> None:
    simulating.makepyfile(test_it=block.text)
    own_steps = "FakeTarget" in block.text  # their verdicts are asserted, step by step
    steps = ("--sweep-quiet-host=off",) if own_steps else QUICKLY
    if not own_steps:  # a busy machine must not end a series of real processes
        with (simulating.path / "conftest.py").open("a") as conftest:
            conftest.write(LENIENT)
    result = simulating.runpytest_inprocess(*INI, *steps)
    outcomes = result.parseoutcomes()
    assert set(outcomes) == {"passed"}, result.stdout.str()
    assert all(load["completed"] for load in loads(simulating.path / "o.json").values())


def test_a_wrong_parameter_of_a_target_is_found(simulating: pytest.Pytester) -> None:
    """Stand-ins for targets check their parameters; otherwise the test above would prove little."""
    source = "def test_it(cold_start, linux_vm):\n    cold_start(linux_vm(kernl='x'), launches=1)\n"
    simulating.makepyfile(test_it=source)
    result = simulating.runpytest_inprocess(*INI)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*linux_vm: unknown parameter 'kernl'*"])


def test_the_tutorial_goes_from_its_first_command_to_its_last(simulating: pytest.Pytester) -> None:
    """Its runs of pytest in their order, with the options that are there; launches are simulated."""
    simulating.makepyfile(test_start=named_block(TUTORIAL, "snippet: tutorial"))
    (simulating.path / "start.sh").write_text("sleep 0.01\n")
    scripts = [block.text for block in all_blocks("sh") if block.path == TUTORIAL]
    runs = [
        typed.words[1:] for script in scripts for typed in commands(script, "") if typed.words[0] == "pytest"
    ]
    ended = [simulating.runpytest_inprocess(*FIXED, "-p", "no:cacheprovider", *words) for words in runs]
    assert [each.ret for each in ended] == [0] * len(runs)
    assert len(runs) == 7
    ended[5].stdout.fnmatch_lines(["*against the baseline, all launches together, as measured:"])
    assert (simulating.path / "report" / "report.html").is_file()


# other Python -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", OTHERS, ids=place)
def test_it_runs(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a directory with a table of launches; what needs libraries that aren't ours is compiled only."""
    monkeypatch.chdir(tmp_path)
    write_table(tmp_path / "raw" / "linux_process-0.5s.csv.gz")
    path = tmp_path / "snippet.py"
    path.write_text(block.text)
    if block.comment.startswith("needs: "):
        compile(block.text, block.place, "exec")
    else:
        runpy.run_path(str(path))


def write_table(path: Path) -> None:
    path.parent.mkdir()
    with gzip.open(path, "wt", newline="") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        table.writerow({"in_window": 1, "scheduled_at_ns": 1, "ready_at_ns": 2_000_001})


def test_the_columns_that_a_query_names_exist() -> None:
    queries = "".join(block.text for block in PYTHON if block.path == RAW_DATA)
    named = set(re.findall(r"\b[a-z]+(?:_[a-z]+)*_(?:ns|s|window)\b", queries)) - {"waited_ns", "p50_s"}
    assert {"ready_at_ns", "scheduled_at_ns", "time_step_s", "in_window"} <= named
    assert named <= set(COLUMNS)


# data -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", all_blocks("toml"), ids=place)
def test_its_ini_keys_exist_and_their_values_are_taken(pytester: pytest.Pytester, block: Block) -> None:
    table = toml.loads(block.text)
    keys = table.get("tool", {}).get("pytest", {}).get("ini_options", {})
    assert set(keys) <= {option.ini for option in OPTIONS}
    (pytester.path / "pyproject.toml").write_text(block.text)
    pytester.makepyfile(test_it="def test_it(): pass")
    assert pytester.runpytest_inprocess(*FIXED, "--strict-config").ret == pytest.ExitCode.OK


@pytest.mark.parametrize("block", all_blocks("yaml"), ids=place)
def test_a_workflow_has_steps_that_run_or_use_something(block: Block) -> None:
    workflow = yaml.safe_load(block.text)
    for job in workflow["jobs"].values():
        assert all(("run" in step) != ("uses" in step) for step in job["steps"])


# paths ------------------------------------------------------------------------------------------------


def test_every_file_of_the_repository_that_is_named_exists() -> None:
    """In code, as ``plan/settings.py`` in a room or ``tests/unit/`` from the top."""
    bases = (REPOSITORY, REPOSITORY / "pytest_unikernel")
    folders = {each.name for base in bases for each in base.iterdir() if each.is_dir()} - {"report"}
    missing = [
        f"{path.name}: {name}"
        for path in pages()
        for name in re.findall(r"`([\w.]+/[\w./*-]*)`", path.read_text())
        if name.split("/")[0] in folders and not any(list(base.glob(name.rstrip("/"))) for base in bases)
    ]
    assert missing == []


def test_the_tests_directories_are_described() -> None:
    text = (REPOSITORY / "CONTRIBUTING.md").read_text()
    folders = [
        each.name for each in os.scandir(REPOSITORY / "tests") if each.is_dir() and each.name[0] not in "._"
    ]
    assert [name for name in folders if f"`tests/{name}/`" not in text] == ["data"]
