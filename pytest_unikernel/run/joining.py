"""Joins the parts of a load: one result, raw data, and the problems beside it."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pytest_unikernel.host import facts
from pytest_unikernel.host.quiet import Excess, Quiet, unrest_of
from pytest_unikernel.launch.guards import UNLIMITED
from pytest_unikernel.plan.load_plan import ColdPlan, LoadPlan
from pytest_unikernel.plan.target import Target
from pytest_unikernel.results.pooling import make_result
from pytest_unikernel.results.result import LoadResult, Surroundings
from pytest_unikernel.results.trial import Trial
from pytest_unikernel.results.verdict import is_doubtful, pooled, verdict, with_steal
from pytest_unikernel.run import meter
from pytest_unikernel.run.part import Part
from pytest_unikernel.run.request import settings_json
from pytest_unikernel.text.bounds import bound_text
from pytest_unikernel.text.unrest import excess_text
from pytest_unikernel.text.verdict import reason_text


@dataclass(frozen=True)
class Measured:
    """A load that was measured, or that an earlier run has measured.

    Attributes:
        result: the load's result.
        outputs: the output of its instances, where it is kept.
        problems: failures beside the measurement, in words.
        unrest: what was not quiet before its trials; the record has it in words only.
        doubtful: one or two late launches of few may have decided the verdict.
        trials: its launches, trial by trial; empty for a load that was read back, or found by a search.
    """

    result: LoadResult
    outputs: Sequence[str] = ()
    problems: Sequence[str] = ()
    unrest: Sequence[Excess] = ()
    doubtful: bool = False
    trials: Sequence[Trial] = ()

    def repeated(self, second: Measured) -> Measured:
        """Return a repetition of this load, with this one on record beside it."""
        return Measured(
            replace(second.result, first_attempt=self.result.as_json()),
            [*self.outputs, *second.outputs],
            [*self.problems, *second.problems],
            [*self.unrest, *second.unrest],
            trials=second.trials,
        )


def finished(
    target: Target,
    plan: LoadPlan | ColdPlan,
    parts: Sequence[Part],
    token: str,
    *,
    interrupted: bool = False,
) -> Measured:
    """Write the raw data of a load whose trials are all run, and return its result.

    Args:
        target: the target as the test named it.
        plan: the load.
        parts: its trials, in their order; at least one part.
        token: the session's token.
        interrupted: the end of the run left trials out.
    """
    trials = [trial for part in parts for trial in part.trials]
    problems = [problem for part in parts for problem in part.problems]
    problems += raw_problems(plan.raw, plan.raw_format, parts, trials, token)
    judged = [verdict(trial) for trial in trials]
    final = with_steal(pooled(judged), trials, meter.steal([part.span for part in parts]))
    surroundings = around(
        plan,
        parts,
        trials,
        settings=settings_json(target, plan),
        verdict_reason=reason_text(final.reason),
        interrupted=interrupted or parts[-1].cut_short,
    )
    result = make_result(parts[-1].target, trials, judged, surroundings)
    outputs = [text for trial in trials for text in trial.log.outputs.values()]
    doubtful = not result.interrupted and is_doubtful(final, trials)
    return Measured(result, outputs, problems, unrest_of(_known_quiets(parts)), doubtful, trials)


def raw_problems(
    directory: Path | None, kind: str | None, parts: Sequence[Part], trials: Sequence[Trial], token: str
) -> list[str]:
    """Write --sweep-raw files after the load, when I/O can no longer disturb it; return the failures."""
    if directory is None:
        return []
    from pytest_unikernel.run.raw import write_raw  # noqa: PLC0415 - where raw data is asked for

    own_kib = meter.own_rss_kib([part.span for part in parts])
    try:
        write_raw(directory, parts[-1].target, trials, token, own_kib, kind=kind)
    except OSError as error:  # the load itself is measured: it must not be lost
        return [f"--sweep-raw: can't write into {str(directory)!r}: {error.strerror}"]
    return []


def around(
    plan: LoadPlan | ColdPlan, parts: Sequence[Part], trials: Sequence[Trial], **about: Any
) -> Surroundings:
    """Return the facts about a load besides its launches; ``about`` gives those that parts lack."""
    spans, last = [part.span for part in parts], parts[-1]
    return Surroundings(
        **about,
        **_schedule(plan, parts),
        cores=facts.usable_cores(plan.cpus),
        timeout_s=plan.time_limit_s(last.target),
        versions=last.versions,
        generator={
            **meter.generator_json(spans, [trial.log for trial in trials], _turns_ns(parts)),
            "realtime": last.granted.realtime,
            "realtime_refused": last.granted.realtime_refused,
        },
        host={
            **meter.host_json(spans),
            "busy_before_percent": _busy_percent(parts),
            "container_daemons_needed": sorted(last.target.daemons),
        },
        guards=_guards(parts),
        own_rss_kib=meter.own_rss_kib(spans),
        quiescence=_quiescence(_known_quiets(parts)),
    )


def _schedule(plan: LoadPlan | ColdPlan, parts: Sequence[Part]) -> dict[str, Any]:
    if isinstance(plan, ColdPlan):
        return {"mode": "cold", "time_step_s": None, "arrivals": None, "seeds": (), "warmup_s": 0.0}
    return {
        "mode": "sweep",
        "time_step_s": float(plan.step),
        "arrivals": plan.arrivals,
        "seeds": [seed for part in parts for seed in part.seeds if seed is not None],
        "warmup_s": max(part.warmup_ns for part in parts) / 1e9,
    }


def _turns_ns(parts: Sequence[Part]) -> array[int]:
    turns_ns = array("Q")
    for part in parts:
        turns_ns.extend(iter(part.turns_ns))  # whatever their width
    return turns_ns


def _busy_percent(parts: Sequence[Part]) -> float | None:
    """Return how busy the host was before a load; None where nobody looked."""
    first = next((quiet for part in parts for quiet in part.quiets), None)
    return None if first is None else first.busy_percent


def _known_quiets(parts: Sequence[Part]) -> list[Quiet]:
    """Return the waits before the trials, without those where nobody waited."""
    return [quiet for part in parts for quiet in part.quiets if quiet is not None]


def _quiescence(quiets: Sequence[Quiet]) -> dict[str, Any] | None:
    """Return how the waits before a load's trials went; None if nobody waited."""
    if not quiets:
        return None
    return {
        "waits": len(quiets),
        "waited_s": sum(quiet.waited_s for quiet in quiets),
        "bound_s": quiets[0].bound_s,
        "bound_hit": sum(quiet.bound_hit for quiet in quiets),
        "reasons": [excess_text(excess) for excess in unrest_of(quiets)],
    }


def _guards(parts: Sequence[Part]) -> dict[str, Any]:
    cap = parts[-1].cap
    dropped = sum((part.dropped for part in parts), Counter[str]())
    return {
        "max_in_flight": cap.instances if cap.instances < UNLIMITED else None,
        "max_in_flight_from": bound_text(cap),
        "dropped": dict(dropped),
    }
