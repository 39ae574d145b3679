"""Runs loads of a session, one at a time: each on a quiet host, set up, its trials run, taken down."""

from __future__ import annotations

import os
import random
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from pytest_unikernel.errors import LoadError
from pytest_unikernel.host import facts
from pytest_unikernel.host.quiet import Quiescence, Quiet
from pytest_unikernel.host.tuning import tuned
from pytest_unikernel.launch.generator import Begin, LoadGenerator, soon
from pytest_unikernel.launch.one_by_one import run_cold
from pytest_unikernel.plan.load_plan import ColdPlan, LaunchConditions, LoadPlan
from pytest_unikernel.plan.step_names import step_text
from pytest_unikernel.plan.target import Target
from pytest_unikernel.results.trial import Trial
from pytest_unikernel.results.verdict import Judged, pooled, verdict
from pytest_unikernel.run.interrupts import Interrupts
from pytest_unikernel.run.joining import Measured, finished
from pytest_unikernel.run.load import Load
from pytest_unikernel.run.part import Part, is_hopeless
from pytest_unikernel.run.session import Session

# Waking an idle CPU takes up to half a millisecond; at slow steps the loop is awake by then, for at most 3 %
# of a CPU, while instances are fast.
AHEAD_NS, AHEAD_FROM_STEP = 500_000, Fraction(1, 64)
QUIET_BOUND_S = {"quick": 3.0, "paper": 30.0}


class Loads:
    """Runs loads, or single trials of them, one at a time.

    ``begin`` is called when all is set up for a trial, and says when it begins.
    """

    def __init__(
        self,
        session: Session,
        quiescence: Quiescence,
        interrupts: Interrupts | None = None,
        place: str = "",
        begin: Begin = soon,
    ) -> None:
        self._session = session
        self._quiescence = quiescence
        self._interrupts = interrupts or Interrupts()
        self._place = place
        self._begin = begin

    def sweep(self, target: Target, plan: LoadPlan) -> Measured:
        """Run all trials of a load, one after the other."""
        return self.finished(target, plan, [self.trials(target, plan, range(plan.trials))])

    def cold(self, target: Target, plan: ColdPlan) -> Measured:
        """Launch one instance after the other, without contention."""
        return self.finished(target, plan, [self.cold_part(target, plan)])

    def cold_part(self, target: Target, plan: ColdPlan) -> Part:
        """Launch one instance after the other; return the launches as they were measured."""
        with self._running(target, plan, f"{target.full_name} cold") as load:
            cold = {"unmeasured": plan.unmeasured, **self._callbacks(load)}
            load.run(lambda: run_cold(load.supervisor, plan.launches, **cold))
        return load.part()

    def trial(self, target: Target, plan: LoadPlan, number: int, before: Sequence[Trial] = ()) -> Part:
        """Run one trial of a load; ``before`` are its trials so far."""
        return self.trials(target, plan, [number], before)

    def trials(
        self, target: Target, plan: LoadPlan, numbers: Sequence[int], before: Sequence[Trial] = ()
    ) -> Part:
        """Run some trials of a load, one after the other; an interrupt ends them early."""
        ahead_ns = AHEAD_NS if plan.step >= AHEAD_FROM_STEP else 0
        with self._running(target, plan, label_of(target, plan, numbers), ahead_ns) as load:
            for number in numbers:
                if number != numbers[0]:
                    load.quiets.append(self._quiet(target, plan, load.helpers))
                self._run_trial(load, _without_waiting(plan, [*before, *load.trials]), number)
                if load.cut_short:
                    break
        return load.part()

    def judged(self, parts: Sequence[Part]) -> Judged:
        """Return the verdict on the parts of a load so far.

        Trials that wait for the last round keep no lists sorted for it: copies do.
        """
        return pooled([verdict(replace(trial)) for part in parts for trial in part.trials])

    def finished(
        self,
        target: Target,
        plan: LoadPlan | ColdPlan,
        parts: Sequence[Part],
        *,
        interrupted: bool = False,
    ) -> Measured:
        """Join the parts of a load; see :func:`pytest_unikernel.run.joining.finished`."""
        return finished(target, plan, parts, self._session.token, interrupted=interrupted)

    def _run_trial(self, load: Load, plan: LoadPlan, number: int) -> None:
        seed = _seed(plan, number)
        generator = LoadGenerator(load.supervisor, plan, load.guard, **self._callbacks(load))
        load.run(lambda: generator.run(seed, self._begin))
        load.seeds.append(seed)
        load.warmup_ns = max(load.warmup_ns, generator.warmup_ns)

    def _callbacks(self, load: Load) -> dict[str, Any]:
        """Return the generator's callbacks: progress display and interrupt check."""
        return {"show": load.show, "interrupted": self._interrupts.asked}

    def _quiet(
        self, target: Target, conditions: LaunchConditions, helpers: Collection[int] = ()
    ) -> Quiet | None:
        """Wait for a quiet host; simulated instances need none."""
        if target.simulated:
            return None
        bound_s = QUIET_BOUND_S[conditions.profile]
        asked = self._interrupts.asked
        return self._quiescence.wait(conditions.quiet_host, bound_s, asked, helpers=helpers)

    @contextmanager
    def _running(
        self, target: Target, conditions: LaunchConditions, label: str, ahead_ns: int = 0
    ) -> Iterator[Load]:
        """Set everything up for a load and take it all down again, whatever happens in between."""
        session = self._session
        _make("--sweep-output", conditions.output)
        _make("--sweep-raw", conditions.raw)
        _refuse_daemons(target, conditions.quiet_host)
        load = Load(target, conditions, session, self._interrupts)
        with tuned(conditions.realtime, load.descriptors, conditions.cpus) as granted:
            load.quiets.append(self._quiet(target, conditions))
            session.begin(label, self._place)
            try:
                with load.opened(granted, ahead_ns):
                    yield load
            finally:
                session.end()


def label_of(target: Target, plan: LoadPlan, numbers: Sequence[int]) -> str:
    """Return the name of a load in the live line; of a single trial, with its number."""
    label = f"{target.full_name} {step_text(float(plan.step))}"
    return label if len(numbers) == plan.trials else f"{label} trial {numbers[0] + 1} of {plan.trials}"


def _without_waiting(plan: LoadPlan, before: Sequence[Trial]) -> LoadPlan:
    """Return the plan of the next trial: where nothing ever completed, no completion is waited for.

    Hosts that share a load never wait for one.
    """
    hopeless = plan.share is None and is_hopeless(before)
    return replace(plan, max_warmup_s=plan.warmup_s) if hopeless else plan


def _refuse_daemons(target: Target, quiet_host: str) -> None:
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
    return random.SystemRandom().getrandbits(32) if plan.seed is None else plan.seed + number


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
