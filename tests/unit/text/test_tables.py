# ruff: noqa: RUF001 - tables show the dash for unknown values
from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_unikernel.host.quiet import Excess, Unrest
from pytest_unikernel.plan.outcome import FAILURES
from pytest_unikernel.plan.statistics import QUANTILES
from pytest_unikernel.results.result import LoadResult
from pytest_unikernel.results.skips import SkipCause, SkippedStep, WhySkipped
from pytest_unikernel.results.summary import enough
from pytest_unikernel.results.verdict import VERDICTS
from pytest_unikernel.text import compare_table, run_summary, table_cells, tables
from pytest_unikernel.text.grid import WIDTH, encodable, printable
from pytest_unikernel.text.row import Row
from pytest_unikernel.text.skips import knee_and_not_run
from pytest_unikernel.text.step_notes import step_notes

SERIES = "benchmarks/test_sweeps.py::test_rust_kernel"
Record = dict[str, Any]


def summary(n: int, p50_s: float, censored: int = 0) -> Record:
    known = {
        name: p50_s * (1 + q - 0.5)
        if enough(n + censored, q) and (1 - q) * (n + censored) >= censored
        else None
        for name, q in QUANTILES.items()
    }
    moments = {"min": p50_s * 0.9, "mean": p50_s * 1.01, "max": p50_s * 1.7, "stddev": p50_s / 20}
    return {"n": n, "censored": censored, **(moments if n else dict.fromkeys(moments)), **known}


def sweep(
    step_s: float, verdict: str = "ok", reason: str = "", p50_s: float = 0.0362, **changed: Any
) -> Record:
    launches = max(10, int(4 / step_s))
    rate_hz = 1 / step_s
    return {
        "target": "rust_kernel",
        "variant": {},
        "ready": "exit",
        "mode": "sweep",
        "arrivals": "fixed",
        "versions": {"QEMU": "7.2.22"},
        "time_step_s": step_s,
        "offered_rate_hz": rate_hz,
        "achieved_rate_hz": rate_hz,
        "throughput_hz": rate_hz,
        "throughput_per_core_hz": rate_hz / 2,
        "warmup_s": 1.0,
        "window_s": launches * step_s,
        "trials": 1,
        "per_trial": [{"throughput_hz": rate_hz, "verdict": verdict}],
        "scheduled": launches,
        "dropped": 0,
        "unfinished": 0,
        "failed": {},
        "failures": [],
        "verdict": verdict,
        "verdict_reason": reason,
        "interrupted": False,
        "timeout_s": 60.0,
        "response_time_s": summary(launches, p50_s),
        "lateness_s": summary(launches, 0.0001),
        "host": {"steal_percent": 0.3, "container_daemons": []},
        "guards": {"max_in_flight": 212, "max_in_flight_from": "RLIMIT_NPROC", "dropped": {}},
        "settings": {"warmup_s": 1.0},
        **changed,
    }


def saturated() -> Record:
    return sweep(
        1 / 64,
        "saturated",
        "in flight rose by 31.2 in the window (limit 9.6)",
        throughput_hz=44.25,
        throughput_per_core_hz=22.125,
        failed={"timeout": 37},
        unfinished=2,
        response_time_s=summary(217, 1.2043, censored=39),
        failures=[
            {
                "trial": 0,
                "launch": 4,
                "reason": "timeout",
                "status": -9,
                "output_tail": "up\r\n\x1b[31mHello 42!\n",
            }
        ],
    )


def cold(target: str, p50_s: float) -> Record:
    nothing = dict.fromkeys(
        ("time_step_s", "offered_rate_hz", "achieved_rate_hz", "throughput_hz", "throughput_per_core_hz")
    )
    return sweep(0.4, target=target, mode="cold", p50_s=p50_s, lateness_s=None) | nothing


def rows_of(*loads: Record) -> list[Row]:
    return [Row(SERIES, load) for load in loads]


def text_of(*loads: Record, **arguments: Any) -> str:
    return "\n".join(run_summary.report(rows_of(*loads), **arguments))


def unwrapped(text: str) -> str:
    return " ".join(text.split())


