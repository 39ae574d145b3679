"""The loads of a search for the knee, as one test's load: each on record, each resumable."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from fractions import Fraction
from functools import partial

from pytest_unikernel.host import facts
from pytest_unikernel.plan.objectives import Objective
from pytest_unikernel.plan.step_names import step_id
from pytest_unikernel.results.objectives import holds, judged
from pytest_unikernel.results.result import LoadResult
from pytest_unikernel.results.saved_result import from_json
from pytest_unikernel.run.bisection import (
    BACKLOG_SHARE,
    LAUNCHES,
    Interval,
    Search,
    interval_json,
    interval_of,
    is_ok,
    knee_json,
    launches_within,
)
from pytest_unikernel.run.interrupts import Interrupts
from pytest_unikernel.run.joining import Measured
from pytest_unikernel.run.request import Request
from pytest_unikernel.run.run import Run


class KneeSearch:
    """The search of one series whose steps have been run."""

    def __init__(self, run: Run, request: Request, interrupts: Interrupts) -> None:
        self._run = run
        self._request = request
        self._interrupts = interrupts
        self._results = dict(run.series(request.series).results)
        self._outputs: list[str] = []
        self._problems: list[str] = []

    def measured(self) -> Measured:
        """Search, and return the fastest load that was ok, with its ``knee``."""
        result = self._finished()
        if result is None:
            search = Search(self._results, self._load)
            search.narrowed(is_ok)
            slo = {
                each: search.narrowed(partial(holds, objective=each)) for each in self._request.settings.slo
            }
            result = self._result(search, slo)
            self._run.enter(self._request, result)
        return Measured(result, self._outputs, self._problems)

    def _result(self, search: Search, slo: Mapping[Objective, Interval]) -> LoadResult:
        knee = search.interval(is_ok)  # the loads for an objective may have narrowed it
        if knee.lower is None:  # why_no_knee() has been asked
            raise AssertionError(self._request.fullname)
        cores = facts.usable_cores(self._request.settings.cpus)
        record = knee_json(knee, search.loads, cores, interrupted=search.interrupted)
        record["between_hz"] = self._between_hz()
        judged_ = {
            objective.statistic: {**each, "interval": interval_json(interval)}
            for (objective, interval), each in zip(slo.items(), judged(knee.lower, slo).values(), strict=True)
        }
        result = dataclasses.replace(
            knee.lower, knee=record, slo=judged_ or None, interrupted=search.interrupted
        )
        return self._run.with_knees(self._request, result)

    def _between_hz(self) -> list[float | None]:
        """Return the two rates that the search began with."""
        begun = interval_of(self._results, is_ok)
        return [begun.lower_hz, begun.upper_hz]

    def _limits_s(self) -> dict[str, float]:
        return {each.statistic: each.limit_s for each in self._request.settings.slo}

    def _load(self, step: Fraction) -> LoadResult:
        measured = self._run.measure(self._request_of(step), step, self._interrupts)
        self._outputs += measured.outputs
        self._problems += measured.problems
        return measured.result

    def _request_of(self, step: Fraction) -> Request:
        """Return the request of one load: a name of its own, a window that holds enough launches."""
        settings = self._request.settings
        wanted = max([LAUNCHES, *(each.launches_wanted for each in settings.slo)])
        launches = max(settings.min_launches, launches_within(wanted, settings.max_warmup_s, step))
        return dataclasses.replace(
            self._request,
            fullname=f"{self._request.fullname}@{step_id(step)}",
            settings=dataclasses.replace(settings, min_launches=launches),
            backlog_share=BACKLOG_SHARE,
        )

    def _finished(self) -> LoadResult | None:
        """Return the result of a saved run, if it is of the very same search."""
        step_s = self._run.time_step_of_finished(self._request.fullname)
        if step_s is None:
            return None
        step = next((each for each in self._results if float(each) == step_s), Fraction(step_s))
        requests = (self._request, self._request_of(step))
        known = (
            self._run.finished(dataclasses.replace(each, fullname=self._request.fullname), step)
            for each in requests
        )
        result = next(filter(None, known), None)
        if result is None or result.knee is None or result.knee.get("between_hz") != self._between_hz():
            return None
        if {name: each["limit_s"] for name, each in (result.slo or {}).items()} != self._limits_s():
            return None
        for load in result.knee["loads"]:
            step = Fraction(load["time_step_s"])
            self._run.enter(self._request_of(step), from_json(load), resumed=True)
        self._run.enter(self._request, result, resumed=True)
        return result
