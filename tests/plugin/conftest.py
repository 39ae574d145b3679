"""Shared by the plugin's tests: runs of pytest inside a directory of their own."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points

import psutil  # noqa: F401 - modules that a run inside this process imports are forgotten; this one minds
import pytest

PLUGIN = "pytest_unikernel.plugin.hooks"
Runs = Callable[..., pytest.RunResult]


def plugin_arguments() -> list[str]:
    """Return arguments that load the plugin exactly once, whether it is installed or not."""
    installed = any(point.value == PLUGIN for point in entry_points(group="pytest11"))
    return [] if installed else ["-p", PLUGIN]


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
        ]
        return pytester.runpytest_inprocess(*fixed, *arguments)

    return run_pytest


@pytest.fixture
def items_of(pytester: pytest.Pytester) -> Callable[..., list[pytest.Item]]:
    """Collect a source and return its items."""

    def collect(source: str, *arguments: str) -> list[pytest.Item]:
        path = pytester.makepyfile(test_it=source)
        fixed = [*plugin_arguments(), "--strict-markers", "-p", "no:cacheprovider"]
        items, _ = pytester.inline_genitems(*fixed, *arguments, path)
        return items

    return collect
