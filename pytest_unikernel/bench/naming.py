"""Names of loads: the same in every run of a script, so that its results can be compared. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count

from pytest_unikernel.plan.target import Target
from pytest_unikernel.results.result import plain


class Names:
    """The names given so far. A target's name is its series' too; what isn't the same gets a number.

    Loads of one target at different time steps belong to one series. The same step again, or another target
    of the same name, begins a new one: ``linux_process #2``.
    """

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._targets: dict[str, str] = {}

    def series(self, target: Target, parts: Iterable[str], name: str | None = None) -> str:
        """Return the name of the series that takes these loads; they are taken then.

        Args:
            target: the target that is launched.
            parts: the last part of each load's name.
            name: the user's own; None: the target's.
        """
        parts, identity = list(parts), _identity(target)
        for series in _numbered(name or target.full_name):
            fullnames = {fullname(series, part) for part in parts}
            if self._targets.setdefault(series, identity) == identity and not fullnames & self._taken:
                self._taken |= fullnames
                return series
        raise AssertionError(name)


def fullname(series: str, part: str) -> str:
    """Return the name of a load in its file."""
    return f"{series}[{part}]"


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name} #{number}" for number in count(2))


def _identity(target: Target) -> str:
    return repr((target.full_name, plain(target.variant), target.argv, str(target.ready)))