GOLDEN = """\
rust_kernel: benchmarks/test_sweeps.py::test_rust_kernel
  window 4 s to 10 s, warm-up 1 s, fixed arrivals, ready: exit, QEMU 7.2.22
  step offered achieved through-   response ms      late      failed  verdict
            /s       /s   put /s  p50   p90   p99 p99 ms
-------------------------------------------------------------------------------
   1 s       1      1.0      1.0 36.2     –     –  *0.17          ~0  ok
1/16 s      16     16.0     16.0 38.2  53.5     –  *0.17           0  ok
1/32 s      32     32.0     32.0 39.1  54.7     –  *0.17           0  ok
1/64 s      64     64.0     44.2 1204 >60 s >60 s   0.15 39 timeout+  saturated
  knee 32/s; not 64/s (saturated); 16/s/core on 2 CPUs; not run: 4 steps
  1/64 s in flight rose by 31.2 in the window (limit 9.6); 37 timeout, 2
    unfinished
  1/64 s first failure: timeout, signal 9; the end of its output:
    up
    \\x1b[31mHello 42!

* maximum instead of p99, – no quantile: too few launches; ~ of fewer than 30
"""


def test_a_series_reads_like_this() -> None:
    loads = [sweep(1.0), sweep(1 / 16, p50_s=0.0382), sweep(1 / 32, p50_s=0.0391), saturated()]
    why = WhySkipped(SkipCause.SLOWER_NOT_OK, Fraction(1, 64), "saturated")
    skipped = [SkippedStep(f"{SERIES}[{2.0**-k}s]", SERIES, Fraction(1, 2**k), why) for k in range(7, 11)]
    assert text_of(*loads, skipped=skipped) + "\n" == GOLDEN


def test_steps_that_share_a_reason_share_a_line_and_the_search_comes_first() -> None:
    ended, none_ok = (
        WhySkipped(cause, Fraction(1, 64), "saturated")
        for cause in (SkipCause.SLOWER_NOT_OK, SkipCause.NONE_OK)
    )
    steps = [SkippedStep("", SERIES, Fraction(1, parts), ended) for parts in (256, 128)]
    lines = text_of(saturated(), skipped=[*steps, SkippedStep("", SERIES, Fraction(0), none_ok)]).splitlines()
    assert [line for line in lines if "not run" in line] == [
        "  not run: the search: no step was ok, 1/64 s was saturated already; start with",
        "  not run: 1/128 s, 1/256 s: 1/64 s was saturated already",
    ]


def series_of(*series: list[Record]) -> list[Row]:
    return [Row(f"t.py::test_{number}", load) for number, loads in enumerate(series) for load in loads]


LONG_VERSIONS = {f"part{number}": "1.2.3-with-a-long-suffix" for number in range(9)}


def test_conditions_take_two_lines_and_all_of_them_if_verbose() -> None:
    load = sweep(1.0, versions=LONG_VERSIONS)
    lines = text_of(load).splitlines()
    assert lines[2].endswith(", …")
    assert lines[3].split()[:2] == ["step", "offered"]
    assert "part1" in lines[2]
    assert "part8 1.2.3-with-a-long-suffix" in unwrapped(text_of(load, verbose=True))


def test_what_all_series_have_in_common_is_said_once() -> None:
    rows = series_of([sweep(1.0)], [sweep(1.0, target="other", versions={"kernel": "6.1"})])
    lines = run_summary.report(rows)
    assert lines[0] == "all: window 10 s, warm-up 1 s, fixed arrivals, ready: exit"
    assert sum("window" in line for line in lines) == 1
    assert [lines[2], lines[lines.index("other: t.py::test_1") + 1]] == ["  QEMU 7.2.22", "  kernel 6.1"]
    assert sum("window" in line for line in run_summary.report(rows, verbose=True)) == 2


def test_marks_are_explained_once_for_all_tables() -> None:
    text = "\n".join(run_summary.report(series_of([sweep(1.0)], [sweep(1.0)], [sweep(0.5)])))
    assert text.count("maximum instead of p99") == 1


