"""Joins what hosts measured together: one result, with a row for each of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from pytest_unikernel.host.quiet import unrest_of
from pytest_unikernel.hosts.host import Host
from pytest_unikernel.hosts.rendezvous import HostPart
from pytest_unikernel.plan.load_plan import LoadPlan
from pytest_unikernel.plan.share import Share
from pytest_unikernel.plan.target import Target
from pytest_unikernel.results.digested import counts_of, times, with_digests
from pytest_unikernel.results.fleet import HostTrial, due_within, united, with_lost, worst
from pytest_unikernel.results.pooling import count_keys, make_result
from pytest_unikernel.results.result import SCHEMA_OF_HOSTS, LoadResult
from pytest_unikernel.results.summary import summarize_ordered
from pytest_unikernel.results.trial import Trial
from pytest_unikernel.results.verdict import Judged, Verdict, censored, is_doubtful, pooled, verdict
from pytest_unikernel.run.joining import Measured, around, raw_problems
from pytest_unikernel.run.part import Part
from pytest_unikernel.run.request import settings_json
from pytest_unikernel.text.verdict import reason_text


@dataclass(frozen=True)
class FleetPart(Part):
    """A trial that several hosts ran together: their launches as one trial, and what each measured.

    Attributes:
        judged: the worst verdict, of a host or of all launches together, and whose it is.
        of_hosts: what each host measured.
        lost: the hosts that were lost in this trial, with the shares that were theirs.
        lost_launches: the launches of each that were due in the window.
    """

    judged: tuple[str, Judged]
    of_hosts: Sequence[HostPart]
    lost: Sequence[tuple[Host, Share]]
    lost_launches: Sequence[int]


def fleet_part(plan: LoadPlan, of_hosts: Sequence[HostPart], lost: Sequence[tuple[Host, Share]]) -> FleetPart:
    """Return a trial that hosts ran together; at least one of them wasn't lost."""
    parts = [each.part for each in of_hosts]
    first, seed = parts[0], parts[0].seeds[0]
    shared = 1 if plan.spread == "split" else len(of_hosts) + len(lost)
    trial = united([each.trial for each in of_hosts], float(plan.step) * 1e9 / shared)
    # The launches of all are judged as one schedule where all of them came home.
    all_hosts = [] if any(each.trial.digest for each in of_hosts) else [("all hosts", verdict(trial))]
    judged = worst([*all_hosts, *((each.host.name, each.trial.judged()) for each in of_hosts)])
    dues = [due_within(trial, plan, seed, of_hosts[0].trial.origin_ns, share) for _, share in lost]
    return FleetPart(
        target=first.target,
        trials=(with_lost(trial, dues),),
        seeds=(seed,),
        warmup_ns=max(part.warmup_ns for part in parts),
        quiets=[quiet for part in parts for quiet in part.quiets],
        turns_ns=list(chain.from_iterable(part.turns_ns for part in parts)),
        cap=first.cap._replace(instances=sum(part.cap.instances for part in parts)),
        dropped=sum((part.dropped for part in parts), Counter[str]()),
        span=first.span,
        granted=first.granted,
        versions=first.versions,
        problems=[f"{each.host.name}: {text}" for each in of_hosts for text in each.part.problems],
        cut_short=bool(lost) or any(part.cut_short for part in parts),
        judged=judged,
        of_hosts=of_hosts,
        lost=lost,
        lost_launches=list(map(len, dues)),
    )


def finished(
    target: Target, plan: LoadPlan, parts: Sequence[FleetPart], token: str, *, interrupted: bool = False
) -> Measured:
    """Write the raw data of a load that hosts made, and return its result; at least one part."""
    trials = [trial for part in parts for trial in part.trials]
    final = pooled([part.judged[1] for part in parts])
    whose = next(name for name, judged in (part.judged for part in parts) if judged == final)
    reason = reason_text(final.reason)
    every = [each.part for part in parts for each in part.of_hosts]
    around_all = around(
        plan,
        every,
        trials,
        settings=settings_json(target, plan),
        verdict_reason=f"{whose}: {reason}" if reason else "",
        interrupted=interrupted or parts[-1].cut_short,
    )
    surroundings = replace(
        around_all,
        cores=_cores([each.host for each in parts[0].of_hosts]),
        seeds=[seed for part in parts for seed in part.seeds if seed is not None],
        quiescence=_at_once(around_all.quiescence, parts),
    )
    result = make_result(parts[-1].target, trials, [part.judged[1] for part in parts], surroundings)
    if any(each.trial.digest for part in parts for each in part.of_hosts):
        shares = [[each.trial for each in part.of_hosts] for part in parts]
        lost = [sum(part.lost_launches) for part in parts]
        result = with_digests(result, shares, lost, [trial.window_s for trial in trials])
    problems = [text for part in parts for text in part.problems]
    problems += [text for part in parts for text in _lost_texts(part)] + _raw(plan, parts, token)
    problems += _digest_texts(plan, parts)
    quiets = [quiet for part in every for quiet in part.quiets if quiet is not None]
    outputs = [text for trial in trials for text in trial.log.outputs.values()]
    doubtful = not result.interrupted and is_doubtful(final, _trials_of(whose, parts))
    return Measured(_of_hosts(result, plan, parts), outputs, problems, unrest_of(quiets), doubtful)


