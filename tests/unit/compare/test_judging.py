"""Judgements on two runs: better, worse, no evidence, not comparable, with their reasons."""

from __future__ import annotations

import math
from typing import Any

import pytest
from comparedruns import SERIES, Record, mixed, name, record, row, run, steady
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_unikernel.compare.judging import compare
from pytest_unikernel.compare.limits import could_test, regressions
from pytest_unikernel.compare.sides import sides
from pytest_unikernel.plan.step_names import series_of
from pytest_unikernel.plan.tolerances import parse
from pytest_unikernel.results.comparable import Condition, Difference
from pytest_unikernel.results.comparison import Change, Comparison
from pytest_unikernel.results.evidence import Cause, Why
from pytest_unikernel.text.comparison import regression_text

STEPS = (1.0, 0.5, 0.25)


def compared(old: dict[str, Record], new: dict[str, Record]) -> Comparison:
    return compare(sides([old]), sides([new]))


def change_of(comparison: Comparison, metric: str, where: str = name(1.0)) -> Change:
    return next(each for test, each in comparison.judged() if (test, each.metric) == (where, metric))


def judged(old: Record, new: Record, metric: str) -> Change:
    return change_of(compared(run(old), run(new)), metric)


def cause_of(change: Change) -> Cause | None:
    return None if change.why is None else change.why.cause


def is_about_missing(change: Change) -> bool:
    """Return whether only one of the runs has the step."""
    why = change.why
    return why is not None and (why.cause is Cause.MISSING_BEFORE or "missing" in why.verdicts)


def failing(comparison: Comparison, limits: str = "p50:20%,knee:20%,throughput:20%") -> list[str]:
    return [f"{each.name} {each.change.metric}" for each in regressions(comparison, parse(limits))]


# figures ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("factor", "verdict"), [(1.3, "worse"), (1 / 1.3, "better"), (1.01, "no evidence")])
def test_latency_is_compared_in_both_directions(factor: float, verdict: str) -> None:
    found = judged(steady(1.0), steady(1.0, 0.02 * factor), "p50")
    assert found.judgement == verdict
    assert found.change == pytest.approx(factor - 1, abs=0.005)
    assert found.change is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.change <= found.high


@pytest.mark.parametrize(("rate_hz", "verdict"), [(7.0, "worse"), (13.0, "better")])
def test_less_throughput_is_worse_and_more_is_better(rate_hz: float, verdict: str) -> None:
    was, now = record(1.0, [row(0.02)] * 5), record(1.0, [row(0.02, rate_hz=rate_hz)] * 5)
    assert judged(was, now, "throughput").judgement == verdict


def test_a_failure_rate_is_compared_in_points() -> None:
    now = record(1.0, [row(0.02, failure_rate=0.03)] * 5, completed=2425)
    found = judged(steady(1.0), now, "failure_rate")
    assert found.judgement == "worse"
    assert found.change == pytest.approx(0.03)


def test_a_throughput_that_fell_to_nothing_is_worse() -> None:
    found = judged(record(1.0, [row(0.02)] * 5), record(1.0, [row(0.02, rate_hz=0.0)] * 5), "throughput")
    assert found.judgement == "worse"
    assert found.change == pytest.approx(-1, abs=0.01)


def test_what_the_trials_of_a_run_differ_by_anyway_is_noise() -> None:
    noisy = [[0.020, 0.026, 0.021, 0.030, 0.024], [0.022, 0.029, 0.023, 0.032, 0.026]]
    was, now = (record(1.0, [row(p50_s) for p50_s in side]) for side in noisy)
    found = judged(was, now, "p50")
    assert (found.judgement, found.why) == ("no evidence", Why(Cause.NOISE))
    assert found.noise is not None
    assert found.noise > 0.1


def test_a_certain_but_small_change_is_noise() -> None:
    found = judged(steady(1.0), steady(1.0, 0.0208), "p50")
    assert found.p is not None
    assert found.p < 0.05
    assert found.judgement == "no evidence"


@pytest.mark.parametrize("trials", [1, 4])
@pytest.mark.parametrize("fewer", ["old", "new"])
def test_with_fewer_than_five_trials_on_a_side_there_is_no_evidence(trials: int, fewer: str) -> None:
    counts = {"old": 5, "new": 5, fewer: trials}
    found = judged(steady(1.0, trials=counts["old"]), steady(1.0, 9.0, trials=counts["new"]), "p50")
    assert (found.judgement, found.why, found.low) == (
        "no evidence",
        Why(Cause.FEW_TRIALS, (trials, 5)),
        None,
    )
    assert found.change == pytest.approx(449)  # shown, but not judged