def test_steps_that_were_not_run_stand_behind_the_knee_as_far_as_they_fit() -> None:
    ended = WhySkipped(SkipCause.SLOWER_NOT_OK, Fraction(1, 64), "saturated")

    def shown(knee: str, *parts: int, verbose: bool = False) -> list[str]:
        steps = [SkippedStep("", SERIES, Fraction(1, each), ended) for each in parts]
        return knee_and_not_run(knee, steps, verbose=verbose)

    def knee(columns: int) -> str:
        return "k" * (columns - len(" (saturated)")) + " (saturated)"

    whole = "  not run: 1/128 s … 1/512 s (3 steps): 1/64 s was saturated already"
    assert shown(knee(30), 128) == [f"  {knee(30)}; not run: 1/128 s"]
    assert shown(knee(30), 128, 256, 512) == [f"  {knee(30)}; not run: 1/128 s … 1/512 s (3 steps)"]
    assert shown(knee(50), 128, 256, 512) == [f"  {knee(50)}; not run: 1/128 s … 1/512 s"]
    assert shown(knee(60), 128, 256, 512) == [f"  {knee(60)}; not run: 3 steps"]
    assert shown(knee(70), 128, 256, 512) == [f"  {knee(70)}", whole]
    assert shown(knee(30), 128, 256, 512, verbose=True) == [f"  {knee(30)}", whole]
    assert shown("knee 38.1/s (37.3 to 38.9)", 128, 256, 512) == ["  knee 38.1/s (37.3 to 38.9)", whole]


@pytest.mark.parametrize(
    ("reason", "changed", "said"),
    [
        ("511 launches dropped", {"dropped": 511}, "511 launches dropped"),
        (
            "10 of 32 launches timed out or unfinished",
            {"failed": {"timeout": 3}, "unfinished": 7},
            "7 unfinished, 3 timeout of 32 launches",
        ),
        ("3 of 32 launches failed", {"failed": {"exit-code": 3}}, "3 exit-code of 32 launches"),
        (
            "9 of 32 launches failed",
            {"failed": {"exit-code": 3}},
            "9 of 32 launches failed; 3 exit-code",
        ),
    ],
)
def test_failures_are_counted_once(reason: str, changed: Record, said: str) -> None:
    row = Row(SERIES, sweep(1.0, "saturated", reason, **changed))
    assert list(step_notes([row])) == [f"1 s {said}"]


def test_a_limit_stands_beside_the_launches_that_it_dropped() -> None:
    guards = {"max_in_flight": 9, "max_in_flight_from": "RLIMIT_NPROC", "dropped": {"max_in_flight": 512}}
    row = Row(SERIES, sweep(1.0, "saturated", "511 launches dropped", dropped=511, guards=guards))
    assert list(step_notes([row])) == ["1 s 511 launches dropped; limit: max_in_flight 9 (RLIMIT_NPROC)"]


@pytest.mark.parametrize(
    ("first", "said"),
    [
        (("saturated", "it was 2 ms late (limit 1 ms)"), "repeated, with the same outcome"),
        (("saturated", "it was 3 ms late (limit 1 ms)"), "repeated: at first it was 3 ms late"),
        (("saturated", "it rose"), "repeated: at first it rose"),
        (("failing", "it failed"), "repeated: at first failing, it failed"),
    ],
)
def test_a_first_attempt_is_told_as_far_as_it_differs(first: tuple[str, str], said: str) -> None:
    attempt = dict(zip(("verdict", "verdict_reason"), first, strict=True))
    load = sweep(1.0, "saturated", "it was 2 ms late (limit 1 ms)", first_attempt=attempt)
    assert list(step_notes([Row(SERIES, load)])) == [f"1 s it was 2 ms late (limit 1 ms); {said}"]


def test_a_host_that_was_busy_all_the_time_is_told_once() -> None:
    busy: Record = {"host": QUIET | {"busy_before_percent": 90.0}, "quiescence": BUSY}
    series = [[sweep(step_s, **busy) for step_s in (1.0, 0.5, 0.25)] for _ in range(2)]
    lines = run_summary.report(series_of(*series, [sweep(1.0)]))
    assert [line for line in lines if "began" in line or "busy" in line] == [
        "6 of 7 loads: the CPUs were 90 % busy before they began",
        "6 of 7 loads: began on a busy host after a wait of 3 s: as the record has it,",
    ]
    apart = run_summary.report(series_of(*series, [sweep(1.0)]), verbose=True)
    assert sum("(3 steps) the CPUs were 90 % busy" in line for line in apart) == 2
    few = run_summary.report(series_of(series[0], *([sweep(1.0)] for _ in range(9))))
    assert sum("the CPUs were 90 % busy" in line for line in few) == 1
    assert not any("of 12 loads" in line for line in few)


