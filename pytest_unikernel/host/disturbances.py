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
        "a clock that rises under load only: slow time steps measure longer starts",
        "cpupower frequency-set -g performance",
    ),
    "turbo": Effect(
        "the clock depends on heat and on busy cores: figures drift",
        "echo 0 > /sys/devices/system/cpu/cpufreq/boost, or 1 > …/intel_pstate/no_turbo",
    ),
    "steal": Effect(
        "the hypervisor gives CPU time to others: responses have pauses that aren't the target's",
        "measure when other guests are quiet, or on a host of its own",
    ),
    "load": Effect(
        "instances share the CPUs with it",
        "end what else runs; --sweep-quiet-host=fail insists",
    ),
    "pressure": Effect(
        "every launch waits too",
        "end what else runs",
    ),
    "swap": Effect(
        "pages that come back from disk: single launches take a hundred times as long",
        "swapoff -a, or a lower --sweep-max-in-flight",
    ),
    "huge pages": Effect(
        "some processes get huge pages and others not: memory and page faults differ from run to run",
        "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled",
    ),
    "ksm": Effect(
        "the kernel merges equal pages of guests meanwhile: CPU time taken, memory per instance understated",
        "echo 2 > /sys/kernel/mm/ksm/run, which also unmerges",
    ),
    "clock": Effect(
        "reading the time is a system call or an exit to the hypervisor: each stamp costs microseconds",
        "echo tsc > /sys/devices/system/clocksource/clocksource0/current_clocksource",
    ),
    "hypervisor": Effect(
        "other guests share the machine",
        "bare metal; or compare ratios of one sitting only",
    ),
    "daemons": Effect(
        "even an idle container daemon disturbs other targets",
        "systemctl stop docker docker.socket containerd; --sweep-quiet-host=fail insists",
    ),
    "cgroups": Effect(
        "container starts wait for an RCU grace period, milliseconds",
        "mount -o remount,favordynmods /sys/fs/cgroup (Linux 6.0 on)",
    ),
    "real-time": Effect(
        "under load the generator waits for a CPU like everyone: launches are late",
        "run as root, with CAP_SYS_NICE, or RLIMIT_RTPRIO >= 1",
    ),
    "memory": Effect(
        "launches are refused below 10 % of the memory, and ended below 5 %",
        "free memory, smaller instances, or a lower --sweep-max-in-flight",
    ),
}
