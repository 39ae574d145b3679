"""pytest-benchmark: everything it stores, shows and compares holds for loads."""

from __future__ import annotations

import csv
import gzip
import importlib.util
import json
import re
import statistics
import sys
from pathlib import Path
from typing import Any

import pytest
from sweeprun import TWO_STEPS, benches, loads, run, run_apart, write

from pytest_unikernel import __version__
from pytest_unikernel.plan.profiles import MAX_WARMUP_S
from pytest_unikernel.plugin.benchmark import NOTHING

REAL = """
@pytest.fixture
def real():
    return Target("real", ["/bin/true"])


@pytest.mark.load_sweep(time_steps=[0.02], warmup=0, window=0.4)
def test_real(load_step, real):
    result = load_step(real)
    print("RESPONSES", list(result.responses_s))


@pytest.mark.cold
def test_cold(cold_start, real):
    cold_start(real, launches=3)
"""
ALL_FAIL = """
@pytest.mark.load_sweep(time_steps=[0.1], warmup=0, window=1)
def test_it(load_step):
    load_step(FakeTarget(fail_every=1, timeout_s=7))
"""


def words(text: str) -> list[str]:
    return text.split()


# The contract: keys may be added, never renamed or removed.
KEYS = words("""
schema target fixture variant ready mode arrivals versions time_step_s offered_rate_hz achieved_rate_hz
throughput_hz throughput_per_core_hz warmup_s window_s trials per_trial scheduled started completed dropped
unfinished failed verdict interrupted in_flight_max response_time_s service_time_s lateness_s distribution
intervals_s phases_s neighbours_s instance generator host
""")
PER_TRIAL_KEYS = words(
    "throughput_hz achieved_rate_hz p50 p90 p99 verdict scheduled completed censored failure_rate"
)
SUMMARY_KEYS = words("n censored min mean max stddev p50 p90 p95 p99 p99.9")
INSTANCE_KEYS = words("user_s system_s max_rss_bytes")
GENERATOR_KEYS = words("cpu_s_per_launch spawn_s loop_turn_s realtime")
HOST_KEYS = words("""
cpu_percent steal_percent memory_available_min_bytes load1_max processes_max psi_cpu container_daemons
""")
NULL_IF_COLD = words("time_step_s offered_rate_hz achieved_rate_hz throughput_hz lateness_s")


@pytest.fixture
def output(pytester: pytest.Pytester) -> Path:
    return pytester.path / "o.json"


def assert_plain(value: Any, where: str) -> None:
    """Fail on anything but null, true, false, finite numbers, text, lists and objects of these."""
    if isinstance(value, dict):
        for key, each in value.items():
            assert_plain(each, f"{where}.{key}")
    elif isinstance(value, list):
        for each in value:
            assert_plain(each, where)
    else:
        assert value is None or isinstance(value, (bool, int, float, str)), where
        assert not isinstance(value, float) or abs(value) < float("inf"), f"{where} is {value}"


def assert_quantities_are_numbers(record: dict[str, Any], where: str = "load") -> None:
    """Fail if a key that carries a unit holds anything but a number, null, or an object of such."""
    for key, value in record.items():
        if re.search(r"_(s|hz|bytes|percent)$", key):
            assert value is None or type(value) in (int, float, dict, list), f"{where}.{key} is {value!r}"
        if isinstance(value, dict):
            assert_quantities_are_numbers(value, f"{where}.{key}")


# the record ---------------------------------------------------------------------------------------


def test_a_record_has_every_key_of_the_contract(pytester: pytest.Pytester, output: Path) -> None:
    run(pytester, f"--benchmark-json={output}", "--sweep-quiet-host=off", source=REAL).assert_outcomes(
        passed=2
    )
    for name, load in loads(output).items():
        assert not set(KEYS) - set(load), name
        assert set(PER_TRIAL_KEYS) <= set(load["per_trial"][0])
        for summary in ("response_time_s", "service_time_s"):
            assert list(load[summary]) == SUMMARY_KEYS
        assert not set(INSTANCE_KEYS) - set(load["instance"])
        assert not set(GENERATOR_KEYS) - set(load["generator"])
        assert not set(HOST_KEYS) - set(load["host"])
        assert_plain(load, name)
        assert_quantities_are_numbers(load)