def test_the_factory_of_these_tests_makes_records_as_results_have_them() -> None:
    assert set(sweep(1.0)) <= {field.name for field in dataclasses.fields(LoadResult)}


QUANTITIES = st.floats(1e-6, 600)
LOADS = st.builds(
    lambda exponent, verdict, p50_s, late_s, censored, failed, dropped: sweep(
        2.0**exponent,
        verdict,
        "because",
        response_time_s=summary(5000, p50_s, censored),
        lateness_s=summary(5000, late_s),
        failed=failed,
        dropped=dropped,
    ),
    st.integers(-13, 2),
    st.sampled_from(VERDICTS),
    QUANTITIES,
    st.floats(1e-6, 60),
    st.integers(0, 5000),
    st.dictionaries(st.sampled_from([outcome.reason for outcome in FAILURES]), st.integers(1, 9999)),
    st.integers(0, 9999),
)


@given(loads=st.lists(LOADS, min_size=1, max_size=12))
def test_no_table_is_wider_than_80_columns(loads: list[Record]) -> None:
    assert max(map(len, tables.sweep_table(rows_of(*loads)))) <= WIDTH


@given(now=LOADS, was=LOADS)
def test_no_comparison_is_wider_than_80_columns(now: Record, was: Record) -> None:
    was = was | {key: now[key] for key in ("window_s", "time_step_s")}
    lines = compare_table.compare_table([Row(SERIES, now, was)])
    assert lines
    assert max(map(len, lines)) <= WIDTH


@given(name=st.text("ab[]=", min_size=1, max_size=200), p50_s=QUANTITIES)
def test_no_cold_table_is_wider_than_80_columns(name: str, p50_s: float) -> None:
    assert max(map(len, tables.cold_table(rows_of(cold(name, p50_s))))) <= WIDTH


def test_the_lines_of_a_table_keep_generator_bound_whole() -> None:
    loads = [sweep(2.0**-k, p50_s=0.00102) for k in range(10)]
    last = sweep(2.0**-10, "generator-bound", "launches were 12.3 ms late", lateness_s=summary(4096, 0.0123))
    assert tables.sweep_table(rows_of(*loads, last))[-1].endswith(" generator-bound")


def test_steps_go_from_slow_to_fast_whatever_order_they_came_in() -> None:
    lines = tables.sweep_table(rows_of(sweep(0.25), sweep(1.0), sweep(0.5)))
    assert [line.split()[0] for line in lines[3:]] == ["1", "1/2", "1/4"]


@pytest.mark.parametrize(
    ("counts", "cell"),
    [
        ({}, "0"),
        ({"failed": {"exit-code": 3}}, "3 exit-code"),
        ({"failed": {"exit-code": 3}, "dropped": 4}, "7 dropped+"),
        ({"unfinished": 2}, "2 unfinished"),
    ],
)
def test_the_most_frequent_reason_stands_by_the_number_that_failed(counts: Record, cell: str) -> None:
    assert table_cells.failed_cell(sweep(1.0, **counts), reasons=True) == cell


def test_a_censored_quantile_is_larger_than_the_time_out_and_a_missing_one_is_a_dash() -> None:
    few, many = sweep(1.0), sweep(1 / 64, response_time_s=summary(217, 1.2, censored=39))
    assert table_cells.time_cell(few, "p99", 1) == "–"
    assert table_cells.time_cell(many, "p99", 1) == ">60 s"


def test_an_interrupted_load_has_no_verdict() -> None:
    assert tables.sweep_table(rows_of(sweep(1.0, interrupted=True)))[-1].endswith("interrupted")


def test_cold_starts_share_one_table_and_have_no_knee() -> None:
    loads = [Row("a", cold("linux_process", 0.00102)), Row("b", cold("rust_kernel[pc]", 0.0912))]
    text = "\n".join(run_summary.report(loads))
    assert "knee" not in text
    assert text.splitlines()[:6] == [
        "cold starts, one after the other",
        "target           launches    min  median   mean    max  stddev  failed",
        "                              ms      ms     ms     ms      ms",
        "----------------------------------------------------------------------",
        "linux_process          10   0.92    1.02   1.03   1.73    0.05       0",
        "rust_kernel[pc]        10  82.08   91.20  92.11  155.0    4.56       0",
    ]


