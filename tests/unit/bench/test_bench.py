"""``Bench``: loads without pytest, on simulated targets and in virtual time."""

from __future__ import annotations

import gc
import json
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import pytest_unikernel
from pytest_unikernel import Bench, LoadError, SettingError, Target, Unavailable, UnavailableError
from pytest_unikernel.bench import running
from pytest_unikernel.bench.course import Course
from pytest_unikernel.bench.results import Sweep
from pytest_unikernel.compare.saved_run import read
from pytest_unikernel.report.reading import read_document
from pytest_unikernel.run import resumed, run
from pytest_unikernel.testing import FakeTarget

FAKE = FakeTarget(service_time_s=0.01, servers=1)  # its knee is at 100 per second
QUICK: dict[str, Any] = {"warmup": 0, "window": 1, "live": False}


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench(**QUICK) as made:
        yield made


def test_a_sweep_ends_at_the_first_step_that_is_not_ok(bench: Bench) -> None:
    sweep = bench.sweep(FAKE, steps=["1/8", "1/64", "1/256", "1/512"])
    assert [load.verdict for load in sweep] == ["ok", "ok", "saturated"]
    assert [float(each.step) for each in sweep.skipped] == [1 / 512]
    assert (sweep.knee.fastest_ok_hz, sweep.knee.first_not_ok_hz) == (64, 256)
    assert not sweep.interrupted
    assert bench.last is sweep
    assert bench.results == list(sweep)


def test_the_live_line_says_where_a_sweep_stands_and_how_long_the_rest_takes(bench: Bench) -> None:
    places: list[str] = []
    ended: list[str] = []

    def note(_: object) -> None:
        places.append(bench._run.place)
        ended.append(str(bench._course))

    bench._on_load = note
    bench.sweep(FAKE, steps=["1/8", "1/64", "1/256", "1/512"])
    bench.load(FAKE, rate_hz=64)
    bench.cold(FAKE, 2)
    assert [place.partition(",")[0] for place in places] == ["[1/4", "[2/4", "[3/4", "[1/1", "[1/1"]
    assert all(place.endswith(" s left]") for place in places)
    assert [place.partition(",")[0] for place in ended] == ["[1/4", "[2/4", "[3/3]", "[1/1]", "[1/1]"]


def test_in_rounds_each_trial_is_part_of_the_way(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    places: list[str] = []
    begun = Course.begun

    def noting(course: Course, name: str) -> str:
        places.append(begun(course, name))
        return places[-1]

    monkeypatch.setattr(Course, "begun", noting)
    bench.sweep(FAKE, steps=["1/8", "1/16"], trials=2, order="rounds")
    assert [place.partition(",")[0] for place in places] == ["[1/4", "[2/4", "[3/4", "[4/4"]


def test_a_search_for_the_knee_is_part_of_the_way(bench: Bench) -> None:
    ended: list[str] = []
    bench._on_load = lambda _: ended.append(str(bench._course).partition(",")[0])
    bench.sweep(FAKE, steps=["1/8", "1/512"], knee=True)
    assert ended == ["[1/3", "[2/3", "[3/3]"]


def test_a_load_is_given_by_its_rate_or_by_its_time_step(bench: Bench) -> None:
    assert bench.load(FAKE, rate_hz=64).time_step_s == 1 / 64
    assert bench.load(FAKE, time_step="1/32").offered_rate_hz == 32
    assert bench.load(FAKE, rate_hz="0.5", window=2).time_step_s == 2


def test_cold_starts_count_those_that_are_measured(bench: Bench) -> None:
    result = bench.cold(FAKE, 7)
    assert (result.mode, result.completed) == ("cold", 7)


def test_a_search_narrows_the_knee_down(bench: Bench) -> None:
    sweep = bench.sweep(FAKE, "1/64:1/256", knee=True)
    assert sweep.search is not None
    assert sweep.search.knee is not None
    assert sweep.knee.searched is not None
    assert sweep.knee.searched["rate_hz"] == pytest.approx(100, rel=0.05)
    assert len(sweep) == 2  # the loads of the search are in its record
    assert "[knee]" in bench.results[-1].fullname


def test_a_search_without_a_knee_is_named_as_skipped(bench: Bench) -> None:
    sweep = bench.sweep(FAKE, ["1/256"], knee=True)
    assert sweep.search is None
    assert [each.step for each in sweep.skipped] == [0]
    assert "not run: the search: no step was ok" in str(sweep)


def test_keywords_of_a_load_take_precedence_over_those_of_the_bench() -> None:
    with Bench(profile="paper", window=2, live=False) as bench:
        result = bench.load(FAKE, rate_hz=64, warmup=0, trials=2)
    assert (result.settings["window_s"], result.settings["warmup_s"]) == (2, 0)
    assert (result.settings["profile"], result.trials) == ("paper", 2)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"warmup": "x"}, "Bench.load: warmup must be a finite number of seconds >= 0, or a time such as"),
        ({"trials": 0}, "Bench.load: trials must be a whole number >= 1, got 0"),
        ({"windows": 1}, r"Bench.load: expected the keywords profile, .*, got windows=1"),
        ({"time_steps": [1]}, r"Bench.load: expected the keywords .*, got time_steps=\[1\]"),
        ({"window": 1 / 1000}, "Bench.load: window must be at least one time step long"),
        ({"cpus": [4096]}, "Bench.load: cpus must be among those this process may run on"),
        ({"output": "/dev/null"}, "Bench.load: output must be a directory"),
        ({"output": "a" * 5000}, "Bench.load: File name too long"),
        ({"knee": True}, "Bench.load: expected the keywords"),
    ],
)
def test_a_wrong_setting_is_refused_before_anything_is_started(given: dict[str, Any], said: str) -> None:
    bench = Bench(live=False)
    with pytest.raises(SettingError, match=said):
        bench.load(FAKE, rate_hz=64, **given)
    assert not bench.results