@pytest.mark.parametrize(
    ("changed", "difference"),
    [
        ({"window_s": 60.0}, Difference(Condition.WINDOW, 60.0, 4.0)),
        (
            {"settings": {"warmup_s": 9.0, "max_warmup_s": 60.0}},
            Difference(Condition.WARMUP, 9.0, 1.0),
        ),
        ({"ready": "port 80"}, Difference(Condition.READY, "port 80", "exit")),
        ({"variant": {"kvm": True}}, Difference(Condition.VARIANT, (("kvm", "True"),), ())),
    ],
)
def test_what_was_measured_otherwise_is_not_comparable_and_no_regression(
    changed: Record, difference: Difference
) -> None:
    comparison = compared(run(steady(1.0)), run(steady(1.0, 9.0, **changed)))
    why = Why(Cause.CONDITIONS, differences=(difference,))
    assert {(each.judgement, each.why) for _, each in comparison.judged()} == {("not comparable", why)}
    assert failing(comparison) == []


def test_results_that_are_means_only_are_not_comparable_in_their_quantiles() -> None:
    imported = steady(1.0)
    imported["response_time_s"] |= {"p50": None, "p90": None, "p99": None}
    assert judged(imported, steady(1.0), "p50").why == Why(Cause.MEANS_ONLY)
    assert judged(imported, steady(1.0), "p50").judgement == "not comparable"


def test_an_imported_run_has_no_verdicts_to_compare() -> None:
    imported = steady(1.0, verdict=None, source={"format": "x", "note": "means only"})
    imported["response_time_s"] = dict.fromkeys(imported["response_time_s"])
    imported["per_trial"] = [{"throughput_hz": 1.0, "p50": None}]
    comparison = compared(run(imported), run(steady(1.0)))
    found = {each.metric: (each.judgement, each.why) for _, each in comparison.judged()}
    assert found["p50"] == ("not comparable", Why(Cause.MEANS_ONLY))
    assert found["verdict"] == found["knee"] == ("not comparable", Why(Cause.NO_VERDICT))
    assert found["throughput"] == ("no evidence", Why(Cause.FEW_TRIALS, (1, 5)))
    assert failing(comparison) == []


def test_records_of_the_first_schema_lack_figures_and_are_compared_in_the_others() -> None:
    old = steady(1.0)
    for each in old["per_trial"]:
        for key in ("p90", "scheduled", "completed", "censored", "failure_rate"):
            del each[key]
    comparison = compared(run(old), run(steady(1.0, 0.03)))
    assert change_of(comparison, "p50").judgement == "worse"
    assert change_of(comparison, "p90").why == Why(Cause.NOT_RECORDED)


def test_a_quantile_of_too_few_launches_is_not_tested() -> None:
    few = [row(0.02, completed=30, scheduled=30)] * 5
    found = judged(record(1.0, few), record(1.0, few), "p99")
    assert (found.judgement, found.why) == ("no evidence", Why(Cause.FEW_LAUNCHES))


def test_a_quantile_beyond_the_time_out_is_not_tested() -> None:
    rows = [row(None, censored=400, completed=100)] * 5
    found = judged(steady(1.0), record(1.0, rows, "saturated"), "p50")
    assert (found.judgement, found.why) == ("no evidence", Why(Cause.BEYOND_TIMEOUT))


def test_response_times_of_an_overload_grow_with_it_and_its_throughput_tells() -> None:
    was, now = ([row(p50_s, "saturated", rate_hz)] * 5 for p50_s, rate_hz in ((2.0, 50.0), (3.0, 40.0)))
    both = record(1.0, was, "saturated"), record(1.0, now, "saturated")
    found = judged(*both, "p50")
    assert (found.judgement, found.why) == ("no evidence", Why(Cause.SATURATED))
    assert found.change == pytest.approx(0.5)
    assert judged(*both, "throughput").judgement == "worse"
    assert judged(steady(1.0, 0.02), both[1], "p50").judgement == "worse"


def test_response_times_are_compared_where_it_was_launches_lost_that_saturated_a_step() -> None:
    """One launch in fifty hangs, or launches beyond a limit are dropped; this does not slow the others."""
    was, now = ([row(p50_s, "saturated", censored=10, completed=490)] * 5 for p50_s in (0.02, 0.04))
    both = record(1.0, was, "saturated"), record(1.0, now, "saturated")
    for each in both:
        each["response_time_s"]["censored"] = 50
    assert judged(*both, "p50").judgement == "worse"


