"""The settings of a sweep: the sources of each value and their precedence.

    command line > marker > profile named on the command line > ini file > profile named there > quick

The table :data:`OPTIONS` defines the marker's keywords, the command line, the ini file, the help and the
precedence. A new setting needs one row there and one field of :class:`SweepSettings`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from fractions import Fraction
from pathlib import Path
from typing import Any

from pytest_unikernel.plan.load_plan import ColdPlan, LaunchConditions, LoadPlan
from pytest_unikernel.plan.objectives import Objective
from pytest_unikernel.plan.option_table import OPTIONS, Option
from pytest_unikernel.plan.origins import COMMAND_LINE, DEFAULT, INI_FILE, Origin
from pytest_unikernel.plan.precision import LEAST_TRIALS, Precision
from pytest_unikernel.plan.profiles import MAX_WARMUP_S, PROFILES
from pytest_unikernel.plan.schedule import halving
from pytest_unikernel.plan.step_names import step_text
from pytest_unikernel.plan.tolerances import Tolerance


@dataclass(frozen=True)
class Layer:
    """A source of values by their names in :data:`OPTIONS`; the marker's has ``start`` and ``stop`` too."""

    origin: Origin
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SweepSettings:
    """All settings of a sweep; ``_s`` are seconds.

    Attributes:
        max_warmup_s: the limit up to which a slow target extends the warm-up.
        window_is_explicit: the window was given, not taken from a profile; it is never extended to
            hold more launches.
        timeout_s: the limit of one launch; None: the target's own.
        max_in_flight: the limit on instances in flight; None: derived from the host's limits.
        seed: the seed of Poisson arrivals; None: drawn at random.
        hosts: the hosts that make the launches of sweeps, such as ``local:2``; empty: this process.
        spread: whether those share a step's launches (split), or each makes all of them (each).
        hosts_insecure: whether a cluster's connections may be without encryption.
        hosts_python: the path of Python on hosts that SSH reaches; empty: the path that it has here.
        hosts_lost: whether the run ends when one of them was lost (stop).
        origins: the origin of each value, by its name in :data:`OPTIONS`.
    """

    profile: str
    time_steps: tuple[Fraction, ...]
    warmup_s: float
    max_warmup_s: float
    window_s: float
    window_is_explicit: bool
    min_launches: int
    trials: int
    precision: Precision | None
    max_trials: int
    order: str
    arrivals: str
    knee: bool
    drain_timeout_s: float
    timeout_s: float | None
    max_in_flight: int | None
    seed: int | None
    cpus: frozenset[int] | None
    realtime: str
    quiet_host: str
    require: frozenset[str]
    output: Path | None
    raw: Path | None
    raw_format: str | None
    report: Path | None
    summary: Path | None
    resume: Path | None
    slo: tuple[Objective, ...]
    compare_fail: tuple[Tolerance, ...] | None
    compare_busy: bool
    benchmark_table: bool
    hosts: str
    spread: str
    hosts_insecure: bool
    hosts_python: str
    hosts_lost: str
    origins: Mapping[str, Origin] = field(default_factory=dict, compare=False)

    @property
    def most_trials(self) -> int:
        """How many trials a step may get."""
        return self.trials if self.precision is None else max(self.trials, self.max_trials)

    def window_for(self, step: Fraction) -> float:
        """Return the window in seconds: long enough for ``min_launches``, unless it is explicit.

        It is what a load asks for: :attr:`LoadPlan.window_ns` makes whole time steps of it.
        """
        if self.window_is_explicit:
            return self.window_s
        return max(self.window_s, float(self.min_launches * step))

    def load_plan(self, step: Fraction, **more: Any) -> LoadPlan:
        """Return the plan of a load at the time step; ``more`` gives the fields that the settings lack."""
        return LoadPlan(
            step=step, **{**self._shared_with(LoadPlan), "window_s": self.window_for(step), **more}
        )

    def cold_plan(self, launches: int, **more: Any) -> ColdPlan:
        """Return the plan of cold starts; ``more`` gives the fields that the settings lack."""
        return ColdPlan(launches=launches, **{**self._shared_with(ColdPlan), **more})

    def _shared_with(self, plan: type[LaunchConditions]) -> dict[str, Any]:
        """Return the values of the fields that the plan has under the same names."""
        return {each.name: getattr(self, each.name) for each in fields(plan) if hasattr(self, each.name)}

    def step_of(self, timestep: float) -> Fraction:
        """Return the exact time step of a test's ``timestep``."""
        return next(step for step in self.time_steps if float(step) == timestep)

    def check(self) -> None:
        """Raise a ValueError if values contradict each other.

        An explicit window is shorter than a time step, or a precision can't be told by so few trials.
        """
        if self.precision is not None and self.most_trials < LEAST_TRIALS:
            raise ValueError(
                f"max_trials must be at least {LEAST_TRIALS} with a precision, got {self.max_trials} from "
                f"{self.origins['max_trials']}"
            )
        too_long = [step for step in self.time_steps if float(step) > self.window_s]
        if self.window_is_explicit and too_long:
            raise ValueError(
                f"window must be at least one time step long, got {self.window_s:g} s for the time step "
                f"{step_text(float(too_long[0]))} from {self.origins['time_steps']}"
            )


