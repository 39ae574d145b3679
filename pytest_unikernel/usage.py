"""Resource usage of one launch, from wait4."""

from __future__ import annotations

import resource

from pytest_unikernel.record import LaunchLog

_U32 = 0xFFFF_FFFF


def fill_usage(log: LaunchLog, index: int, usage: resource.struct_rusage) -> None:
    """Write the usage into the launch's row; times in seconds, resident set in KiB."""
    log.user_s[index] = usage.ru_utime
    log.system_s[index] = usage.ru_stime
    log.max_rss_kib[index] = min(usage.ru_maxrss, _U32)
