"""Shared by benchmarks/ and tests/."""

import os
from collections.abc import Generator

import pytest

pytest_plugins = ["pytester"]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where UNIKERNEL_REQUIRE_PROGRAMS is set, a test that skips for want of a program fails.

    UNIKERNEL_WITHOUT names a program that can't be installed here.
    """
    report = yield
    why, without = str(report.longrepr), os.environ.get("UNIKERNEL_WITHOUT")
    cannot = bool(without) and f"no {without} on PATH" in why
    required = bool(os.environ.get("UNIKERNEL_REQUIRE_PROGRAMS")) and not cannot
    if report.skipped and required and "install" in why:
        report.outcome = "failed"
    return report
