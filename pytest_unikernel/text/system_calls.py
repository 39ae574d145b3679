"""System calls that are refused, in words."""

from __future__ import annotations

import errno
import os

from pytest_unikernel.host.system_calls import LEAST_DESCRIPTORS, Refused
from pytest_unikernel.plan.target_fields import Unavailable

FULL = frozenset({errno.EMFILE, errno.ENFILE})
SECCOMP_CURE = (
    "let the container's seccomp profile allow it (docker run --security-opt seccomp=unconfined), "
    "on Linux 5.3 or later"
)


def refused_text(refused: Refused) -> Unavailable:
    """Return why no load can run, and the cure."""
    if refused.descriptors is not None:
        why = f"a load needs {LEAST_DESCRIPTORS} open files, the limit RLIMIT_NOFILE is {refused.descriptors}"
        return Unavailable(why, "ulimit -n 1024")
    if refused.errno in FULL:
        return Unavailable(f"no file descriptor is left ({os.strerror(refused.errno)})", "ulimit -n 1024")
    why = f"every load needs the system call {refused.call}, which is refused: {os.strerror(refused.errno)}"
    return Unavailable(why, SECCOMP_CURE)