def test_a_change_is_shown_beside_the_baseline() -> None:
    now, was = sweep(1 / 1024, p50_s=0.0011), sweep(1 / 1024, p50_s=0.0010, throughput_hz=1000.0)
    assert compare_table.compare_table([Row(SERIES, now, was)])[-1].split() == [
        *("1/1024", "s", "1,024.0", "1,000.0", "+2.4%"),
        *("1.10", "1.00", "+10%"),
        *("1.64", "1.49", "+10%"),
    ]


def test_a_p99_of_few_launches_is_shown_but_not_compared() -> None:
    load = sweep(1 / 64)
    assert compare_table.compare_table([Row(SERIES, load, load)])[-1].split()[-3:] == ["53.94", "53.94", "–"]


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"window_s": 60.0}, "window 10 s against 60 s"),
        ({"settings": {"warmup_s": 120.0}}, "warm-up 1 s against 120 s"),
        ({"ready": "port 80"}, "ready exit against port 80"),
        ({"variant": {"kvm": True}}, "variant default against kvm=True"),
        ({"arrivals": "poisson"}, "arrivals fixed against poisson"),
    ],
)
def test_loads_under_other_conditions_are_not_compared(changed: Record, why: str) -> None:
    row = Row(SERIES, sweep(1.0), sweep(1.0, **changed))
    assert compare_table.compare_table([row]) == []
    shown = " ".join("\n".join(run_summary.report([row])).split())
    assert f"1 s: not comparable: {why}; cure: the same {why.split(maxsplit=1)[0]} in both runs" in shown


def test_a_step_that_the_baseline_lacks_is_named() -> None:
    rows = [Row(SERIES, sweep(1.0), sweep(1.0)), Row(SERIES, sweep(0.5))]
    assert "1/2 s: not in the baseline" in "\n".join(run_summary.report(rows))


def test_without_a_baseline_nothing_is_said_of_one() -> None:
    assert "baseline" not in text_of(sweep(1.0), sweep(0.5))


def test_the_host_is_mentioned_only_when_it_mattered() -> None:
    noisy = {"steal_percent": 12.0, "memory_available_min_bytes": 2**28, "psi_memory": 4.0}
    text = unwrapped(text_of(sweep(1.0, host=noisy), memory_bytes=2**32))
    assert "the hypervisor took 12 % of the CPU time (steal)" in text
    assert "memory ran low: 256 MiB were available; some task waited for memory 4 % of the time" in text
    assert "took" not in text_of(sweep(1.0), memory_bytes=2**32)


QUIET = {
    "steal_percent": 1.0,
    "busy_before_percent": 3.0,
    "swapped_bytes": 4096,
    "governors": ["performance"],
    "cpu_percent": 10.0,
    "memory_available_min_bytes": 2**31,
    "container_daemons": [],
}


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ({"steal_percent": 12.0}, "steal disturbed rust_kernel: the hypervisor gives"),
        ({"busy_before_percent": 40.0}, "1 s the CPUs were 40 % busy before it began"),
        ({"swapped_bytes": 20 << 20}, "1 s 20 MiB swapped in and out"),
        ({"memory_available_min_bytes": 2**27}, "memory disturbed rust_kernel: launches are dropped"),
        ({"governors": ["powersave"]}, "governor (powersave) disturbed rust_kernel: the clock"),
        ({"governors": ["powersave"], "cpu_percent": 90.0}, ""),
        ({"governors": ["schedutil"]}, ""),
        ({"container_daemons": ["crio"]}, "crio ran beside rust_kernel: even an idle container daemon"),
        ({}, ""),
    ],
)
def test_the_end_repeats_what_mattered_with_its_effect_and_its_cure(host: dict[str, Any], told: str) -> None:
    quiet = unwrapped(text_of(sweep(1.0, host=QUIET), memory_bytes=2**32))
    text = unwrapped(text_of(sweep(1.0, host=QUIET | host), memory_bytes=2**32))
    assert told in text
    assert (text == quiet) == (not told)
    assert "disturbed" not in quiet


@pytest.mark.parametrize(
    ("late_s", "refused", "told"), [(0.02, True, True), (0.02, False, False), (0.0001, True, False)]
)
def test_refused_priority_is_told_where_launches_were_late(late_s: float, refused: bool, told: bool) -> None:
    load = sweep(1.0, lateness_s=summary(500, late_s), generator={"realtime_refused": refused})
    assert ("real-time (refused) disturbed rust_kernel: " in unwrapped(text_of(load))) is told


