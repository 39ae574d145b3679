"""The targets that could not run here, with cause and cure: in full, once each. Pure.

pytest's own summary cuts a skip's reason at the terminal's width, and repeats it for each test.
"""

from __future__ import annotations

from collections.abc import Iterable

from pytest_unikernel.plan.target_fields import Unavailable
from pytest_unikernel.text.grid import printable, wrapped

Missing = tuple[str, Unavailable]  # a target's full name, and why it can't run


def missing_report(missing: Iterable[Missing]) -> list[str]:
    """Return lines that name each reason, with the targets that have it, in the order of the tests."""
    names: dict[Unavailable, list[str]] = {}
    for name, why in dict.fromkeys(missing):
        names.setdefault(why, []).append(name)
    if not names:
        return []
    lines = ["could not run here", ""]
    for why, targets in names.items():
        lines += wrapped(printable(f"{', '.join(targets)}: {why.reason}"))
        lines += wrapped(printable(f"cure: {why.cure}"), "    ")
    return lines
