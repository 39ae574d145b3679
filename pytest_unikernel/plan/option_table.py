"""The settings of a sweep, a row each: the marker's keywords, the options, the ini keys and the help."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pytest_unikernel.plan import objectives, readers, tolerances
from pytest_unikernel.plan.profiles import PROFILES
from pytest_unikernel.plan.schedule import ARRIVALS


@dataclass(frozen=True)
class Option:
    """A setting.

    Attributes:
        name: its name in the marker and, with ``sweep_`` before it, in the ini file.
        field: the attribute of :class:`SweepSettings`.
        read: makes a checked value of whatever was given.
        help: one sentence, with the unit.
        metavar: the placeholder of the value in the help; empty for a switch, which takes no value.
        default: the value where no profile has one.
        shown: the default as the help prints it.
        in_marker: whether the marker ``load_sweep`` knows it.
    """

    name: str
    field: str
    read: readers.Reader
    help: str
    metavar: str
    default: Any = None
    shown: str = ""
    in_marker: bool = False

    @property
    def is_switch(self) -> bool:
        """Whether it is on or off: the option takes no value, the ini key takes true or false."""
        return not self.metavar

    @property
    def flag(self) -> str:
        """The command-line option: ``--sweep-min-launches``."""
        return f"--sweep-{self.name.replace('_', '-')}"

    @property
    def ini(self) -> str:
        """The key in the ini file: ``sweep_min_launches``."""
        return f"sweep_{self.name}"


OPTIONS: tuple[Option, ...] = (
    Option(
        "profile",
        "profile",
        readers.choice("profile", PROFILES),
        help="values for what nothing else sets: quick, or paper as the kernel-benchmark scripts had them",
        metavar="NAME",
        default="quick",
        shown="quick",
    ),
    Option(
        "time_steps",
        "time_steps",
        readers.steps,
        help="seconds between scheduled launches: START:STOP, halved each time, or a list such as 1,0.5,1/64",
        metavar="STEPS",
        shown="quick 1:1/1024, paper 4:1/1024",
        in_marker=True,
    ),
    Option(
        "warmup",
        "warmup_s",
        readers.seconds("warmup", zero=True),
        help="seconds of launches before the window, longer if the target is slow",
        metavar="SECONDS",
        shown="quick 1 s, paper 120 s",
        in_marker=True,
    ),
    Option(
        "window",
        "window_s",
        readers.seconds("window"),
        help="seconds that are measured at each time step; never stretched if given",
        metavar="SECONDS",
        shown="quick 4 s, paper 60 s",
        in_marker=True,
    ),
    Option(
        "min_launches",
        "min_launches",
        readers.whole("min_launches"),
        help="launches that a window holds at least, by stretching it, unless the window is given",
        metavar="N",
        shown="quick 10, paper 1",
    ),
    Option(
        "trials",
        "trials",
        readers.whole("trials"),
        help="windows measured at each time step",
        metavar="N",
        shown="quick 1, paper 3",
        in_marker=True,
    ),
    Option(
        "order",
        "order",
        readers.choice("order", ("series", "interleaved")),
        help="series: a target's steps, then the next target's; interleaved: the same step of all targets, "
        "their trials in alternation (A B B A)",
        metavar="ORDER",
        default="series",
        shown="series",
    ),
    Option(
        "drain_timeout",
        "drain_timeout_s",
        readers.seconds("drain_timeout"),
        help="seconds to wait for the window's last launches",
        metavar="SECONDS",
        default=60.0,
        shown="60 s",
    ),
    Option(
        "timeout",
        "timeout_s",
        readers.seconds("timeout"),
        help="seconds that one launch may take",
        metavar="SECONDS",
        shown="the target's own, or 60 s",
    ),
    Option(
        "max_in_flight",
        "max_in_flight",
        readers.whole("max_in_flight"),
        help="instances alive at once; launches due beyond that are dropped and counted",
        metavar="N",
        shown="from the limits found",
    ),
    Option(
        "arrivals",
        "arrivals",
        readers.choice("arrivals", ARRIVALS),
        help="gaps between launches: fixed, or poisson with the time step as their mean",
        metavar="KIND",
        default="fixed",
        shown="fixed",
        in_marker=True,
    ),
    Option(
        "seed",
        "seed",
        readers.whole("seed", least=0),
        help="seed of poisson arrivals; equal seeds give equal schedules",
        metavar="N",
        shown="drawn and recorded",
    ),
    Option(
        "cpus",
        "cpus",
        readers.cpus,
        help="CPUs for the instances, such as 0-1,3, apart from the load generator's",
        metavar="LIST",
        shown="all",
    ),
    Option(
        "realtime",
        "realtime",
        readers.choice("realtime", ("auto", "on", "off")),
        help="real-time priority for the load generator: auto takes it where allowed, on insists",
        metavar="WHEN",
        default="auto",
        shown="auto",
    ),
    Option(
        "quiet_host",
        "quiet_host",
        readers.choice("quiet_host", ("warn", "fail", "off")),
        help="what to do when something else keeps the host busy: warn, fail or off",
        metavar="WHAT",
        default="warn",
        shown="warn",
    ),
    Option(
        "require",
        "require",
        readers.targets,
        help="targets (rust_kernel,linux_vm[kvm] or all) that fail instead of skip where they can't run",
        metavar="NAME,...",
        default=frozenset(),
        shown="none",
    ),
    Option(
        "output",
        "output",
        readers.path("output"),
        help="directory for each instance's whole output, a file each",
        metavar="DIR",
        shown="not kept",
    ),
    Option(
        "raw",
        "raw",
        readers.path("raw"),
        help="directory for the instants of every launch",
        metavar="DIR",
        shown="not kept",
    ),
    Option(
        "report",
        "report",
        readers.path("report"),
        help="directory for a report of the run's loads: a page, its figures, tables",
        metavar="DIR",
        shown="none",
    ),
    Option(
        "resume",
        "resume",
        readers.path("resume"),
        help="steps already in FILE, a saved benchmark JSON or the journal of an interrupted run, "
        "are not run again",
        metavar="FILE",
        shown="none",
    ),
    Option(
        "compare_fail",
        "compare_fail",
        tolerances.parse,
        help="with --benchmark-compare, fail if one of these is worse by more than so many per cent, by the "
        "evidence of at least 5 trials a side, or if a step that was ok isn't any more: throughput, knee, "
        "p50, p90, p99, failure_rate (in points)",
        metavar="METRIC:PERCENT,...",
        shown="nothing fails",
    ),
    Option(
        "slo",
        "slo",
        objectives.read,
        help="objectives of the response time, such as p99:0.5s,p50:20ms; reported is the highest rate that "
        "meets each",
        metavar="LIST",
        default=(),
        shown="none",
    ),
    Option(
        "knee",
        "knee",
        readers.switch("knee"),
        help="search between the last time step that was ok and the first that was not, until the knee is "
        "known to 5 %",
        metavar="",
        default=False,
        shown="off",
        in_marker=True,
    ),
)
