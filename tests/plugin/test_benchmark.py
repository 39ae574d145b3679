"""pytest-benchmark: everything it stores, shows and compares holds for loads."""

from __future__ import annotations

import csv
import gzip
import json
import re
import statistics
from pathlib import Path
from typing import Any

import pytest
from sweeprun import TWO_STEPS, benches, loads, run, run_apart

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