@pytest.mark.parametrize(
    ("rate", "said"),
    [
        ({}, r"expected rate_hz \(launches per second\) or time_step \(seconds\), got neither"),
        ({"rate_hz": 1, "time_step": 1}, "got both"),
        ({"rate_hz": 0}, "rate_hz must be a finite number of launches per second > 0, got 0"),
        ({"rate_hz": float("nan")}, "got nan"),
        ({"rate_hz": True}, "got True"),
        ({"rate_hz": "fast"}, "got 'fast'"),
        ({"rate_hz": 1e300}, "time steps must be finite"),
        ({"time_step": -1}, "time steps must be finite and > 0, got -1"),
    ],
)
def test_a_wrong_rate_is_refused(bench: Bench, rate: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingError, match=said):
        bench.load(FAKE, **rate)


@pytest.mark.parametrize("launches", [0, -1, True, 1.5, "ten"])
def test_a_wrong_number_of_launches_is_refused(bench: Bench, launches: Any) -> None:
    with pytest.raises(SettingError, match=r"Bench.cold: launches must be a whole number >= 1, got "):
        bench.cold(FAKE, launches)


def test_settings_of_a_schedule_mean_nothing_for_cold_starts(bench: Bench) -> None:
    with pytest.raises(SettingError, match=r"Bench.cold: expected the keywords .*, got warmup=1"):
        bench.cold(FAKE, 3, warmup=1)


def test_two_ways_to_give_the_steps_are_refused(bench: Bench) -> None:
    with pytest.raises(SettingError, match="expected steps or time_steps, got both"):
        bench.sweep(FAKE, [1], time_steps=[1])
    with pytest.raises(SettingError, match="expected time_steps, or start and stop, got both"):
        bench.sweep(FAKE, [1], start=1)
    assert len(bench.sweep(FAKE, start="1/8", stop="1/16")) == 2


# targets ------------------------------------------------------------------------------------------


def test_what_is_no_target_is_refused(bench: Bench) -> None:
    with pytest.raises(SettingError, match=r"Bench.cold: expected a Target or the name of one, got \['x'\]"):
        bench.cold(["x"], 1)  # type: ignore[arg-type]


def test_a_usual_target_has_the_name_of_records() -> None:
    assert Bench.target("linux_process", env={"A": "B"}).env == {"A": "B"}
    assert pytest_unikernel.target("rust_kernel[kvm]").full_name == "rust_kernel[kvm]"
    with pytest.raises(SettingError, match=r"expected a target among linux_process, .*, got 'linux'"):
        pytest_unikernel.target("linux")


def test_a_target_that_cannot_run_is_an_error_with_cause_and_cure(bench: Bench) -> None:
    missing = Target("mine", ["x"], probe=lambda: Unavailable("no x on PATH", "install x"))
    with pytest.raises(UnavailableError, match=r"^mine: no x on PATH; install x$") as raised:
        bench.cold(missing, 1)
    assert (raised.value.target, raised.value.reason, raised.value.cure) == (
        "mine",
        "no x on PATH",
        "install x",
    )


