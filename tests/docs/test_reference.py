"""The generated reference is what the code says, and leaves nothing out."""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from kbfiles import DATA
from places import DOCS, REFERENCE, REPOSITORY

from pytest_unikernel import Event, Exit, Http, Instance, Line, Place, Port, Stamp, StampLog, Stamps, Target
from pytest_unikernel.commands import main
from pytest_unikernel.plan.option_table import OPTIONS
from pytest_unikernel.plan.outcome import FAILURES
from pytest_unikernel.plan.profiles import PROFILES
from pytest_unikernel.plugin import fixtures, marker
from pytest_unikernel.results.verdict import VERDICTS

NO_TARGETS = {"timestep", "load_step", "cold_start"}
# Of Target: what derives copies, and what tests replace.
INTERNAL = {"variant", "factory", "supervisor", "simulated"}


def page(name: str) -> str:
    return (REFERENCE / name).read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    """Return a section up to the next heading of its level or above."""
    level = heading.index(" ")
    found = re.search(rf"^{re.escape(heading)}\n(.*?)(?=^#{{1,{level}}} |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found is not None, f"no {heading!r}"
    return found[1]


def test_the_pages_are_what_the_code_says() -> None:
    argv = [sys.executable, str(DOCS / "generate"), "--check"]
    done = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_option_has_its_help_default_and_ini_key() -> None:
    text = page("options.md")
    for option in OPTIONS:
        own = section(text, f"### {option.flag}")
        assert option.help[1:] in own
        assert f"- Default: {option.shown}\n" in own
        assert f"`{option.ini}`" in own
        assert (f"load_sweep({option.name}=" in own) is option.in_marker


def test_every_keyword_of_the_marker_and_every_profile_is_there() -> None:
    text = page("options.md")
    assert [
        name for name in marker.READERS if f"| `{name}` |" not in section(text, "## The marker load_sweep")
    ] == []
    assert [name for name in PROFILES if f"`{name}`" not in section(text, "## The profiles")] == []


def targets() -> Iterator[tuple[str, Target]]:
    """Yield the fixtures that are targets, by asking them."""
    for name, value in vars(fixtures).items():
        if hasattr(value, "_get_wrapped_function") and name not in NO_TARGETS and name[0] != "_":
            yield name, value._get_wrapped_function()()


def test_every_target_has_every_parameter_with_its_default() -> None:
    names = []
    for name, target in targets():
        own = section(page("fixtures.md"), f"### {name}")
        assert target.factory is not None
        for parameter in inspect.signature(target.factory).parameters.values():
            shown = repr(parameter.default).replace("'", '"')
            assert f"| `{parameter.name}` | `{shown}` | " in own
        names.append(name)
    assert len(names) == 7


@pytest.mark.parametrize("name", ["load_step", "cold_start", "timestep"])
def test_the_other_fixtures_are_there(name: str) -> None:
    assert section(page("fixtures.md"), f"### {name}").strip()


def test_every_field_of_target_and_of_the_public_types_is_explained() -> None:
    text = page("fixtures.md")
    fields = {field.name for field in dataclasses.fields(Target)} - INTERNAL - {"_"}
    missing = [
        name for name in fields if not re.search(rf"\| `{name}` \| .+ \| .+ \|", section(text, "## Target"))
    ]
    assert missing == []
    for kind in (Exit, Line, Port, Http, Event, Instance, Place, Stamp, Stamps, StampLog):
        assert section(text, f"### {kind.__name__}").strip()


def keys(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield the keys of a record and of the mappings in it whose keys are ours."""
    for key, value in record.items():
        yield key
        if key in {"generator", "host", "guards", "instance", "stamps", "quiescence"} and value:
            yield from value
        if key == "per_trial":
            yield from value[0]


@pytest.fixture(scope="module")
def saved(saved_run: Any) -> Mapping[str, Any]:
    record: Mapping[str, Any] = json.loads(saved_run.read_text())["benchmarks"][0]["extra_info"]["load"]
    return record


def test_every_key_of_a_record_is_explained(saved: Mapping[str, Any]) -> None:
    text = page("record.md")
    assert [key for key in keys(saved) if f"`{key}`" not in text] == []
    assert len(set(keys(saved))) >= 80
    assert [key for key in saved["response_time_s"] if f"`{key}`" not in section(text, "## Times")] == []


def test_every_key_of_an_imported_record_is_explained(tmp_path: Path) -> None:
    assert main.main(["import", str(DATA), "-o", str(tmp_path / "old.json")]) == 0
    record = json.loads((tmp_path / "old.json").read_text())["benchmarks"][0]["extra_info"]["load"]
    assert record["source"]
    assert [key for key in record if f"| `{key}` |" not in page("record.md")] == []


def commands(parser: argparse.ArgumentParser, words: str) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    groups = [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]
    for group in groups:
        for name, child in group.choices.items():
            yield from commands(child, f"{words} {name}")
    if not groups:
        yield words, parser


def test_every_command_has_all_its_arguments() -> None:
    found = dict(commands(main.parser(), "pytest-unikernel"))
    assert len(found) == len(main.COMMANDS)
    for words, parser in found.items():
        own = section(page("commands.md"), f"## {words}")
        for action in parser._actions:
            names = action.option_strings or [str(action.metavar)]
            assert action.dest == "help" or all(name in own.replace("\\|", "|") for name in names)


def test_every_reason_and_verdict_is_explained_in_the_method() -> None:
    text = (DOCS / "method" / "measuring.md").read_text()
    assert [each.reason for each in FAILURES if f"| `{each.reason}` |" not in text] == []
    assert [name for name in VERDICTS if f"| `{name}` |" not in text] == []
