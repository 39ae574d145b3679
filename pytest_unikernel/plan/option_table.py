"""The settings of a sweep, a row each: the marker's keywords, the options, the ini keys and the help."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pytest_unikernel.plan import objectives, precision, readers, tolerances
from pytest_unikernel.plan.load_plan import RAW_FORMATS
from pytest_unikernel.plan.profiles import PROFILES
from pytest_unikernel.plan.schedule import ARRIVALS
from pytest_unikernel.plan.share import SPREADS


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
        pytest_only: whether it is about a run of tests, so that ``Bench`` and ``run`` don't have it.
    """

    name: str
    field: str
    read: readers.Reader
    help: str
    metavar: str
    default: Any = None
    shown: str = ""
    in_marker: bool = False
    pytest_only: bool = False

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
        help="set of default values: quick, or paper, which has the values of the kernel-benchmark scripts",
        metavar="NAME",
        default="quick",
        shown="quick",
    ),
    Option(
        "time_steps",
        "time_steps",
        readers.steps,
        help="time between scheduled launches: START:STOP, where each step is half of the one before, or a "
        "list; in seconds or with a unit: 1,250ms,1/64",
        metavar="STEPS",
        shown="quick 1:1/1024, paper 4:1/1024",
        in_marker=True,
    ),
    Option(
        "warmup",
        "warmup_s",
        readers.seconds("warmup", zero=True),
        help="duration of the warm-up in seconds, or with a unit: 500ms, 2min; it is extended where the "
        "target is slow",
        metavar="TIME",
        shown="quick 1 s, paper 120 s",
        in_marker=True,
    ),
    Option(
        "window",
        "window_s",
        readers.seconds("window"),
        help="duration of the measured window in seconds, or with a unit: 500ms, 2min; rounded up to whole "
        "time steps at fixed arrivals; a value given by an option, a marker or an ini key is never extended "
        "to hold more launches",
        metavar="TIME",
        shown="quick 4 s, paper 60 s",
        in_marker=True,
    ),
    Option(
        "min_launches",
        "min_launches",
        readers.whole("min_launches"),
        help="minimum number of launches in a window: the window is extended to hold them, unless its "
        "duration is given",
        metavar="N",
        shown="quick 10, paper 1",
    ),
    Option(
        "trials",
        "trials",
        readers.whole("trials"),
        help="number of trials at each time step; each trial has its own warm-up and window",
        metavar="N",
        shown="quick 1, paper 3",
        in_marker=True,
    ),
    Option(
        "precision",
        "precision",
        precision.read,
        help="add trials to each time step that is ok until the 95 % interval of a figure is that narrow: "
        "p50:3% is 3 % to either side; at least 6 trials",
        metavar="METRIC:PERCENT",
        shown="none",
    ),
    Option(
        "max_trials",
        "max_trials",
        readers.whole("max_trials"),
        help="largest number of trials that --sweep-precision may lead to",
        metavar="N",
        default=30,
        shown="30",
    ),
    Option(
        "order",
        "order",
        readers.choice("order", ("rounds", "series")),
        help="rounds: the first trial of every time step and target, then the second, and so on, targets in "
        "alternation (A B B A); series: all trials of one target, then those of the next",
        metavar="ORDER",
        shown="rounds, of one trial series",
    ),
    Option(
        "drain_timeout",
        "drain_timeout_s",
        readers.seconds("drain_timeout"),
        help="maximum time from the end of the window until its last launches have ended, in seconds or with "
        "a unit: 2min",
        metavar="TIME",
        default=60.0,
        shown="60 s",
    ),
    Option(
        "timeout",
        "timeout_s",
        readers.seconds("timeout"),
        help="maximum duration of one launch in seconds, or with a unit: 500ms; a launch that takes longer "
        "is ended and has failed",
        metavar="TIME",
        shown="the target's own, or 60 s",
    ),
    Option(
        "max_in_flight",
        "max_in_flight",
        readers.whole("max_in_flight"),
        help="maximum number of instances in flight; launches that are due beyond it are dropped and counted",
        metavar="N",
        shown="derived from the memory and the limits of this host",
    ),
    Option(
        "arrivals",
        "arrivals",
        readers.choice("arrivals", ARRIVALS),
        help="intervals between launches: fixed, or poisson (random, with the time step as their mean)",
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
        shown="random; the record has it",
    ),
    Option(
        "cpus",
        "cpus",
        readers.cpus,
        help="CPUs that instances run on, such as 0-1,3; the load generator runs on the other CPUs, if "
        "there are any",
        metavar="LIST",
        shown="all",
    ),
    Option(
        "realtime",
        "realtime",
        readers.choice("realtime", ("auto", "on", "off")),
        help="real-time priority of the load generator: auto uses it where it is permitted, on fails "
        "where it is not, off does not use it",
        metavar="WHEN",
        default="auto",
        shown="auto",
    ),
    Option(
        "quiet_host",
        "quiet_host",
        readers.choice("quiet_host", ("warn", "fail", "off")),
        help="what to do before a load if the host is busy with other work: warn reports it, fail fails "
        "the test (also where a container daemon runs that the target does not need), off does not check",
        metavar="WHAT",
        default="warn",
        shown="warn",
    ),
    Option(
        "require",
        "require",
        readers.targets,
        help="targets whose tests fail, instead of being skipped, where the target can't run: names such as "
        "rust_kernel,linux_vm[kvm], or all",
        metavar="NAME,...",
        default=frozenset(),
        shown="none",
        pytest_only=True,
    ),
    Option(
        "output",
        "output",
        readers.path("output"),
        help="directory for the complete output of every instance, in one file per instance",
        metavar="DIR",
        shown="not kept",
    ),
    Option(
        "raw",
        "raw",
        readers.path("raw"),
        help="directory for raw data: one table per load with the timestamps of every launch",
        metavar="DIR",
        shown="not kept",
    ),
    Option(
        "raw_format",
        "raw_format",
        readers.choice("raw_format", RAW_FORMATS),
        help="format of the tables of raw data: csv (compressed), or parquet, which needs pyarrow",
        metavar="FORMAT",
        shown="csv",
    ),
    Option(
        "report",
        "report",
        readers.path("report"),
        help="directory for a report of the run: an HTML page, its figures and its tables",
        metavar="DIR",
        shown="none",
        pytest_only=True,
    ),
    Option(
        "summary",
        "summary",
        readers.path("summary"),
        help="append a summary of the run to FILE.md, in Markdown: knees, objectives, the comparison, what "
        "could not run; for the page of a CI job: --sweep-summary=$GITHUB_STEP_SUMMARY",
        metavar="FILE.md",
        shown="none",
        pytest_only=True,
    ),
    Option(
        "resume",
        "resume",
        readers.path("resume"),
        help="take over the time steps that are in FILE and run the others only; FILE is a saved "
        "benchmark JSON or the journal of an interrupted run",
        metavar="FILE",
        shown="none",
        pytest_only=True,
    ),
    Option(
        "compare_fail",
        "compare_fail",
        tolerances.parse,
        help="with --benchmark-compare: fail the run if a metric is worse by more than PERCENT and at "
        "least 5 trials on each side give evidence of it, or if a time step that was ok no longer is; "
        "exit status 75 if no such metric could be tested; metrics: throughput, knee, p50, p90, p99, "
        "failure_rate (in percentage points)",
        metavar="METRIC:PERCENT,...",
        shown="nothing fails",
        pytest_only=True,
    ),
    Option(
        "compare_busy",
        "compare_busy",
        readers.switch("compare_busy"),
        help="compare although other work kept the host busy in one of the runs; without it such figures are "
        "no evidence",
        metavar="",
        default=False,
        shown="off",
        pytest_only=True,
    ),
    Option(
        "benchmark_table",
        "benchmark_table",
        readers.switch("benchmark_table"),
        help="show loads in pytest-benchmark's own result table too, which is wider than most terminals; "
        "--benchmark-columns, -group-by, -sort, -name and -histogram show them as well",
        metavar="",
        default=False,
        shown="off",
        pytest_only=True,
    ),
    Option(
        "slo",
        "slo",
        objectives.read,
        help="objectives for the response time, such as p99:0.5s,p50:20ms; the summary shows the highest "
        "rate that meets each",
        metavar="LIST",
        default=(),
        shown="none",
    ),
    Option(
        "knee",
        "knee",
        readers.switch("knee"),
        help="after the time steps, search for the knee between the last step that was ok and the first "
        "that was not, until it is known to within 5 %",
        metavar="",
        default=False,
        shown="off",
        in_marker=True,
    ),
    Option(
        "hosts",
        "hosts",
        readers.hosts,
        help="hosts that make the launches of every sweep together: local:N is N generators on this "
        "machine, each in a process of its own; ssh:HOST,HOST starts a worker on each of these hosts; "
        "tls://HOST:PORT is the dask scheduler of a cluster whose workers are the hosts; needs pip install "
        "'pytest-unikernel[hosts]'",
        metavar="HOSTS",
        default="",
        shown="this process alone",
        pytest_only=True,
    ),
    Option(
        "spread",
        "spread",
        readers.choice("spread", SPREADS),
        help="with --sweep-hosts: split shares the launches of a time step out to the hosts, each has every "
        "host make all of them",
        metavar="HOW",
        default="split",
        shown="split",
        pytest_only=True,
    ),
    Option(
        "hosts_insecure",
        "hosts_insecure",
        readers.switch("hosts_insecure"),
        help="allow --sweep-hosts=tcp://..., without encryption, beyond this machine: whoever reaches the "
        "scheduler can run code on all hosts and read the results",
        metavar="",
        default=False,
        shown="off",
        pytest_only=True,
    ),
    Option(
        "hosts_python",
        "hosts_python",
        readers.remote_path("hosts_python"),
        help="Python on the hosts of --sweep-hosts=ssh:..., where it has pytest-unikernel[hosts]",
        metavar="PATH",
        default="",
        shown="the path that it has here",
        pytest_only=True,
    ),
    Option(
        "hosts_lost",
        "hosts_lost",
        readers.choice("hosts_lost", ("stop", "go-on")),
        help="what to do after a load in which a host of --sweep-hosts was lost: stop ends the run with "
        "what was measured, go-on runs the next loads on the hosts that are left",
        metavar="WHAT",
        default="stop",
        shown="stop",
        pytest_only=True,
    ),
)