def test_a_cold_record_has_no_schedule(pytester: pytest.Pytester, output: Path) -> None:
    run(pytester, f"--benchmark-json={output}", "--sweep-quiet-host=off", source=REAL)
    cold, swept = loads(output)["test_cold"], loads(output)["test_real[0.02s]"]
    assert (cold["mode"], swept["mode"]) == ("cold", "sweep")
    assert all(cold[key] is None for key in NULL_IF_COLD)
    assert all(swept[key] is not None for key in NULL_IF_COLD)
    assert cold["completed"] == 3
    assert cold["response_time_s"] == cold["service_time_s"]


def test_the_stored_data_are_the_response_times_exactly(pytester: pytest.Pytester, output: Path) -> None:
    result = run(pytester, "-s", f"--benchmark-json={output}", "--sweep-quiet-host=off", source=REAL)
    printed = next(line for line in result.outlines if "RESPONSES" in line)
    bench = benches(output)["test_real[0.02s]"]
    load = bench["extra_info"]["load"]
    assert bench["stats"]["data"] == json.loads(printed.partition("RESPONSES ")[2])
    assert len(bench["stats"]["data"]) == bench["stats"]["rounds"] == load["completed"] == 20
    assert bench["stats"]["median"] == pytest.approx(load["response_time_s"]["p50"], abs=1e-15)
    assert bench["stats"]["mean"] == pytest.approx(load["response_time_s"]["mean"], rel=1e-12)
    assert bench["stats"]["max"] == load["response_time_s"]["max"]
    assert statistics.median(bench["stats"]["data"]) == bench["stats"]["median"]


def test_a_simulated_queue_has_the_response_times_that_can_be_computed(
    pytester: pytest.Pytester, output: Path
) -> None:
    run(pytester, f"--benchmark-json={output}", source=TWO_STEPS)
    for bench in benches(output).values():
        assert bench["stats"]["data"] == [0.01] * bench["extra_info"]["load"]["completed"]


def test_a_load_without_a_completion_fails_and_is_in_the_file(
    pytester: pytest.Pytester, output: Path
) -> None:
    run(pytester, f"--benchmark-json={output}", source=ALL_FAIL).assert_outcomes(failed=1)
    bench = benches(output)["test_it[0.1s]"]
    load = bench["extra_info"]["load"]
    assert (load["completed"], load["failed"], load["verdict"]) == (0, {"exit-code": 10}, "failing")
    figures = {key: value for key, value in bench["stats"].items() if key != "iterations"}
    assert all(not value or value == "0;0" for value in figures.values()), figures
    assert bench["group"] == NOTHING
    assert load["response_time_s"]["p50"] is None


def test_a_load_whose_programs_cannot_be_started_is_in_the_file(
    pytester: pytest.Pytester, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MAX_WARMUP_S, "quick", 0.1)  # else it waits a minute for a first completion
    source = """
@pytest.mark.load_sweep(time_steps=[0.05], warmup=0, window=0.2)
def test_it(load_step):
    load_step(Target("missing", ["/no/such/program"], prepare=lambda target, place: target))
"""
    run(pytester, "--sweep-quiet-host=off", f"--benchmark-json={output}", source=source)
    assert loads(output)["test_it[0.05s]"]["failed"] == {"spawn-error": 4}


def test_a_failed_assertion_keeps_the_record(pytester: pytest.Pytester, output: Path) -> None:
    source = TWO_STEPS.replace('== "ok"', '== "never"')
    run(pytester, f"--benchmark-json={output}", source=source).assert_outcomes(failed=2)
    assert [load["verdict"] for load in loads(output).values()] == ["ok", "ok"]


def test_records_are_the_same_in_every_sink(pytester: pytest.Pytester, output: Path) -> None:
    pytester.makeconftest("""
def pytest_benchmark_update_json(config, benchmarks, output_json):
    print("SINK", len(output_json["benchmarks"]))
""")
    result = run(pytester, f"--benchmark-json={output}", "--benchmark-save=run", "-s", source=TWO_STEPS)
    assert sum("SINK 2" in line for line in result.outlines) == 2
    saved = next(pytester.path.glob(".benchmarks/*/0001_run.json"))
    assert loads(saved) == loads(output)
    assert all("data" not in bench["stats"] for bench in benches(saved).values())


