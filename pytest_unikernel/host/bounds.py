"""Limits on the instances in flight: of this host, and of what the user asks for."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Bound(Enum):
    """A limit on the instances in flight; the value is the limit's own name."""

    ASKED = "--sweep-max-in-flight"
    MEMORY = "memory"
    PID_MAX = "kernel.pid_max"
    THREADS_MAX = "kernel.threads-max"
    USER_PROCESSES = "RLIMIT_NPROC"
    CGROUP_PROCESSES = "cgroup pids.max"
    DESCRIPTORS = "RLIMIT_NOFILE"
    NONE_FOUND = "none found"
    NOT_SOUGHT = "none"  # simulated instances


class Cap(NamedTuple):
    """The most instances in flight, and what limits them.

    Attributes:
        instances: how many may be in flight at once.
        bound: the limit.
        instance_bytes: the memory of one instance, where memory is the limit.
    """

    instances: int
    bound: Bound
    instance_bytes: int = 0
