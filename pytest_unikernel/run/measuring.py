"""Runs a session's loads: each on a quiet host, set up and taken down, its trials in between."""

from __future__ import annotations

import os
import secrets
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from pytest_unikernel.errors import LoadError
from pytest_unikernel.host import facts
from pytest_unikernel.host.quiet import Quiescence, Quiet, QuietHost
from pytest_unikernel.host.tuning import tuned
from pytest_unikernel.launch.generator import LoadGenerator
from pytest_unikernel.launch.one_by_one import run_cold
from pytest_unikernel.plan.load_plan import LoadPlan
from pytest_unikernel.plan.step_names import step_text
from pytest_unikernel.plan.target import Target
from pytest_unikernel.run.interrupts import Interrupts
from pytest_unikernel.run.load import Load, Measured
from pytest_unikernel.run.load_options import LoadOptions
from pytest_unikernel.run.session import Session

# Waking an idle CPU takes up to half a millisecond; at slow steps the loop is awake by then, for at most 3 %
# of a CPU, while instances are fast.
AHEAD_NS, AHEAD_FROM_STEP = 500_000, Fraction(1, 64)
QUIET_BOUND_S = {"quick": 3.0, "paper": 30.0}


class Loads:
    """Runs loads of one session, one at a time, each on a quiet host."""

    def __init__(
        self,
        session: Session,
        options: LoadOptions,
        quiescence: Quiescence,
        interrupts: Interrupts | None = None,
    ) -> None:
        self._session = session
        self._options = options
        self._quiescence = quiescence
        self._interrupts = interrupts or Interrupts()

    def sweep(
        self,
        target: Target,
        plan: LoadPlan,
        settings: Mapping[str, Any],
        *,
        only: int | None = None,
        earlier: Load | None = None,
    ) -> Measured:
        """Run one load at the plan's time step: all its trials, or only that one after the earlier ones."""
        ahead_ns = AHEAD_NS if plan.step >= AHEAD_FROM_STEP else 0
        label = f"{target.full_name} {step_text(float(plan.step))}"
        label += "" if only is None else f" trial {only + 1} of {plan.trials}"
        numbers = range(plan.trials) if only is None else [only]
        with self._running(target, label, ahead_ns, earlier) as load:
            for number in numbers:
                if number != numbers[0]:
                    load.quiets.append(self._quiet(target, load.helpers))
                self._trial(load, plan, number)
                if load.cut_short:
                    break
        more = not load.cut_short and numbers[-1] + 1 < plan.trials
        if not more:
            load.write_raw()
        measured = load.measured(
            settings,
            mode="sweep",
            time_step_s=float(plan.step),
            arrivals=plan.arrivals,
            seeds=[seed for seed in load.seeds if seed is not None],
            warmup_s=load.warmup_ns / 1e9,
        )
        return replace(measured, unfinished=load) if more else measured

    def _trial(self, load: Load, plan: LoadPlan, number: int) -> None:
        if load.hopeless:
            plan = replace(plan, max_warmup_s=plan.warmup_s)
        load.seeds.append(_seed(plan, number))
        generator = LoadGenerator(load.supervisor, plan, load.guard, **self._ears(load))
        load.run(lambda: generator.run(load.seeds[-1]))
        load.warmup_ns = max(load.warmup_ns, generator.warmup_ns)

    def cold(
        self, target: Target, launches: int, settings: Mapping[str, Any], *, unmeasured: int = 1
    ) -> Measured:
        """Launch one instance after the other, without contention."""
        with self._running(target, f"{target.full_name} cold") as load:
            load.run(lambda: run_cold(load.supervisor, launches, unmeasured=unmeasured, **self._ears(load)))
        load.write_raw()
        return load.measured(settings, mode="cold", time_step_s=None, arrivals=None, seeds=(), warmup_s=0.0)

    def _ears(self, load: Load) -> dict[str, Any]:
        """Return whom a generator tells how far it is, and whom it asks whether to go on."""
        return {"show": load.show, "interrupted": self._interrupts.asked}

    def _quiet(self, target: Target, helpers: Collection[int] = ()) -> Quiet | None:
        """Wait for a quiet host; simulated instances need none."""
        if target.simulated:
            return None
        bound_s = QUIET_BOUND_S[self._options.profile]
        asked = self._interrupts.asked
        return self._quiescence.wait(self._options.quiet_host, bound_s, asked, helpers=helpers)

    @contextmanager
    def _running(
        self, target: Target, label: str, ahead_ns: int = 0, earlier: Load | None = None
    ) -> Iterator[Load]:
        """Set everything up for a load and take it all down again, whatever happens in between."""
        options, session = self._options, self._session
        _make("--sweep-output", options.output)
        _make("--sweep-raw", options.raw)
        _refuse_daemons(target, options.quiet_host)
        load = Load(target, session, options, self._interrupts, earlier)
        with tuned(options.realtime, load.descriptors, options.cpus) as granted:
            load.quiets.append(self._quiet(target))
            session.begin(label)
            try:
                with load.opened(granted, ahead_ns):
                    yield load
            finally:
                session.end()


def _refuse_daemons(target: Target, quiet_host: QuietHost) -> None:
    """Refuse to measure beside a container daemon that isn't the target's, where a quiet host is demanded.

    Raises:
        LoadError: one runs.
    """
    if quiet_host != "fail" or target.simulated:
        return
    others = [name for name in facts.container_daemons() if name not in target.daemons]
    if others:
        raise LoadError(
            f"--sweep-quiet-host=fail: {', '.join(others)} runs, and even an idle container daemon disturbs "
            "the figures; stop it (systemctl stop docker docker.socket containerd), or take "
            "--sweep-quiet-host=warn"
        )


def _seed(plan: LoadPlan, number: int) -> int | None:
    if plan.arrivals == "fixed":
        return None
    return secrets.randbits(32) if plan.seed is None else plan.seed + number


def _make(option: str, directory: Path | None) -> None:
    """Create a directory for results, for its owner only if it is new.

    Raises:
        LoadError: it can't be made or written to.
    """
    if directory is None:
        return
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise LoadError(f"{option}: can't make the directory {str(directory)!r}: {error.strerror}") from error
    if not os.access(directory, os.W_OK | os.X_OK):
        raise LoadError(f"{option}: can't write into the directory {str(directory)!r}: permission denied")
