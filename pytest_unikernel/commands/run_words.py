"""The words of ``run`` in errors. Pure."""

from __future__ import annotations

from pytest_unikernel.bench.wording import Wording
from pytest_unikernel.plan.origins import COMMAND_LINE


def flag(name: str) -> str:
    """Return the option of a setting: ``--quiet-host``."""
    return f"--{name.replace('_', '-')}"


WORDING = Wording(
    lambda _call: "run",
    lambda _call, name: flag(name),
    lambda name, value: flag(name) if value is None else f"{flag(name)}={value}",
    COMMAND_LINE,
    COMMAND_LINE,
    ("--rate", "--time-step"),
)
