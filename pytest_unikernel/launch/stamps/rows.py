"""Finds the launch that a stamp belongs to."""

from __future__ import annotations

from pytest_unikernel.launch.process.instances import id_prefix
from pytest_unikernel.results.launches import LaunchLog


def rows_by_instance(log: LaunchLog, session: str) -> dict[str, int]:
    """Return the row of each launch by the id of its instance.

    The whole id counts: the number alone, or behind another prefix, is the id of a foreign instance.
    """
    prefix, numbers = id_prefix(session), log.instance[: len(log)]
    return {f"{prefix}{number}": row for row, number in enumerate(numbers) if number}
