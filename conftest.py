"""What benchmarks/ and tests/ share."""

import os
from collections.abc import Generator

import pytest

pytest_plugins = ["pytester"]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where UNIKERNEL_REQUIRE_PROGRAMS is set, a test that skips for want of a program fails."""
    report = yield
    if report.skipped and os.environ.get("UNIKERNEL_REQUIRE_PROGRAMS") and "install" in str(report.longrepr):
        report.outcome = "failed"
    return report