def host(busy_percent: float) -> Record:
    own = {"instance": {"user_s": 0.01, "system_s": 0.01}, "generator": {"cpu_s_per_launch": 0.0}}
    return {"host": {"cpu_percent": busy_percent, "cpu_count": 2}, **own}


@pytest.mark.parametrize(("was", "now"), [(11.0, 30.0), (30.0, 11.0), (60.0, 61.0)])
def test_other_work_on_the_host_leaves_nothing_to_tell(was: float, now: float) -> None:
    """One launch per second takes 1 % of two CPUs, which does not count as other work."""
    found = judged(steady(1.0, **host(was)), steady(1.0, 9.0, **host(now)), "p50")
    assert found.judgement == "no evidence"
    assert found.why is not None
    assert found.why.cause is Cause.OTHER_WORK
    assert found.why.figures == pytest.approx((now - 1, was - 1))


@pytest.mark.parametrize(("was", "now"), [(11.0, 30.0), (30.0, 11.0), (60.0, 61.0)])
def test_the_veto_of_other_work_can_be_lifted_knowingly(was: float, now: float) -> None:
    old, new = run(steady(1.0, **host(was))), run(steady(1.0, 9.0, **host(now)))
    before, after = sides([old]), sides([new])
    limits = parse("p50:20%,knee:20%")
    assert not could_test(compare(before, after), limits)
    lifted = compare(before, after, despite_busy=True)
    assert could_test(lifted, limits)
    assert change_of(lifted, "p50").judgement == "worse"
    assert lifted.series[0].steps[0].busy == pytest.approx((now - 1, was - 1))
    assert compare(before, before, despite_busy=True).series[0].steps[0].busy is None or was > 25


def test_only_figures_that_have_a_limit_count_as_tested() -> None:
    comparison = compared(run(steady(1.0)), run(steady(1.0)))
    assert could_test(comparison, parse("p50:20%"))
    assert could_test(comparison, parse("failure_rate:1%,p50:20%"))
    mute = run(record(1.0, [row(None)] * 5))
    half = compared(mute, mute)
    assert could_test(half, parse("throughput:20%"))
    assert not could_test(half, parse("p50:20%"))


@pytest.mark.parametrize("trials", [1, 5])
def test_a_step_that_was_skipped_because_of_other_work_is_no_regression(trials: int) -> None:
    old = run(*(steady(each, trials=trials, **host(5.0)) for each in STEPS))
    ended = mixed(0.5, ["saturated"] * trials, "saturated") | host(95.0)
    comparison = compared(old, run(steady(1.0, trials=trials, **host(5.0)), ended))
    assert cause_of(change_of(comparison, "verdict", name(0.25))) is Cause.OTHER_WORK
    assert failing(comparison) == []


def test_runs_that_were_made_in_turn_are_compared_on_a_busy_host_too() -> None:
    old, new = ([run(steady(1.0, p50_s, trials=3, **host(60.0)))] * 2 for p50_s in (0.02, 0.03))
    found = change_of(compare(sides(old), sides(new)), "p50")
    assert found.judgement == "worse"


def test_a_daemon_that_works_for_the_target_is_not_taken_for_other_work() -> None:
    busy = host(90.0)
    busy["host"]["container_daemons_needed"] = ["dockerd"]
    assert judged(steady(1.0, **busy), steady(1.0, 0.03, **busy), "p50").judgement == "worse"


# steps and the knee -------------------------------------------------------------------------------


def test_a_step_that_is_ok_no_more_is_a_regression() -> None:
    comparison = compared(
        run(*map(steady, STEPS)), run(steady(1.0), mixed(0.5, ["saturated"] * 5, "saturated"))
    )
    statuses = {each.fullname: each.status for each in comparison.series[0].steps}
    assert statuses[name(0.5)].why == Why(Cause.VERDICT_CHANGED, verdicts=("ok", "saturated"))
    assert statuses[name(0.25)].why == Why(Cause.VERDICT_CHANGED, verdicts=("ok", "skipped"))
    assert {each.judgement for each in statuses.values()} == {"no evidence", "worse"}
    assert {f"{name(0.5)} verdict", f"{name(0.25)} verdict", f"{SERIES} knee"} <= set(failing(comparison))