def test_save_data_stores_the_samples(pytester: pytest.Pytester) -> None:
    run(pytester, "--benchmark-save=run", "--benchmark-save-data", source=TWO_STEPS)
    saved = next(pytester.path.glob(".benchmarks/*/0001_run.json"))
    assert all(set(bench["stats"]["data"]) == {0.01} for bench in benches(saved).values())


def test_machine_info_is_the_same_whenever_it_is_asked_for(pytester: pytest.Pytester, output: Path) -> None:
    run_apart(pytester, f"--benchmark-json={output}", "--benchmark-autosave", source=TWO_STEPS)
    again = pytester.path / "again.json"
    result = run_apart(pytester, "--benchmark-compare", f"--benchmark-json={again}")
    first, second = (json.loads(path.read_text())["machine_info"]["unikernel"] for path in (output, again))
    assert first == second
    assert {"cpu_model", "cpu_count", "memory_bytes", "os", "kernel", "programs"} <= set(first)
    result.stdout.no_fnmatch_line("*unikernel*VS saved*")


def test_the_raw_table_knows_no_resident_set_that_the_record_does_not(
    pytester: pytest.Pytester, output: Path
) -> None:
    run(pytester, f"--benchmark-json={output}", "--sweep-raw=raw", "--sweep-quiet-host=off", source=REAL)
    for load in loads(output).values():
        assert load["instance"]["max_rss_bytes"] is None  # /bin/true is smaller than pytest
    for file in (pytester.path / "raw").glob("*.csv.gz"):
        with gzip.open(file, "rt", newline="") as text:
            rows = list(csv.DictReader(text))
        assert rows
        assert {row["max_rss_kib"] for row in rows} == {""}


# comparing ----------------------------------------------------------------------------------------


def test_two_runs_are_both_shown(pytester: pytest.Pytester) -> None:
    run(pytester, "--benchmark-autosave", source=TWO_STEPS).assert_outcomes(passed=2)
    result = run(pytester, "--benchmark-autosave", "--benchmark-compare", "--sweep-benchmark-table")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines_random(["test_it?0.1s? (0001*", "test_it?0.1s? (NOW)*"])
    assert len(list(pytester.path.glob(".benchmarks/*/*.json"))) == 2


SLOWER = """
import dataclasses


@pytest.fixture
def fake():
    return dataclasses.replace(FakeTarget(service_time_s=0.04), variant={})
"""


def test_a_slower_run_fails_the_comparison(pytester: pytest.Pytester) -> None:
    run(pytester, "--benchmark-autosave", source=TWO_STEPS)
    compare = ["--benchmark-compare", "--benchmark-compare-fail=median:10%"]
    result = run(pytester, *compare, source=SLOWER + TWO_STEPS)
    assert result.ret != 0
    assert "Performance has regressed" in result.stdout.str() + result.stderr.str()
    result.stdout.fnmatch_lines(["*against the baseline:"])


def test_a_limit_without_a_baseline_is_an_error_without_a_table_too(pytester: pytest.Pytester) -> None:
    result = run(pytester, "--benchmark-compare-fail=median:10%", source=TWO_STEPS)
    assert result.ret != 0
    said = result.stdout.str() + result.stderr.str()
    assert "--benchmark-compare-fail requires valid --benchmark-compare" in said


def test_an_equal_run_passes_the_comparison(pytester: pytest.Pytester) -> None:
    run(pytester, "--benchmark-autosave", source=TWO_STEPS)
    same = run(pytester, "--benchmark-compare", "--benchmark-compare-fail=median:10%")
    assert same.ret == 0


@pytest.mark.parametrize(
    ("old", "new"),
    [("step(fake)", "step(fake(service_time_s=0.04))"), ("**FAST", "time_steps=[0.1], warmup=0, window=2")],
)
def test_a_run_measured_otherwise_is_not_compared(pytester: pytest.Pytester, old: str, new: str) -> None:
    run(pytester, "--benchmark-autosave", source=TWO_STEPS)
    compare = ["--benchmark-compare", "--benchmark-compare-fail=median:10%", "--sweep-benchmark-table"]
    result = run(pytester, *compare, source=TWO_STEPS.replace(old, new))
    assert result.ret == 0
    result.stdout.no_fnmatch_line("*(0001*")


