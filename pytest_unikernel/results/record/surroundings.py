"""The parts of a record about a load's settings and surroundings, as types."""

from __future__ import annotations

from pytest_unikernel.results.record.parts import Count, Number, Part, Signed, Whole


class Usage(Part):
    """The resources that an instance used.

    Attributes:
        user_s: CPU time in user mode, the mean of the completed launches.
        system_s: CPU time in the kernel, the mean of the completed launches.
        max_rss_bytes: the largest resident set; null unless it is above the generator's own.
    """

    user_s: Number | None = None
    system_s: Number | None = None
    max_rss_bytes: Count | None = None


class Generator(Part):
    """The costs of the load generator, and the precision of its instants.

    Attributes:
        cpu_s_per_launch: CPU time of pytest's own process, divided by the launches.
        spawn_s: the median time in which a process was started.
        spawn_p99_s: the 99 % quantile of this time.
        spawn_max_s: the maximum of this time.
        loop_turn_s: the median time of a turn of the event loop, which bounds the error of an instant.
        loop_turn_p99_s: the 99 % quantile of this time.
        loop_turn_max_s: the maximum of this time.
        ready_resolution_s: the time that 99 % of the completed launches can at most have been ready unseen.
        realtime: whether the generator ran with real-time priority.
        realtime_refused: whether real-time priority was requested and refused.
    """

    cpu_s_per_launch: Number | None = None
    spawn_s: Number | None = None
    spawn_p99_s: Number | None = None
    spawn_max_s: Number | None = None
    loop_turn_s: Number | None = None
    loop_turn_p99_s: Number | None = None
    loop_turn_max_s: Number | None = None
    ready_resolution_s: Number | None = None
    realtime: bool | None = None
    realtime_refused: bool | None = None


class Host(Part):
    """The host while the load ran.

    Attributes:
        cpu_percent: CPU time in use, in per cent of all CPUs.
        steal_percent: CPU time that the hypervisor took away, in per cent.
        memory_available_min_bytes: the minimum of the available memory.
        memory_available_begin_bytes: the memory that was available when the first trial began.
        load1_max: the highest one-minute load average.
        processes_max: the largest number of processes.
        psi_cpu: the time in which some task waited for a CPU, in per cent (PSI).
        psi_memory: likewise for memory.
        psi_io: likewise for I/O.
        cpu_count: the number of CPUs that ``cpu_percent`` refers to.
        swapped_bytes: the bytes that moved into and out of swap.
        governors: the frequency governors of the CPUs.
        container_daemons: the container daemons that ran.
        busy_before_percent: CPU time in use before the load began, in per cent.
        container_daemons_needed: the container daemons that the target needs.
    """

    cpu_percent: Number | None = None
    steal_percent: Signed | None = None
    memory_available_min_bytes: Number | None = None
    memory_available_begin_bytes: Number | None = None
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
    """The limits on launches, and the launches that they prevented.

    Attributes:
        max_in_flight: the limit on instances in flight; null for none.
        max_in_flight_from: the origin of this limit.
        dropped: launches that were not started, by the guard that refused them.
    """

    max_in_flight: Count | None = None
    max_in_flight_from: str | None = None
    dropped: dict[str, Count] | None = None


class Origin(Part):
    """The run that measured a load.

    Attributes:
        command_line: pytest's command line, or that of another face; what the environment added isn't in it.
        plugin_version: the version of pytest-unikernel.
    """

    command_line: list[str] | None = None
    plugin_version: str | None = None


class Settings(Part):
    """The requested settings. Loads whose settings differ are not the same load.

    Attributes:
        profile: the profile that values came from.
        warmup_s: the minimum warm-up.
        max_warmup_s: the limit up to which slow launches extend the warm-up.
        window_s: the window's length; at fixed arrivals it was rounded up to whole time steps.
        trials: the number of windows to measure.
        precision: the precision that was asked for, such as ``p50:3%``; other records lack this key.
        max_trials: the largest number of trials for it; likewise.
        order: ``rounds``, ``series``, or ``interleaved`` of versions before the first release.
        arrivals: ``fixed`` or ``poisson``.
        seed: the seed of Poisson arrivals.
        drain_timeout_s: the time allowed for launches still in flight at the window's end.
        backlog_share: the share of the launches by which the backlog may rise; only if not the default.
        timeout_s: the limit of one launch; null: the target's own.
        max_in_flight: the limit on instances alive at once; null: derived from the host's limits.
        cpus: the CPUs that instances were pinned to; null: all.
        launches: cold starts: the number of measured launches.
        unmeasured: cold starts: the number of launches before the measured ones.
        hosts: the hosts of ``--sweep-hosts``; other records lack this key.
        spread: ``split`` where they shared the launches, ``each`` where each made all of them; likewise.
        argv: the command line that was launched.
    """

    profile: str | None = None
    warmup_s: Number | None = None
    max_warmup_s: Number | None = None
    window_s: Number | None = None
    trials: Count | None = None
    precision: str | None = None
    max_trials: Count | None = None
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
    hosts: str | None = None
    spread: str | None = None
    argv: list[str] | None = None


class Quiescence(Part, kw_only=True):
    """The waits for a quiet host before the load's trials.

    Attributes:
        waits: the number of waits.
        waited_s: the total time of the waits.
        bound_s: the time limit of one wait.
        bound_hit: the number of waits that reached the limit.
        reasons: the reasons why the host was not quiet at the limit.
    """

    waits: Count
    waited_s: Number
    bound_s: Number
    bound_hit: Count
    reasons: list[str]


class Source(Part, kw_only=True):
    """The origin of an imported record.

    Attributes:
        format: the formats of the files.
        files: the files.
        note: remarks that a reader of the figures needs.
    """

    format: str
    note: str
    files: list[str] | None = None