def test_a_probe_that_raises_is_named(bench: Bench) -> None:
    def probe() -> None:
        raise ZeroDivisionError

    with pytest.raises(pytest_unikernel.UnikernelError, match=r"mine: probe\(\) raised ZeroDivisionError"):
        bench.cold(Target("mine", ["x"], probe=probe), 1)


# names --------------------------------------------------------------------------------------------


def test_names_are_those_of_the_target_and_numbered_where_they_repeat(bench: Bench) -> None:
    other = FakeTarget(service_time_s=0.02)
    bench.load(FAKE, rate_hz=8)
    bench.load(FAKE, rate_hz=16)
    bench.load(FAKE, rate_hz=16)
    bench.load(other, rate_hz=32)
    bench.cold(FAKE, 1)
    bench.cold(FAKE, 1, name="mine")
    assert [each.fullname for each in bench.results] == [
        "fake[0.125s]",
        "fake[0.0625s]",
        "fake #2[0.0625s]",
        "fake #3[0.03125s]",
        "fake[cold]",
        "mine[cold]",
    ]
    assert [each.series for each in bench.results[:4]] == ["fake", "fake", "fake #2", "fake #3"]


# life ---------------------------------------------------------------------------------------------


def test_results_stay_when_the_bench_is_closed(tmp_path: Path) -> None:
    with Bench(**QUICK) as bench:
        bench.load(FAKE, rate_hz=64)
    bench.save(tmp_path / "x.json")
    assert "fake[0.015625s]" in read(tmp_path / "x.json").loads
    with pytest.raises(LoadError, match=r"Bench.load: expected an open Bench, got one that was closed"):
        bench.load(FAKE, rate_hz=64)
    bench.close()
    with pytest.raises(LoadError, match="expected one with statement for each Bench"), bench:
        pass


def test_a_closed_bench_is_not_entered() -> None:
    bench = Bench(live=False)
    bench.close()
    with (
        pytest.raises(LoadError, match=r"Bench\.with: expected an open Bench, got one that was closed"),
        bench,
    ):
        pass


def test_a_second_with_is_refused_and_a_bench_in_another_is_fine(bench: Bench) -> None:
    with pytest.raises(LoadError, match="expected one with statement for each Bench, got a second"), bench:
        pass
    with Bench(**QUICK) as inner:
        inner.cold(FAKE, 1)
    assert bench.cold(FAKE, 1).completed == 1


def test_a_bench_without_a_with_statement_is_closed_when_it_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[run.Run] = []

    def close(self: run.Run) -> None:
        closed.append(self)

    monkeypatch.setattr(run.Run, "close", close)
    bench = Bench(**QUICK)
    del bench
    gc.collect()
    assert len(closed) == 1


def test_a_load_during_another_is_refused(bench: Bench) -> None:
    with (
        running.alone(),
        pytest.raises(LoadError, match="expected one load at a time in a process, got a second"),
    ):
        bench.cold(FAKE, 1)
    assert bench.cold(FAKE, 1).completed == 1


def test_a_load_runs_in_another_thread(bench: Bench) -> None:
    found = []
    thread = threading.Thread(target=lambda: found.append(bench.cold(FAKE, 3)))
    thread.start()
    thread.join()
    assert found[0].completed == 3


def interrupting(number: signal.Signals, after: int) -> Target:
    """Return a target whose n-th launch sends the signal to this process."""

    def service_s(launch: int) -> float:
        if launch == after:
            signal.raise_signal(number)
        return 0.01

    return FakeTarget(service_time_s=service_s)


def test_ctrl_c_keeps_what_was_measured(bench: Bench) -> None:
    with pytest.raises(KeyboardInterrupt):
        bench.sweep(interrupting(signal.SIGINT, 40), ["1/8", "1/16", "1/64"])
    sweep = bench.last
    assert isinstance(sweep, Sweep)
    assert [load.interrupted for load in sweep] == [False, False, True]
    assert sweep.interrupted
    assert bench.cold(FAKE, 1).completed == 1  # the bench is as good as new


def test_sigterm_ends_the_script_when_the_result_is_kept(tmp_path: Path) -> None:
    old = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        with Bench(json=tmp_path / "x.json", **QUICK) as bench, pytest.raises(SystemExit) as raised:
            bench.load(interrupting(signal.SIGTERM, 40), rate_hz=64)
        assert raised.value.code == 128 + signal.SIGTERM
    finally:
        signal.signal(signal.SIGTERM, old)
    saved = json.loads((tmp_path / "x.json").read_text())
    assert saved["benchmarks"][0]["extra_info"]["load"]["interrupted"]