def test_a_load_without_completions_can_be_compared(pytester: pytest.Pytester) -> None:
    run(pytester, "--benchmark-autosave", source=ALL_FAIL)
    result = run(pytester, "--benchmark-autosave", "--benchmark-compare", "--benchmark-compare-fail=mean:1%")
    result.assert_outcomes(failed=1)
    result.stdout.no_fnmatch_line("test_it?0.1s? (*")


# Times that differ, so that no other deviation is 0, and a load that completes nothing if NEVER is set.
SOME_FAIL = """
import os


@pytest.mark.load_sweep(time_steps=[0.1], warmup=0, window=1)
def test_turns(load_step):
    load_step(FakeTarget(fail_every=1 if "NEVER" in os.environ else None, service_time_s=0.3, servers=1))


@pytest.mark.load_sweep(time_steps=[0.1], warmup=0, window=1)
def test_other(load_step):
    load_step(FakeTarget(service_time_s=0.3, servers=1))
"""


def compared_by_command(pytester: pytest.Pytester, *options: str) -> str:
    """Return what pytest-benchmark's own command says about all saved runs."""
    done = pytester.run(sys.executable, "-m", "pytest_benchmark", "compare", *options)
    assert done.ret == 0
    return done.stdout.str()


def rows_about(shown: str, test: str) -> list[str]:
    return [line for line in shown.splitlines() if line.startswith(test)]


@pytest.mark.parametrize("never_first", [True, False])
def test_a_load_without_completions_changes_no_other_loads_row(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, never_first: bool
) -> None:
    write(pytester, SOME_FAIL)
    for never in (never_first, not never_first):
        monkeypatch.setenv("NEVER", "") if never else monkeypatch.delenv("NEVER", raising=False)
        shown = run_apart(
            pytester, "--benchmark-autosave", "--benchmark-compare", "--benchmark-histogram=chart"
        ).stdout.str()
        other = rows_about(shown, "test_other")
        assert other
        assert not any("inf" in row for row in other)
        assert len(rows_about(shown, "test_turns")) == (0 if never else 1)


