"""``compare --between``: two targets of the same run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asked import answered

from pytest_unikernel import Bench
from pytest_unikernel.testing import FakeTarget

STEPS = ["1/8", "1/16"]


def measured(
    path: Path, times_s: dict[str, float], trials: int = 8, order: str = "rounds", **more: Any
) -> Path:
    with Bench(warmup=0, window=2, live=False, trials=trials, order=order, json=path) as bench:
        for name, time_s in times_s.items():
            bench.sweep(FakeTarget(name, service_time_s=varied(time_s)), STEPS)
    return path


def varied(time_s: float) -> Callable[[int], float]:
    """Return service times that differ a little from launch to launch."""
    return lambda launch: time_s + launch % 7 * 1e-4


def compared(*arguments: object) -> str:
    return answered(["compare", *map(str, arguments)]).out


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("run")
    return measured(place / "o.json", {"a": 0.010, "b": 0.011, "c": 0.010})


def test_a_slower_target_is_called_slower(run: Path) -> None:
    said = compared(run, "--between", "a", "b")
    assert "b is slower than a: p50" in said
    assert "now: b, was: a" in said
    assert "p50" in said.partition("b is slower")[2]


def test_the_other_way_round_it_is_faster(run: Path) -> None:
    said = compared(run, "--between", "b", "a")
    assert "a is faster than b: p50" in said
    assert "slower" not in said


def test_what_fails_more_often_is_not_called_slower(tmp_path: Path) -> None:
    path = tmp_path / "o.json"
    with Bench(warmup=0, window=20, live=False, trials=8, json=path) as bench:
        for name, every in (("a", 160), ("b", 30)):
            bench.sweep(FakeTarget(name, service_time_s=varied(0.01), fail_every=every), ["1/8"])
    said = " ".join(compared(path, "--between", "a", "b").split())
    assert "b fails more often than a: failure_rate +" in said
    assert " points (" in said
    assert "slower than a: failure_rate" not in said


def test_sweeps_and_cold_starts_are_one_family(tmp_path: Path) -> None:
    """Twice as many questions must not alarm twice as often."""
    path = tmp_path / "o.json"
    with Bench(warmup=0, window=1, live=False, trials=8, json=path) as bench:
        for name in ("a", "b"):
            bench.sweep(FakeTarget(name, service_time_s=varied(0.01)), ["1/8"])
            bench.cold(FakeTarget(name, service_time_s=varied(0.01)), 3)
    document = answered(["compare", str(path), "--between", "a", "b", "--json", "-"]).json()
    assert [len(series["steps"]) for series in document["series"]] == [1, 1]


def test_an_equal_target_is_not(run: Path) -> None:
    assert "No difference found between c and a; p50 differs by less than 0.0 %." in compared(
        run, "--between", "a", "c"
    )


def test_a_limit_decides_on_the_status(run: Path) -> None:
    for limit, status in (("p50:5%", 1), ("p50:20%", 0)):
        assert answered(["compare", str(run), "--between", "a", "b", "--fail", limit]).status == status


def test_the_document_has_the_changes(run: Path) -> None:
    answer = answered(["compare", str(run), "--between", "a", "b", "--json", "-"]).json()
    changes = {each["metric"]: each for each in answer["series"][0]["steps"][0]["changes"]}
    assert changes["p50"]["judgement"] == "worse"
    assert changes["p50"]["p"] <= 0.015


def test_few_trials_name_the_cure(tmp_path: Path) -> None:
    run = measured(tmp_path / "o.json", {"a": 0.010, "b": 0.011}, trials=5)
    said = compared(run, "--between", "a", "b")
    assert "Is b slower than a? The trials can't tell" in said
    assert "5 trials; 8 or more are needed on each side: --sweep-trials=8" in " ".join(said.split())
    answer = answered(["compare", str(run), "--between", "a", "b", "--fail", "p50:5%"])
    assert answer.status == 75
    assert "a test needs 8 trials on each side: --sweep-trials=8" in answer.error


def test_trials_in_a_row_are_doubted(tmp_path: Path) -> None:
    run = measured(tmp_path / "o.json", {"a": 0.010, "b": 0.011}, order="series")
    assert "the trials did not take turns" in compared(run, "--between", "a", "b")


def test_runs_made_in_turn_add_up(tmp_path: Path) -> None:
    files = [
        measured(tmp_path / f"{name}{number}.json", {name: time_s}, trials=4)
        for number in range(2)
        for name, time_s in (("a", 0.010), ("b", 0.011))
    ]
    assert "b is slower than a: p50" in compared(*files, "--between", "a", "b")


def test_each_run_in_a_row_with_both_targets_is_doubted(tmp_path: Path) -> None:
    times = {"a": 0.010, "b": 0.011}
    files = [measured(tmp_path / f"{number}.json", times, trials=4, order="series") for number in range(2)]
    assert "the trials did not take turns" in compared(*files, "--between", "a", "b")


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("a", "a"), "expected two targets, got 'a' twice"),
        (("a", "zz"), "expected a target of these runs (a, b, c), got 'zz'"),
        (("", "a"), "expected a target of these runs (a, b, c), got ''"),
    ],
)
def test_an_unknown_name_is_refused(run: Path, names: tuple[str, str], said: str) -> None:
    answer = answered(["compare", str(run), "--between", *names])
    assert answer.status == 2
    assert said in answer.error


def test_a_name_of_several_tests_is_refused(run: Path, tmp_path: Path) -> None:
    document = json.loads(run.read_text())
    for bench in document["benchmarks"]:
        bench["extra_info"]["load"]["target"] = "a"
    (tmp_path / "o.json").write_text(json.dumps(document))
    answer = answered(["compare", str(tmp_path / "o.json"), "--between", "a", "b"])
    assert answer.status == 2
    assert "expected one test of 'a', got a, b, c; name one of these" in answer.error


def test_a_sweep_is_not_compared_with_cold_starts(tmp_path: Path) -> None:
    with Bench(warmup=0, window=1, live=False, json=tmp_path / "o.json") as bench:
        bench.sweep(FakeTarget("a"), STEPS)
        bench.cold(FakeTarget("b"), 3)
    answer = answered(["compare", str(tmp_path / "o.json"), "--between", "a", "b"])
    assert answer.status == 2
    assert "got a sweep of one and cold starts of the other" in answer.error


def test_options_about_the_host_are_refused(run: Path) -> None:
    answer = answered(["compare", str(run), "--between", "a", "b", "--busy"])
    assert answer.status == 2
    assert "mean nothing with --between" in answer.error