def _at_once(quiescence: Mapping[str, Any] | None, parts: Sequence[FleetPart]) -> dict[str, Any] | None:
    """Return the waits for quiet hosts with their durations as they were: hosts wait at the same time."""
    if quiescence is None:
        return None
    waited_s = [max((each.waited_s for each in part.quiets if each), default=0.0) for part in parts]
    return {**quiescence, "waited_s": sum(waited_s)}


def _trials_of(name: str, parts: Sequence[FleetPart]) -> list[Trial]:
    """Return the trials of the host with that name; those of all together if there is none."""
    own = [each.trial.trial for part in parts for each in part.of_hosts if each.host.name == name]
    return own or [trial for part in parts for trial in part.trials]


def _cores(hosts: Sequence[Host]) -> float:
    """Return how many CPUs instances could use; hosts that are one machine have the same ones."""
    boots = {host.facts.clock[0]: host.facts.cores for host in hosts}
    return sum(boots.values())


def _lost_texts(part: FleetPart) -> list[str]:
    return [f"{host.name} was lost: {host.lost}; its launches count as unfinished" for host, _ in part.lost]


def _digest_texts(plan: LoadPlan, parts: Sequence[FleetPart]) -> list[str]:
    """Return which raw tables have only some launches."""
    if plan.raw is None:
        return []
    found = {each.host.name: each.trial.digest for part in parts for each in part.of_hosts}
    return [
        f"--sweep-raw: of the {digest.launches:,} launches of {name}, one of {digest.every} came home"
        for name, digest in found.items()
        if digest is not None
    ]


def _raw(plan: LoadPlan, parts: Sequence[FleetPart], token: str) -> list[str]:
    """Write --sweep-raw files, a directory for each host; return the failures."""
    if plan.raw is None:
        return []
    problems = []
    for host in _hosts(parts):
        own = [each.part for part in parts for each in part.of_hosts if each.host is host]
        trials = [trial for part in own for trial in part.trials]
        directory = plan.raw / host.directory
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            problems.append(f"--sweep-raw: can't make {str(directory)!r}: {error.strerror}")
        else:
            problems += raw_problems(directory, plan.raw_format, own, trials, token) if own else []
    return problems


def _hosts(parts: Sequence[FleetPart]) -> list[Host]:
    """Return all hosts that had a share, those that were lost last."""
    had = [each.host for part in parts for each in part.of_hosts]
    return list(dict.fromkeys([*had, *(host for part in parts for host, _ in part.lost)]))


def _of_hosts(result: LoadResult, plan: LoadPlan, parts: Sequence[FleetPart]) -> LoadResult:
    hosts = _hosts(parts)
    times = len(hosts) if plan.spread == "each" else 1
    offered_hz = None if result.offered_rate_hz is None else result.offered_rate_hz * times
    is_whole_lot = result.interrupted and not any(part.lost for part in parts)
    rows = [_row(host, parts, is_whole_lot) for host in hosts]
    return replace(result, schema=SCHEMA_OF_HOSTS, offered_rate_hz=offered_hz, hosts=rows)


def _row(host: Host, parts: Sequence[FleetPart], interrupted: bool) -> dict[str, Any]:
    """Return the record's row of a host."""
    own = [each for part in parts for each in part.of_hosts if each.host is host]
    trials = [each.trial for each in own]
    furthest = max(trials, key=lambda each: abs(each.skew_ns), default=None)
    return {
        "name": host.name,
        "cpus": host.facts.cores,
        "versions": {**host.facts.versions, **(own[-1].part.versions if own else {})},
        "clock_error_s": max(each.clock.error_ns for each in own) / 1e9 if own else None,
        "window_skew_s": furthest.skew_ns / 1e9 if furthest else None,
        "skewed": any(each.is_skewed for each in trials),
        **_counts(host, parts, trials),
        **_times(trials),
        **_verdict(trials),
        "interrupted": interrupted or not own or any(each.part.cut_short for each in own),
        "lost": next((host.lost for part in parts for each, _ in part.lost if each is host), ""),
    }


def _counts(host: Host, parts: Sequence[FleetPart], trials: Sequence[HostTrial]) -> dict[str, Any]:
    digests = [each.figures for each in trials]
    window_s = sum(each.trial.window_s for each in trials)
    completed = sum(each.completed_in_window for each in digests)
    return {
        **count_keys(counts_of(digests, sum(_lost_launches(part, host) for part in parts))),
        "throughput_hz": completed / window_s if window_s > 0 else None,
    }


def _lost_launches(part: FleetPart, host: Host) -> int:
    """Return how many launches were due in the window and were lost with a host."""
    return sum(count for (each, _), count in zip(part.lost, part.lost_launches, strict=True) if each is host)


def _times(shares: Sequence[HostTrial]) -> dict[str, Any]:
    digests = [each.figures for each in shares]
    unknown = censored(counts_of(digests))
    if any(each.digest for each in shares):
        return times(digests, unknown)
    trials = [each.trial for each in shares]
    response = sorted(chain.from_iterable(trial.response_ns() for trial in trials))
    service = sorted(chain.from_iterable(trial.service_ns() for trial in trials))
    lateness = sorted(chain.from_iterable(trial.lateness_ns() for trial in trials))
    return {
        "response_time_s": summarize_ordered(response, unknown),
        "service_time_s": summarize_ordered(service, unknown),
        "lateness_s": summarize_ordered(lateness),
    }


def _verdict(trials: Sequence[HostTrial]) -> dict[str, Verdict | str | None]:
    if not trials:
        return {"verdict": None, "verdict_reason": ""}
    final = pooled([each.judged() for each in trials])
    return {"verdict": final.verdict, "verdict_reason": reason_text(final.reason)}