def test_saved_runs_without_completions_are_told_apart_by_pytest_benchmarks_command(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEVER", "")
    run_apart(pytester, "--benchmark-save=never", source=SOME_FAIL)
    monkeypatch.delenv("NEVER")
    run_apart(pytester, "--benchmark-save=ever")
    for options in ((), ("--csv=o.csv",), ("--histogram=chart",)):
        usual, marked = compared_by_command(pytester, *options).split(NOTHING, 1)
        assert "inf" not in usual
        assert len(rows_about(marked, "test_turns")) == 1
        assert "60" not in "".join(rows_about(marked, "test_turns"))


def test_grouping_by_group_too_keeps_loads_without_completions_apart(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEVER", "")
    run_apart(pytester, "--benchmark-save=never", source=SOME_FAIL)
    shown = compared_by_command(pytester, "--group-by=group,param:timestep")
    assert len(rows_about(shown, "test_turns")) == len(rows_about(shown, "test_other")) == 1
    assert "inf" not in shown.replace("info", "")


def test_an_interrupted_load_is_no_baseline(pytester: pytest.Pytester) -> None:
    run(pytester, "--benchmark-save=run", source=TWO_STEPS)
    saved = next(pytester.path.glob(".benchmarks/*/0001_run.json"))
    document = json.loads(saved.read_text())
    document["benchmarks"][0]["extra_info"]["load"]["interrupted"] = True
    saved.write_text(json.dumps(document))
    shown = run(pytester, "--benchmark-compare", "--sweep-benchmark-table").stdout.str()
    assert "test_it[0.1s] (0001" not in shown
    assert "test_it[0.05s] (0001" in shown


def test_a_baseline_of_interrupted_loads_only_breaks_nothing(pytester: pytest.Pytester) -> None:
    run(pytester, "--benchmark-save=run", source=TWO_STEPS)
    saved = next(pytester.path.glob(".benchmarks/*/0001_run.json"))
    saved.write_text(saved.read_text().replace('"interrupted": false', '"interrupted": true'))
    run(pytester, "--benchmark-compare").assert_outcomes(passed=2)


def test_a_histogram_is_drawn(pytester: pytest.Pytester) -> None:
    if importlib.util.find_spec("pygal") is None:
        pytest.skip("pygal is not installed")
    # Apart, for pygal brings an importlib_metadata that puts the finder of pytest's plugins out of action.
    run_apart(pytester, "--benchmark-histogram=chart", source=TWO_STEPS).assert_outcomes(passed=2)
    assert (pytester.path / "chart.svg").stat().st_size > 0


def test_columns_and_groups_are_as_asked(pytester: pytest.Pytester) -> None:
    result = run(
        pytester, "--benchmark-columns=median,rounds", "--benchmark-group-by=param:timestep", source=TWO_STEPS
    )
    result.stdout.fnmatch_lines(["*benchmark 'timestep=0.05': 1 tests*", "Name*Median*Rounds*"])
    result.stdout.fnmatch_lines(["*benchmark 'timestep=0.1': 1 tests*"])
    result.stdout.no_fnmatch_line("Name*StdDev*")


# pytest-benchmark's own table ---------------------------------------------------------------------

ORDINARY = """
def test_ordinary(benchmark):
    benchmark(len, "")
"""


def table_of(shown: str) -> set[str]:
    """Return the tests that pytest-benchmark's table shows."""
    _, _, below = shown.partition("Name (time in ")
    rows = (line for line in below.partition("Legend:")[0].splitlines() if line.startswith("test_"))
    return {row.split()[0].rpartition("::")[2] for row in rows}


def test_the_wide_table_leaves_loads_out_and_keeps_ordinary_benchmarks(pytester: pytest.Pytester) -> None:
    shown = run(pytester, source=ORDINARY + TWO_STEPS).stdout.str()
    assert table_of(shown) == {"test_ordinary"}
    assert "1 / mean latency" not in shown


def test_a_run_of_loads_alone_has_no_wide_table_and_no_note_on_it(pytester: pytest.Pytester) -> None:
    saved = ("--benchmark-autosave", "--benchmark-compare")
    for options in (saved[:1], saved):
        shown = run(pytester, *options, source=TWO_STEPS).stdout.str()
        assert "Name (time" not in shown
        assert "Legend" not in shown
        assert "OPS" not in shown


@pytest.mark.parametrize(
    "option",
    [
        "--sweep-benchmark-table",
        "-osweep_benchmark_table=true",
        "--benchmark-columns=median",
        "--benchmark-sort=mean",
        "--benchmark-name=long",
        "--benchmark-group-by=func",
    ],
)
def test_the_wide_table_shows_loads_where_it_is_asked_for(pytester: pytest.Pytester, option: str) -> None:
    shown = run(pytester, option, source=TWO_STEPS).stdout.str()
    assert table_of(shown) == {"test_it[0.1s]", "test_it[0.05s]"}
    assert "its OPS is 1 / mean" in shown


def test_a_plain_benchmark_is_compared_as_ever_beside_loads(pytester: pytest.Pytester) -> None:
    run(pytester, "--benchmark-autosave", source=ORDINARY + TWO_STEPS)
    result = run(pytester, "--benchmark-compare", source=ORDINARY + TWO_STEPS)
    result.stdout.fnmatch_lines_random(["test_ordinary (0001*", "test_ordinary (NOW)*"])
    result.stdout.no_fnmatch_line("test_it?0.1s? (*")


# which tests are run ------------------------------------------------------------------------------

PLAIN = "\ndef test_plain(): pass\n"


def test_skip_leaves_loads_out(pytester: pytest.Pytester) -> None:
    run(pytester, "--benchmark-skip", source=TWO_STEPS + PLAIN).assert_outcomes(passed=1, skipped=2)


def test_only_leaves_other_tests_out(pytester: pytest.Pytester) -> None:
    run(pytester, "--benchmark-only", source=TWO_STEPS + PLAIN).assert_outcomes(passed=2, skipped=1)


COUNTED = """
import os


@pytest.mark.load_sweep(time_steps=[0.05, 0.02], warmup=1, window=1)
def test_it(load_step):
    load_step(Target("count", ["/bin/sh", "-c", "echo $UNIKERNEL_ID >> launches; echo hello; echo world"]))
"""


def test_disabled_means_one_launch_whose_output_is_shown(pytester: pytest.Pytester, output: Path) -> None:
    arguments = ["--benchmark-disable", "-s", "--sweep-quiet-host=off", f"--benchmark-json={output}"]
    result = run(pytester, *arguments, source=COUNTED)
    result.assert_outcomes(passed=2)
    assert len((pytester.path / "launches").read_text().splitlines()) == 2
    result.stdout.fnmatch_lines(["*hello", "world"])
    assert not output.exists()


def test_disabled_shows_no_output_of_a_test_that_passes(pytester: pytest.Pytester) -> None:
    result = run(pytester, "--benchmark-disable", "--sweep-quiet-host=off", source=COUNTED)
    result.stdout.no_fnmatch_line("*hello*")


def test_disabled_fails_if_the_launch_does(pytester: pytest.Pytester) -> None:
    source = COUNTED.replace("echo world", "exit 3")
    result = run(pytester, "--benchmark-disable", "--sweep-quiet-host=off", source=source)
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["count: none of 1 launches completed (exit-code 1); *", "hello"])


# a user's own marks -------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["function", "class"])
def test_the_users_own_group_survives(pytester: pytest.Pytester, output: Path, place: str) -> None:
    mark = '@pytest.mark.benchmark(group="mine", disable_gc=True)'
    on_class, on_function = (mark, "") if place == "class" else ("", mark)
    source = f"""
{on_class}
class TestIt:
    {on_function}
    @pytest.mark.load_sweep(**FAST)
    def test_it(self, load_step, fake):
        load_step(fake)
"""
    run(pytester, f"--benchmark-json={output}", source=source).assert_outcomes(passed=2)
    found = benches(output)
    assert {bench["group"] for bench in found.values()} == {"mine"}
    assert all(set(bench["stats"]["data"]) == {0.01} for bench in found.values())


def test_a_timer_of_the_users_own_is_a_clear_error(pytester: pytest.Pytester) -> None:
    source = "import time\n@pytest.mark.benchmark(timer=time.time)" + TWO_STEPS
    result = run(pytester, source=source)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: benchmark(timer=...): expected no timer in a test with a load*test_it.py::test_it*"]
    )


