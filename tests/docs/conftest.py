"""Fixtures for the documentation's tests: a saved run, and target fixtures with simulated launches."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from sweeprun import FIXED

SWEPT = """
import pytest
from pytest_unikernel.testing import FakeTarget


@pytest.mark.load_sweep(time_steps=[0.1, 0.05], warmup=0, window=1, trials=5)
def test_it(load_step):
    assert load_step(FakeTarget()).verdict == "ok"
"""


@pytest.fixture(scope="session")
def saved_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved run as pytest-benchmark writes it: two steps, five trials each."""
    place = tmp_path_factory.mktemp("saved")
    (place / "test_it.py").write_text(SWEPT)
    argv = [
        sys.executable,
        "-m",
        "pytest",
        *FIXED,
        "-q",
        "-p",
        "no:cacheprovider",
        "--benchmark-json=run.json",
    ]
    subprocess.run([*argv, "test_it.py"], cwd=place, check=True, capture_output=True)
    return place / "run.json"
