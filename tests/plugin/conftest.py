"""Shared by the plugin's tests: runs of pytest inside a directory of their own."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from typing import Any

import jsonschema
import psutil  # noqa: F401 - modules that a run inside this process imports are forgotten; this one minds
import pytest
from places import DOCS
from sweeprun import OTHERS

from pytest_unikernel.results.record.check import faults
from pytest_unikernel.results.record.whole import WHOLE
from pytest_unikernel.results.result import LoadResult

PLUGIN = "pytest_unikernel.plugin.hooks"
Runs = Callable[..., pytest.RunResult]
SCHEMA = json.loads((DOCS / "reference" / "record.schema.json").read_text(encoding="utf-8"))


def plugin_arguments() -> list[str]:
    """Return arguments that load the plugin exactly once, whether it is installed or not."""
    installed = any(point.value == PLUGIN for point in entry_points(group="pytest11"))
    return [] if installed else ["-p", PLUGIN]


@pytest.fixture(autouse=True)
def records_are_what_the_published_schema_says(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Check every record that runs inside this process write."""
    as_json, known, wrong = LoadResult.as_json, set[str](), list[str]()
    published = jsonschema.Draft202012Validator(SCHEMA)

    def checked(result: LoadResult) -> dict[str, Any]:
        record = as_json(result)
        text = json.dumps(record, allow_nan=False)
        if text not in known:
            known.add(text)
            wrong.extend(str(fault) for fault in faults(json.loads(text), WHOLE))
            wrong.extend(error.message for error in published.iter_errors(json.loads(text)))
        return record

    monkeypatch.setattr(LoadResult, "as_json", checked)
    yield
    assert wrong == []


@pytest.fixture(autouse=True)
def the_output_is_that_of_any_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide that this is a CI job: pytest's own summary is longer there."""
    for name in ("CI", "BUILD_NUMBER"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def a_test_leaves_nothing_open() -> Iterator[None]:
    """Collect garbage, so that a descriptor left open fails its own test and not a load of a later one."""
    yield
    gc.collect()
    gc.freeze()  # what survives stays; each further collection would look through all of it again


@pytest.fixture
def run(pytester: pytest.Pytester) -> Runs:
    """Run pytest in the test's directory, strict about markers, without a cache."""

    def run_pytest(*arguments: str, source: str = "") -> pytest.RunResult:
        if source:
            pytester.makepyfile(test_it=source)
        fixed = [
            *plugin_arguments(),
            "--strict-markers",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:hypothesispytest",
            *OTHERS,
        ]
        return pytester.runpytest_inprocess(*fixed, *arguments)

    return run_pytest


@pytest.fixture
def items_of(pytester: pytest.Pytester) -> Callable[..., list[pytest.Item]]:
    """Collect a source and return its items."""

    def collect(source: str, *arguments: str) -> list[pytest.Item]:
        path = pytester.makepyfile(test_it=source)
        fixed = [*plugin_arguments(), "--strict-markers", "-p", "no:cacheprovider", *OTHERS]
        items, _ = pytester.inline_genitems(*fixed, *arguments, path)
        return items

    return collect
