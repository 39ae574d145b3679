"""Helpers for tests of urunc: the real urunc with a monitor that needs no KVM, and a simulated urunc."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import tcgmonitor

from pytest_unikernel.plan.target import Target
from pytest_unikernel.plan.target_fields import Unavailable
from pytest_unikernel.targets.urunc import program
from pytest_unikernel.targets.urunc.target import urunc_container

FAKE = Path(__file__).with_name("fake_urunc.py")
# The texts that identify releases, as comments of the simulated program.
TEXTS = {
    "0.6": "URUNC_TIMESTAMPS",
    "0.7": "/etc/urunc/config.toml CR.invoked",
    "0.8": "/etc/urunc/config.toml CR.invoked URUNC_CONFIG_FILE",
}


def fake(directory: Path, release: str, log: Path | None = None) -> Path:
    """Write a simulated urunc of a release line; releases up to 0.6 log to a configured path."""
    made = directory / "urunc"
    made.write_text(
        f"#!{sys.executable} -IS\n# {TEXTS[release]}\nNAMED, LOG = {release != '0.6'}, {str(log)!r}\n"
        + FAKE.read_text()
    )
    made.chmod(0o755)
    return made


def needed() -> None:
    """Skip a test, with the reason, if no real urunc can run here."""
    found = program.find(None)
    cause = str(found) if isinstance(found, Unavailable) else tcgmonitor.why_not()
    if os.geteuid():
        cause = "urunc needs root"
    if cause:
        pytest.skip(cause)


def real(**parameters: object) -> Target:
    """Return a target of the real urunc with the monitor that needs no KVM."""
    return urunc_container(monitor=tcgmonitor.make(), **parameters)  # type: ignore[arg-type]