@dataclass(frozen=True)
class Sources:
    """The settings from the command line and the ini file; the same for all tests of a session."""

    command_line: Layer = Layer(COMMAND_LINE)
    ini: Layer = Layer(INI_FILE)

    def settings(self, marker: Layer | None = None) -> SweepSettings:
        """Return the settings of a test with that marker, or of a test without a marker.

        Raises:
            ValueError: start and stop, from different sources, contradict each other.
        """
        layers = self._layers(marker)
        found = {option.name: _first(option, layers) for option in OPTIONS if option.name != "time_steps"}
        found["time_steps"] = _time_steps(layers)
        fields: dict[str, Any] = {option.field: found[option.name][0] for option in OPTIONS}
        profile = fields["profile"]
        has_rounds = fields["trials"] > 1 or fields["precision"] is not None
        fields["order"] = fields["order"] or ("rounds" if has_rounds else "series")
        return SweepSettings(
            **fields,
            max_warmup_s=max(MAX_WARMUP_S[profile], fields["warmup_s"]),
            window_is_explicit=not found["window"][1].profile,
            origins={name: origin for name, (_, origin) in found.items()},
        )

    def _layers(self, marker: Layer | None) -> list[Layer]:
        """Return the sources, the strongest first."""
        given = [self.command_line, marker, _profile(self.command_line), self.ini, _profile(self.ini)]
        return [layer for layer in given if layer is not None] + [QUICK]


def _profile(layer: Layer) -> Layer | None:
    """Return the values of the profile that a source names; None if it names no profile."""
    name = layer.values.get("profile")
    return Layer(layer.origin._replace(profile=name), PROFILES[name]) if name else None


QUICK = Layer(DEFAULT._replace(profile="quick"), PROFILES["quick"])


def _first(option: Option, layers: list[Layer]) -> tuple[Any, Origin]:
    for layer in layers:
        if option.name in layer.values:
            return layer.values[option.name], layer.origin
    return option.default, DEFAULT


def _time_steps(layers: list[Layer]) -> tuple[tuple[Fraction, ...], Origin]:
    """Return the time steps; the next weaker source gives an end that the marker leaves out."""
    layer, weaker = layers[0], layers[1:]
    if "time_steps" in layer.values:
        return layer.values["time_steps"], layer.origin
    steps, origin = _time_steps(weaker)
    if not {"start", "stop"} & set(layer.values):
        return steps, origin
    start, stop = layer.values.get("start", steps[0]), layer.values.get("stop", steps[-1])
    try:
        return halving(start, stop), layer.origin
    except ValueError as error:
        raise ValueError(f"{error}; the other end comes from {origin}") from error
