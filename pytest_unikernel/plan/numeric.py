"""Numbers among values that others wrote: to Python, JSON's ``true`` is an ``int``."""

from __future__ import annotations

from typing import TypeGuard


def is_whole(value: object) -> TypeGuard[int]:
    """Return whether a value is a whole number; members of an IntEnum are, ``True`` and ``False`` aren't."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> TypeGuard[float]:
    """Return whether a value is a number; ``True`` and ``False`` aren't."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)
