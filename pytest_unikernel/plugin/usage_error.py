"""The error for a wrong marker or option."""

from __future__ import annotations

import pytest


class SweepUsageError(pytest.UsageError, pytest.Collector.CollectError):  # type: ignore[misc] # UsageError is @final
    """A marker or an option has a value that can't be right.

    It is both kinds of error because pytest prints the one without a traceback where it configures,
    the other where it collects; it exits with 4 and 2.
    """