def test_a_generator_bound_step_says_what_it_may_come_from() -> None:
    host = QUIET | {"steal_percent": 30.0}
    bound = sweep(1.0, "generator-bound", "late", host=host, generator={"realtime_refused": True})
    wanted = "1 s late; possible causes: steal (30 % of the CPU time), real-time (refused)"
    assert wanted in unwrapped(text_of(bound))
    alone = sweep(1.0, "generator-bound", "late", host=QUIET, generator={"realtime_refused": False})
    assert "1 s late; no disturbance was recorded" in unwrapped(text_of(alone))


def test_a_guard_that_refused_launches_is_named() -> None:
    guards = {"max_in_flight": 212, "max_in_flight_from": "RLIMIT_NPROC", "dropped": {"max_in_flight": 3}}
    assert "3 launches dropped; limit: max_in_flight 212 (RLIMIT_NPROC)" in text_of(sweep(1.0, guards=guards))


def test_trials_that_disagree_are_shown() -> None:
    trials = [{"throughput_hz": 1.0, "verdict": verdict} for verdict in ("ok", "ok", "saturated")]
    text = unwrapped(text_of(sweep(1.0, trials=3, per_trial=trials)))
    assert "3 trials per step" in text
    assert "1 s trials: ok, ok, saturated; throughput 1/s, 1/s, 1/s" in text


def test_a_resumed_step_is_marked() -> None:
    text = "\n".join(run_summary.report([Row(SERIES, sweep(1.0), resumed=True)]))
    assert "1 s taken over from the resumed run" in text


def test_container_daemons_are_mentioned_with_the_targets_that_had_no_need_of_them() -> None:
    host = {"container_daemons": ["dockerd", "containerd"], "container_daemons_needed": ["containerd"]}
    assert "dockerd ran beside rust_kernel: " in text_of(sweep(1.0, host=host))
    host["container_daemons_needed"].append("dockerd")
    assert "ran beside" not in text_of(sweep(1.0, host=host))


def test_each_daemon_that_ran_beside_some_target_is_named_once() -> None:
    one = sweep(1.0, host={"container_daemons": ["dockerd", "containerd"]})
    other = sweep(0.5, target="linux_process", host={"container_daemons": ["crio", "dockerd"]})
    text = unwrapped(text_of(one, other))
    assert "containerd, crio, dockerd ran beside rust_kernel, linux_process: " in text


def test_a_change_that_too_few_launches_leave_open_is_explained() -> None:
    why = "the change of p99 needs 1,000 launches in each run"
    few, many = sweep(1.0), sweep(1 / 1024)
    assert why in unwrapped("\n".join(run_summary.report([Row(SERIES, few, few), Row(SERIES, many, many)])))
    assert why not in unwrapped("\n".join(run_summary.report([Row(SERIES, many, many)])))


def test_marks_are_explained_where_a_largest_lateness_stands_for_a_quantile() -> None:
    mark = "* maximum instead of p99"
    assert mark in text_of(sweep(1.0))
    assert mark not in text_of(sweep(1 / 64))
    assert mark not in text_of(sweep(1.0, lateness_s=None))


def test_a_verdict_that_rests_on_few_launches_is_marked() -> None:
    few, enough = sweep(1.0, scheduled=29), sweep(1 / 16, scheduled=30)
    text = text_of(few, enough)
    assert [line.split()[-2:] for line in text.splitlines() if line.endswith(" ok")] == [
        ["~0", "ok"],
        ["0", "ok"],
    ]
    assert "too few launches; ~ of fewer than 30" in text
    assert "~" not in text_of(enough)
    assert text_of(sweep(1.0, scheduled=29, lateness_s=None)).endswith("\n~ of fewer than 30 launches")


def test_at_most_five_lines_of_a_failure_are_shown_and_none_is_too_long() -> None:
    tail = "\n".join(f"{number} {'x' * 200}" for number in range(9))
    failures = [{"trial": 0, "launch": 0, "reason": "exit-code", "status": 3, "output_tail": tail}]
    lines = text_of(sweep(1.0, failures=failures)).splitlines()
    shown = [line for line in lines if "xxx" in line]
    assert [line.split()[0] for line in shown] == list("45678")
    assert max(map(len, lines)) <= WIDTH


