"""The parts of a record that say how a load was run and what was around it, as types."""

from __future__ import annotations

from pytest_unikernel.results.record.parts import Count, Number, Part, Signed, Whole


class Usage(Part):
    """What an instance used.

    Attributes:
        user_s: CPU time in user mode, the mean of the completed launches.
        system_s: CPU time in the kernel, likewise.
        max_rss_bytes: the largest resident set; null unless it is above the generator's own.
    """

    user_s: Number | None = None
    system_s: Number | None = None
    max_rss_bytes: Count | None = None


class Generator(Part):
    """What the generator of the load cost, and how precise its instants are.

    Attributes:
        cpu_s_per_launch: CPU time of pytest's own process, divided by the launches.
        spawn_s: the median time that a start of a process took.
        spawn_p99_s: its 99 % quantile.
        spawn_max_s: the longest.
        loop_turn_s: the median time of a turn of the event loop: what an instant may be late by.
        loop_turn_p99_s: its 99 % quantile.
        loop_turn_max_s: the longest.
        realtime: whether it ran with real-time priority.
        realtime_refused: whether that was asked for and refused.
    """

    cpu_s_per_launch: Number | None = None
    spawn_s: Number | None = None
    spawn_p99_s: Number | None = None
    spawn_max_s: Number | None = None
    loop_turn_s: Number | None = None
    loop_turn_p99_s: Number | None = None
    loop_turn_max_s: Number | None = None
    realtime: bool | None = None
    realtime_refused: bool | None = None


class Host(Part):
    """The host while the load ran.

    Attributes:
        cpu_percent: CPU time in use, of that of all CPUs.
        steal_percent: CPU time that the hypervisor took away.
        memory_available_min_bytes: the least memory that was available.
        load1_max: the highest load average over one minute.
        processes_max: the most processes at once.
        psi_cpu: the time in which some task waited for a CPU, in per cent (PSI).
        psi_memory: likewise for memory.
        psi_io: likewise for I/O.
        cpu_count: the CPUs that ``cpu_percent`` is a share of.
        swapped_bytes: what went in and out of swap.
        governors: the frequency governors of the CPUs.
        container_daemons: the container daemons that ran.
        busy_before_percent: CPU time in use before the load began.
        container_daemons_needed: those of the daemons that the target needs.
    """

    cpu_percent: Number | None = None
    steal_percent: Signed | None = None
    memory_available_min_bytes: Number | None = None
    load1_max: Number | None = None
    processes_max: Number | None = None
    psi_cpu: Signed | None = None
    psi_memory: Signed | None = None
    psi_io: Signed | None = None
    cpu_count: Number | None = None
    swapped_bytes: Signed | None = None
    governors: list[str] | None = None
    container_daemons: list[str] | None = None
    busy_before_percent: Signed | None = None
    container_daemons_needed: list[str] | None = None


class Guards(Part):
    """What kept launches from being started.

    Attributes:
        max_in_flight: the limit on instances in flight; null for none.
        max_in_flight_from: where that limit comes from.
        dropped: launches that were not started, by the guard that refused them.
    """

    max_in_flight: Count | None = None
    max_in_flight_from: str | None = None
    dropped: dict[str, Count] | None = None


class Settings(Part):
    """What was asked for. Loads whose settings differ are not the same load.

    Attributes:
        profile: the profile that values came from.
        warmup_s: the least warm-up.
        max_warmup_s: the longest that slow launches make of it.
        window_s: the window's length.
        trials: windows that are measured.
        order: ``series`` or ``interleaved``.
        arrivals: ``fixed`` or ``poisson``.
        seed: of the latter.
        drain_timeout_s: how long the window's last launches are waited for.
        backlog_share: of the launches, what the backlog may rise by; only where it isn't the usual share.
        timeout_s: the limit of one launch; null: the target's own.
        max_in_flight: instances alive at once; null: derived from the limits found.
        cpus: CPUs that instances were held to; null: all.
        launches: of cold starts, how many were measured.
        unmeasured: of cold starts, how many were launched before them.
        argv: what was launched.
    """

    profile: str | None = None
    warmup_s: Number | None = None
    max_warmup_s: Number | None = None
    window_s: Number | None = None
    trials: Count | None = None
    order: str | None = None
    arrivals: str | None = None
    seed: Whole | None = None
    drain_timeout_s: Number | None = None
    backlog_share: Number | None = None
    timeout_s: Number | None = None
    max_in_flight: Count | None = None
    cpus: list[Count] | None = None
    launches: Count | None = None
    unmeasured: Count | None = None
    argv: list[str] | None = None


class Quiescence(Part, kw_only=True):
    """How the waits for a quiet host went, before the load's trials.

    Attributes:
        waits: how many waits there were.
        waited_s: how long they took together.
        bound_s: how long one may take at most.
        bound_hit: waits that ended at that bound.
        reasons: why the host wasn't quiet then.
    """

    waits: Count
    waited_s: Number
    bound_s: Number
    bound_hit: Count
    reasons: list[str]


class Source(Part, kw_only=True):
    """Where an imported record comes from.

    Attributes:
        format: the formats of the files.
        files: the files.
        note: what one must know to read the figures.
    """

    format: str
    note: str
    files: list[str] | None = None