def test_timing_something_else_beside_a_load_is_a_clear_error(pytester: pytest.Pytester) -> None:
    source = "def test_it(cold_start, benchmark):\n    benchmark(sorted, [])\n"
    result = run(pytester, source=source)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["benchmark: in a test with a load, the fixture gets the durations of the load *"]
    )


def test_extra_info_of_the_users_own_stays(pytester: pytest.Pytester, output: Path) -> None:
    source = """
@pytest.mark.load_sweep(**FAST)
def test_it(load_step, fake, benchmark):
    benchmark.extra_info["colour"] = "blue"
    load_step(fake)
"""
    run(pytester, f"--benchmark-json={output}", source=source).assert_outcomes(passed=2)
    assert all(bench["extra_info"]["colour"] == "blue" for bench in benches(output).values())


def test_profiling_leaves_the_samples_alone(pytester: pytest.Pytester, output: Path) -> None:
    run(pytester, f"--benchmark-json={output}", "--benchmark-cprofile=tottime", source=TWO_STEPS)
    assert all(set(bench["stats"]["data"]) == {0.01} for bench in benches(output).values())


def test_every_record_has_the_command_line_and_the_version(pytester: pytest.Pytester, output: Path) -> None:
    arguments = (f"--benchmark-json={output}", "--sweep-window=0.2", "--sweep-quiet-host=off")
    run(pytester, *arguments, source=REAL)
    runs = [load["run"] for load in loads(output).values()]
    assert len(runs) == 2
    for each in runs:
        assert each["command_line"][0] == "pytest"
        assert set(arguments) <= set(each["command_line"])
        assert each["plugin_version"] == __version__