def test_without_loads_nothing_is_said() -> None:
    assert run_summary.report([]) == []


def test_a_log_has_one_line_per_load() -> None:
    assert (
        run_summary.load_line(sweep(0.5))
        == "rust_kernel 1/2 s: 2/s offered, 2/s done, p50 36.2 ms, p99 –, ok"
    )
    assert run_summary.load_line(saturated()).endswith(
        "p50 1.2 s, p99 >60 s, 37 timeout, 2 unfinished, saturated"
    )
    assert run_summary.load_line(cold("rust_kernel", 0.0362)).startswith(
        "rust_kernel cold: 10 of 10 launches done, p50"
    )


def test_what_a_guest_prints_cannot_steer_the_terminal() -> None:
    assert printable("\x1b[2J\x07é\r") == "\\x1b[2J\\x07é\\r"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_a_stream_without_the_characters_gets_others(encoding: str) -> None:
    text = "knee ≥ 2/s, 85 µs, p99 –, 1/2 … 1/4, 東"
    shown = encodable(text, encoding)
    assert shown.encode(encoding)
    assert shown.startswith("knee >= 2/s, 85 ")
    assert encodable(text, "utf-8") == text


def test_steps_that_began_on_busy_cpus_are_told_in_one_line_where_they_are_many() -> None:
    steps = [sweep(step_s, host=QUIET | {"busy_before_percent": 100 * step_s}) for step_s in (0.8, 0.6, 0.4)]
    assert "0.8 s … 0.4 s (3 steps) the CPUs were 40 to 80 % busy before they began" in unwrapped(
        text_of(*steps)
    )
    alike = [sweep(step_s, host=QUIET | {"busy_before_percent": 100.0}) for step_s in (0.8, 0.6, 0.4)]
    assert "the CPUs were 100 % busy before they began" in unwrapped(text_of(*alike))


BUSY = {"bound_hit": 1, "waited_s": 3.0, "reasons": ["as the record has it", "another"]}
UNREST = [Excess(Unrest.CPU, 70, 3), Excess(Unrest.CPU, 40, 3), Excess(Unrest.LEFTOVERS, 2)]


def test_steps_that_began_on_a_busy_host_are_told_in_one_line_where_they_are_many() -> None:
    def text(*steps_s: float) -> str:
        rows = [Row(SERIES, sweep(step_s, quiescence=BUSY), unrest=UNREST) for step_s in steps_s]
        return unwrapped("\n".join(run_summary.report(rows)))

    began = "began on a busy host after a wait of 3 s:"
    reasons = "CPU busy 40 %, 3 % before the first load; 2 processes of earlier launches left"
    assert f"1 s {began} {reasons}" in text(1.0)
    assert f"1 s … 1/4 s (3 steps) {began} CPU busy, processes of earlier launches left" in text(
        1.0, 0.5, 0.25
    )


def test_a_record_that_was_read_says_in_its_own_words_that_the_host_was_busy() -> None:
    text = unwrapped(text_of(*(sweep(step_s, quiescence=BUSY) for step_s in (1.0, 0.5, 0.25))))
    assert "(3 steps) began on a busy host after a wait of 3 s: as the record has it, another" in text


@pytest.mark.parametrize(
    ("resolution_s", "shown"),
    [(None, "3.62"), (1e-5, "3.62"), (1e-4, "3.6"), (0.0004, "3.6"), (1e-3, "4"), (0.02, "<10")],
)
def test_response_times_have_no_digit_below_the_resolution(resolution_s: float | None, shown: str) -> None:
    load = sweep(1 / 64, p50_s=0.00362, generator={"ready_resolution_s": resolution_s})
    for lines in (tables.sweep_table(rows_of(load)), tables.cold_table(rows_of(load))):
        assert shown in lines[-1].split()


def test_a_baseline_has_its_own_resolution() -> None:
    was = sweep(1 / 64, p50_s=0.00362, generator={"ready_resolution_s": 1e-3})
    now = sweep(1 / 64, p50_s=0.00362, generator={"ready_resolution_s": 1e-4})
    cells = "\n".join(compare_table.compare_table([Row(SERIES, now, was)]))
    assert "3.6 " in cells
    assert "4 " in cells
    assert "3.62" not in cells