def test_a_handler_of_ones_own_decides_what_a_signal_does(bench: Bench) -> None:
    came = []
    old = signal.signal(signal.SIGTERM, lambda number, _frame: came.append(number))
    try:
        sweep = bench.sweep(interrupting(signal.SIGTERM, 4), ["1/8", "1/16"])
    finally:
        signal.signal(signal.SIGTERM, old)
    assert came == [signal.SIGTERM]
    assert [load.interrupted for load in sweep] == [True]


# files --------------------------------------------------------------------------------------------


def test_every_reader_takes_what_is_saved(bench: Bench, tmp_path: Path) -> None:
    bench.sweep(FAKE, ["1/8", "1/64", "1/256"], knee=True, slo="p50:20ms")
    bench.cold(FAKE, 3)
    bench.load(FakeTarget("bad", fail_every=1), rate_hz=16)
    path = tmp_path / "x.json"
    bench.save(path)
    names = [each.fullname for each in bench.results]
    assert list(read(path).loads) == names
    assert [each.fullname for each in read_document(path, "x").loads] == names
    assert list(resumed.read(path)) == names
    for each in json.loads(path.read_text())["benchmarks"]:
        assert (
            each["stats"]["rounds"] == each["extra_info"]["load"]["completed"] == len(each["stats"]["data"])
        )


def test_the_file_has_every_load_as_soon_as_it_is_measured(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    counts: list[int] = []
    with Bench(json=path, on_load=lambda _: counts.append(len(read(path).loads)), **QUICK) as bench:
        bench.sweep(FAKE, ["1/8", "1/64"])
        bench.cold(FAKE, 1)
    assert counts == [1, 2, 3]
    assert [each.name for each in tmp_path.iterdir()] == ["x.json"]


def test_a_place_that_takes_no_file_is_refused_before_the_first_load(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"Bench\(json=…\): can't write .*; make the directory first"):
        Bench(json=tmp_path / "none" / "x.json")
    with pytest.raises(SettingError, match=r"Bench\(json=…\): can't write .*; name a file in it"):
        Bench(json=tmp_path)


def test_a_resumed_bench_runs_only_what_is_missing(tmp_path: Path) -> None:
    path, ran = tmp_path / "x.json", []

    def service_s(launch: int) -> float:
        ran.append(launch)
        return 0.01

    target = FakeTarget(service_time_s=service_s)
    with Bench(json=path, **QUICK) as bench:
        first = bench.sweep(target, ["1/8", "1/16"])
    ran.clear()
    with Bench(json=path, resume=path, **QUICK) as bench:
        assert bench.load(target, time_step="1/8").as_json() == first[0].as_json()
        assert not ran
        assert list(read(path).loads) == ["fake[0.125s]", "fake[0.0625s]"]  # the other one is not lost
        assert bench.load(target, rate_hz=4).completed
    assert ran


# what people see ----------------------------------------------------------------------------------


def test_a_result_and_a_sweep_are_text(bench: Bench) -> None:
    result = bench.cold(FAKE, 3)
    assert str(result) == "fake cold: 3 of 3 launches done, p50 10 ms, p99 –, ok"  # noqa: RUF001 - a dash
    sweep = bench.sweep(FAKE, ["1/8", "1/64", "1/256"])
    assert str(sweep).startswith("fake\n  window 1 s")
    assert "knee 64/s; not 256/s (saturated)" in str(sweep)
    assert "pytest-benchmark" not in str(bench)
    assert "cold starts, one after the other" in str(bench)
    assert repr(sweep) == "<Sweep fake: 3 loads>"


def test_the_table_of_a_sweep_has_its_own_loads_only(bench: Bench) -> None:
    result = bench.load(FAKE, rate_hz=64)
    sweep = bench.sweep(FAKE, ["1/8", "1/16"])
    assert "knee ≥ 16/s" in str(sweep)
    assert "1/64 s" not in str(sweep)
    assert repr(result) == f"<BenchResult {result}>"


def test_errors_name_keywords_and_not_pytests_options(bench: Bench, tmp_path: Path) -> None:
    busy = Target("mine", ["/bin/true"])
    with pytest.raises(LoadError) as raised, running.in_own_words(bench._wording):
        raise LoadError("--sweep-quiet-host=fail: the host is busy; take --sweep-quiet-host=warn")
    assert str(raised.value) == "quiet_host='fail': the host is busy; take quiet_host='warn'"
    assert busy.full_name == "mine"
