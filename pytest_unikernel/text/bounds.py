"""The limits on the instances in flight, in words."""

from __future__ import annotations

from pytest_unikernel.host.bounds import Bound, Cap


def bound_text(cap: Cap) -> str:
    """Return what limits the instances in flight: a record's ``guards.max_in_flight_from``."""
    if cap.bound is Bound.MEMORY:
        return f"memory available / {_mib(cap)} per instance"
    return _name(cap)


def short_bound_text(cap: Cap) -> str:
    """Return what limits the instances in flight, for a column of a table."""
    return f"memory / {_mib(cap)}" if cap.bound is Bound.MEMORY else _name(cap)


def _name(cap: Cap) -> str:
    return "no limit found" if cap.bound is Bound.NONE_FOUND else cap.bound.value


def _mib(cap: Cap) -> str:
    return f"{cap.instance_bytes / 2**20:.0f} MiB"
