"""Known disturbances of figures, their effects and cures, for the doctor and a sweep's summary. Pure.

Sources: Documentation/admin-guide/pm/cpufreq.rst and intel_pstate.rst, admin-guide/mm/ksm.rst and
transhuge.rst, admin-guide/cgroup-v2.rst (favordynmods), accounting/psi.rst, virt/kvm/x86/timekeeping.rst.
"""

from __future__ import annotations

from typing import NamedTuple

STEAL_PERCENT = 5.0
PRESSURE_PERCENT = 10.0
LATE_S = 1e-3  # a lateness beyond which the verdict may be generator-bound
SWAPPED_BYTES = 1 << 20  # in and out during a load; single pages come and go on any host
IDLE_PERCENT = 50.0  # of all CPU time used: below it a slow governor keeps the clock down
MEMORY_LOW_SHARE = 0.10  # the guards start nothing below this share of all memory
# Governors that let the clock sink when little is asked of a CPU; intel_pstate's powersave is one of them.
SLOW_GOVERNORS = frozenset({"powersave", "conservative", "ondemand", "schedutil", "userspace"})
RISES_SLOWLY = frozenset({"powersave", "conservative", "userspace"})


class Effect(NamedTuple):
    """The effect of a disturbance, in a phrase, and its cure."""

    effect: str
    cure: str


EFFECTS = {
    "governor": Effect(
        "the clock frequency rises under load only: starts at slow time steps take longer",
        "cpupower frequency-set -g performance",
    ),
    "turbo": Effect(
        "the clock frequency depends on temperature and on busy cores: figures drift",
        "echo 0 > /sys/devices/system/cpu/cpufreq/boost, or 1 > …/intel_pstate/no_turbo",
    ),
    "steal": Effect(
        "the hypervisor gives CPU time to other guests: response times have pauses that the target did "
        "not cause",
        "measure when other guests are idle, or on a dedicated host",
    ),
    "load": Effect(
        "instances share the CPUs with other work",
        "end the other work; --sweep-quiet-host=fail refuses to measure beside it",
    ),
    "pressure": Effect(
        "launches wait too",
        "end the other work",
    ),
    "swap": Effect(
        "pages are read back from disk: single launches take a hundred times as long",
        "swapoff -a, or a lower --sweep-max-in-flight",
    ),
    "huge pages": Effect(
        "some processes get huge pages, others do not: memory and page faults differ from run to run",
        "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled",
    ),
    "ksm": Effect(
        "the kernel merges equal pages of guests: it takes CPU time, and memory per instance is understated",
        "echo 2 > /sys/kernel/mm/ksm/run, which also unmerges",
    ),
    "clock": Effect(
        "reading the time is a system call or an exit to the hypervisor: each timestamp costs microseconds",
        "echo tsc > /sys/devices/system/clocksource/clocksource0/current_clocksource",
    ),
    "hypervisor": Effect(
        "other guests share the machine",
        "use bare metal, or compare only runs that were measured in turn",
    ),
    "daemons": Effect(
        "even an idle container daemon disturbs other targets",
        "systemctl stop docker docker.socket containerd; --sweep-quiet-host=fail refuses to measure "
        "beside it",
    ),
    "cgroups": Effect(
        "container starts wait milliseconds for an RCU grace period",
        "mount -o remount,favordynmods /sys/fs/cgroup (Linux 6.0 or later)",
    ),
    "real-time": Effect(
        "under load the generator competes for the CPUs: launches are late",
        "run as root, with CAP_SYS_NICE, or with RLIMIT_RTPRIO >= 1",
    ),
    "memory": Effect(
        "launches are dropped below 10 % of the memory, and instances are ended below 5 %",
        "free memory, use smaller instances, or lower --sweep-max-in-flight",
    ),
}