def test_a_step_that_is_ok_again_is_better() -> None:
    comparison = compared(
        run(steady(1.0), mixed(0.5, ["saturated"] * 5, "saturated")), run(*map(steady, STEPS))
    )
    assert change_of(comparison, "verdict", name(0.5)).judgement == "better"
    assert change_of(comparison, "knee", SERIES).judgement == "better"
    assert failing(comparison) == []


def test_a_step_at_the_edge_that_fell_to_the_other_side_is_no_evidence() -> None:
    was = mixed(0.5, ["ok", "ok", "ok", "saturated", "saturated"], "ok")
    now = mixed(0.5, ["ok", "ok", "saturated", "saturated", "saturated"], "saturated")
    comparison = compared(run(steady(1.0), was), run(steady(1.0), now))
    assert change_of(comparison, "verdict", name(0.5)).judgement == "no evidence"
    assert change_of(comparison, "knee", SERIES).judgement == "no evidence"
    assert failing(comparison) == []


def test_with_one_trial_a_step_that_is_ok_no_more_is_a_regression_all_the_same() -> None:
    was, now = steady(1.0, trials=1), mixed(1.0, ["saturated"], "saturated")
    comparison = compared(run(was), run(now))
    assert failing(comparison) == [f"{name(1.0)} verdict"]
    assert change_of(comparison, "knee", SERIES).why == Why(Cause.FEW_TRIALS, (1, 5))
    assert not could_test(comparison, parse("p50:20%,knee:20%,throughput:20%"))


@pytest.mark.parametrize("trials", [1, 5])
def test_a_generator_that_could_not_keep_up_says_nothing_of_the_target(trials: int) -> None:
    bound = mixed(0.5, ["generator-bound"] * trials, "generator-bound")
    comparison = compared(
        run(*(steady(each, trials=trials) for each in STEPS)), run(steady(1.0, trials=trials), bound)
    )
    assert change_of(comparison, "verdict", name(0.25)).why == Why(
        Cause.VERDICT, verdicts=("generator-bound",)
    )
    assert failing(comparison) == []


def test_a_step_that_is_missing_is_a_regression() -> None:
    comparison = compared(run(*map(steady, STEPS)), run(steady(1.0), steady(0.25)))
    assert failing(comparison) == [f"{name(0.5)} verdict"]
    assert change_of(comparison, "verdict", name(0.5)).why == Why(
        Cause.VERDICT_CHANGED, verdicts=("ok", "missing")
    )


def test_a_step_that_only_the_later_run_has_is_no_evidence() -> None:
    comparison = compared(run(steady(1.0)), run(*map(steady, STEPS)))
    assert {each.judgement for _, each in comparison.judged()} == {"no evidence"}
    knee = change_of(comparison, "knee", SERIES)
    assert (knee.change, knee.why) == (0.0, Why(Cause.NOISE))  # the earlier run stopped at this rate


def test_a_step_that_was_cut_short_is_no_regression() -> None:
    new = run(steady(1.0), steady(0.5, interrupted=True))
    comparison = compare(sides([run(*map(steady, STEPS[:2]))]), sides([new]), {name(0.5): "interrupted"})
    assert failing(comparison) == []
    assert change_of(comparison, "verdict", name(0.5)).why == Why(Cause.VERDICT, verdicts=("interrupted",))


def test_a_test_that_one_run_lacks_is_named_and_no_regression() -> None:
    other = run(steady(1.0), series="x.py::test_other")
    comparison = compared(run(steady(1.0)) | other, run(steady(1.0)))
    assert (comparison.only_old, comparison.only_new) == (["x.py::test_other"], [])
    assert failing(comparison) == []


def test_cold_starts_have_no_knee_and_no_throughput() -> None:
    comparison = compared(run(steady(None)), run(steady(None, 0.03)))
    [series] = comparison.series
    assert (series.name, series.knee) == (SERIES, None)
    assert change_of(comparison, "p50", SERIES).judgement == "worse"
    assert "throughput" not in {each.metric for _, each in comparison.judged()}


def searched(*loads: Record, rate_hz: float) -> dict[str, Record]:
    found = {**loads[0], "knee": {"rate_hz": rate_hz, "loads": list(loads)}}
    return {f"{SERIES}[knee]": found}


