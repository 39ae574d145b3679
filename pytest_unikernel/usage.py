"""Resource usage of one launch, from wait4."""

from __future__ import annotations

import resource

from pytest_unikernel.record import LaunchLog


def fill_usage(log: LaunchLog, index: int, usage: resource.struct_rusage) -> None:
    """Write the usage into the launch's row; times in seconds, resident set in KiB."""
    log.user_s[index] = usage.ru_utime
    log.system_s[index] = usage.ru_stime
    log.max_rss_kib[index] = usage.ru_maxrss