def test_a_search_for_the_knee_narrows_the_knee_that_is_compared() -> None:
    steps = run(steady(1.0), mixed(0.5, ["saturated"] * 5, "saturated"))
    old = steps | searched(steady(0.7), mixed(0.65, ["saturated"] * 5, "saturated"), rate_hz=1.48)
    new = steps | searched(steady(0.9), mixed(0.85, ["saturated"] * 5, "saturated"), rate_hz=1.14)
    comparison = compared(old, new)
    knee = change_of(comparison, "knee", SERIES)
    assert (knee.judgement, knee.was, knee.now) == ("worse", 1.48, 1.14)
    assert knee.change == pytest.approx(0.7 / 0.9 - 1)
    assert [step.fullname for step in comparison.series[0].steps] == [name(1.0), name(0.5)]


# limits -------------------------------------------------------------------------------------------


def test_only_what_is_worse_by_more_than_its_limit_fails() -> None:
    comparison = compared(run(steady(1.0)), run(steady(1.0, 0.026)))
    assert failing(comparison, "p50:20%,p90:40%") == [f"{name(1.0)} p50"]
    assert failing(comparison, "throughput:1") == []


def test_a_regression_says_what_it_is_by_how_much_and_what_was_allowed() -> None:
    [found] = regressions(compared(run(steady(1.0)), run(steady(1.0, 0.026))), parse("p50:20%"))
    assert regression_text(found) == "p50 +30.0% (limit p50:20%)"


@pytest.mark.parametrize("text", ["p50:20%,knee:5", " p50 : 20 % , knee:5%"])
def test_limits_are_read(text: str) -> None:
    assert [str(limit) for limit in parse(text)] == ["p50:20%", "knee:5%"]


@pytest.mark.parametrize(
    "text", ["", "p50", "p50:", "p50:-1%", "mean:20%", "p50:20%,p50:30%", "p50:20%,", "p50:nan"]
)
def test_limits_that_are_none_are_refused_with_the_rule(text: str) -> None:
    with pytest.raises(ValueError, match=r"compare_fail must .*, got "):
        parse(text)


# always -------------------------------------------------------------------------------------------

TIMES = st.floats(1e-6, 1e3)  # up to 6 + 6 trials, for which all relabelings are used
TRIALS = st.lists(
    st.tuples(
        TIMES,
        st.sampled_from(["ok", "saturated", "failing", "generator-bound"]),
        st.sampled_from([0.001, 0.0011, 0.002, None]) | TIMES,
    ),
    min_size=1,
    max_size=6,
)


def any_record(step_s: float, trials: list[tuple[float, str, float | None]]) -> Record:
    rows = [row(p50_s, verdict, spawn_s=spawn_s) for p50_s, verdict, spawn_s in trials]
    return record(step_s, rows, trials[0][1])


@given(old=st.lists(TRIALS, min_size=1, max_size=3), new=st.lists(TRIALS, min_size=1, max_size=3))
@settings(deadline=None, max_examples=30)
def test_whatever_the_runs_hold_a_comparison_the_other_way_round_says_the_opposite(
    old: Any, new: Any
) -> None:
    runs = [run(*map(any_record, STEPS, trials)) for trials in (old, new)]
    there, back = compared(*runs), compared(*reversed(runs))
    opposite = {"better": "worse", "worse": "better"}
    for (test, one), (again, other) in zip(there.judged(), back.judged(), strict=True):
        assert (test, one.metric) == (again, other.metric)
        if not (is_about_missing(one) or is_about_missing(other)):
            assert other.judgement == opposite.get(one.judgement, one.judgement)
        assert one.p is None or other.p is None or math.isclose(one.p, other.p)


@given(trials=st.lists(TRIALS, min_size=1, max_size=3))
@settings(deadline=None, max_examples=30)
def test_a_run_compared_with_itself_has_changed_in_nothing(trials: Any) -> None:
    same = run(*map(any_record, STEPS, trials))
    assert not {each.judgement for _, each in compared(same, same).judged()} & {"better", "worse"}


@pytest.mark.parametrize(
    ("fullname", "step_s", "series"),
    [
        ("a.py::test[0.25s]", 0.25, "a.py::test"),
        ("a.py::test[mini-0.25s]", 0.25, "a.py::test[mini]"),
        ("a.py::test[0.0009765625s]", 1 / 1024, "a.py::test"),
        ("a.py::test[x-y]", 0.25, "a.py::test[x-y]"),
        ("a.py::test_cold", None, "a.py::test_cold"),
    ],
)
def test_a_series_is_the_name_without_the_time_step(fullname: str, step_s: float | None, series: str) -> None:
    assert series_of(fullname, step_s) == series
