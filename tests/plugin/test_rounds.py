"""``--sweep-order=rounds``: a trial of every step and target, then the next; pooled when the last has run."""

from __future__ import annotations

import itertools
import json

import pytest
from sweeprun import LENIENT, loads, run, run_apart

ROUNDS, SERIES = ("--sweep-order=rounds",), ("--sweep-order=series",)
# Each trial writes its target's name; STOP_AT sends a signal at the first launch of the trial of that number.
HEAD = """
import os
from pathlib import Path

def noting(name, service_time_s=0.01):
    def take(number):
        if number == 0:
            with open("trials", "a") as file:
                file.write(name)
            if os.environ.get("STOP_AT") == str(len(Path("trials").read_text())):
                os.kill(os.getpid(), 2)
        return service_time_s
    return FakeTarget(name, service_time_s=take)
"""
TWO = (
    HEAD
    + """
@pytest.mark.load_sweep(**FAST)
def test_a(load_step):
    assert load_step(noting("a")).verdict == "ok"

@pytest.mark.load_sweep(**FAST)
def test_b(load_step):
    load_step(noting("b"))
"""
)

# Each trial writes its step. SLOW has the trials, by step, in which the target can't keep up.
STEPS = """
import pytest
from pathlib import Path
SLOW = {}
run_so_far = []

@pytest.mark.load_sweep(time_steps=[0.2, 0.1, 0.05], warmup=0, window=20)
def test_it(load_step, timestep):
    def take(launch):
        if launch == 0:
            run_so_far.append(timestep)
            with open("trials", "a") as file:
                file.write(f"{timestep} ")
        return 1.0 if run_so_far.count(timestep) in SLOW.get(timestep, ()) else 0.01
    load_step(FakeTarget(servers=1, service_time_s=take))
"""


def trials(pytester: pytest.Pytester) -> str:
    """Return the targets whose trials were run since the last time, in their order."""
    path = pytester.path / "trials"
    text = path.read_text() if path.exists() else ""
    path.unlink(missing_ok=True)
    return text


@pytest.mark.parametrize(
    ("count", "order"), [(1, "abba"), (2, "abba baab"), (3, "abba baab abba"), (4, "abba baab abba baab")]
)
def test_each_round_goes_back_and_forth_between_targets(
    pytester: pytest.Pytester, count: int, order: str
) -> None:
    result = run(pytester, *ROUNDS, f"--sweep-trials={count}", "-W", "error", source=TWO)
    result.assert_outcomes(passed=4)
    assert trials(pytester) == order.replace(" ", "")


@pytest.mark.parametrize(
    ("arguments", "order"),
    [((), "aabb"), (("--sweep-trials=2",), "abbabaab"), (("--sweep-trials=2", *SERIES), "aaaabbbb")],
)
def test_by_default_several_trials_go_in_rounds(
    pytester: pytest.Pytester, arguments: tuple[str, ...], order: str
) -> None:
    run(pytester, *arguments, source=TWO).assert_outcomes(passed=4)
    assert trials(pytester) == order


def test_a_step_has_its_trials_in_different_rounds(pytester: pytest.Pytester) -> None:
    run(pytester, "--sweep-trials=2", source=STEPS).assert_outcomes(passed=3)
    assert trials(pytester).split() == ["0.2", "0.1", "0.05"] * 2


def test_pooled_results_are_those_of_trials_in_a_row(pytester: pytest.Pytester) -> None:
    run(pytester, *ROUNDS, "--sweep-trials=3", "--benchmark-json=o.json", source=TWO)
    run(pytester, *SERIES, "--sweep-trials=3", "--benchmark-json=p.json")
    for name, record in loads(pytester.path / "o.json").items():
        other = loads(pytester.path / "p.json")[name]
        assert (record["settings"].pop("order"), other["settings"].pop("order")) == ("rounds", "series")
        for key in ("generator", "host"):  # of this machine
            assert record.pop(key).keys() == other.pop(key).keys()
        assert record.pop("run")["plugin_version"] == other.pop("run")["plugin_version"]
        assert record == other
        assert record["trials"] == len(record["per_trial"]) == 3


@pytest.mark.parametrize("order", [(), ROUNDS])
def test_an_overload_does_not_lengthen_the_next_trials_warm_up(
    pytester: pytest.Pytester, order: tuple[str, ...]
) -> None:
    """Service times beyond the knee are as long as the overload was: trials would be ever longer ones."""
    source = """
@pytest.mark.load_sweep(time_steps=[0.05], warmup=1.0, window=4.0, trials=3)
def test_slow(load_step):
    load_step(FakeTarget(servers=1, service_time_s=0.1))
"""
    run(pytester, *order, "--benchmark-json=o.json", source=source).assert_outcomes(passed=1)
    (record,) = loads(pytester.path / "o.json").values()
    assert record["service_time_s"]["max"] > 1.0
    assert record["warmup_s"] < 1.5
    assert record["per_trial"] == record["per_trial"][:1] * 3
    assert record["verdict"] == "saturated"


@pytest.mark.parametrize("order", [(), ROUNDS])
def test_only_the_first_trial_waits_for_something_to_complete(
    pytester: pytest.Pytester, order: tuple[str, ...]
) -> None:
    source = """
def never(number):
    with open("numbers", "a") as file:
        file.write(f"{number}\\n")
    return 1000.0

@pytest.mark.load_sweep(time_steps=[0.5], warmup=1.0, window=4.0, trials=3)
def test_dead(load_step):
    load_step(FakeTarget(service_time_s=never, timeout_s=2.0))
"""
    run(pytester, *order, source=source).assert_outcomes(failed=1)  # a target that never completes is one
    numbers = [int(number) for number in (pytester.path / "numbers").read_text().split()]
    begins = [place for place, number in enumerate(numbers) if number == 0]
    first, second, third = (end - begin for begin, end in itertools.pairwise([*begins, len(numbers)]))
    assert first >= second + 8  # ten failures are waited for
    assert second == third


@pytest.mark.parametrize(
    ("slow", "order", "kept"),
    [
        # A step that one trial of three found overloaded is ok: the faster one gets its trials at the end.
        ("{0.1: [1]}", "0.2 0.1 0.2 0.1 0.2 0.1 0.05 0.05 0.05", {"0.2": 3, "0.1": 3, "0.05": 3}),
        # One that turned out to be overloaded ends the series: the faster one keeps what it has.
        ("{0.1: [2, 3]}", "0.2 0.1 0.05 0.2 0.1 0.2 0.1", {"0.2": 3, "0.1": 3, "0.05": 1}),
        ("{0.1: [1, 2, 3]}", "0.2 0.1 0.2 0.1 0.2 0.1", {"0.2": 3, "0.1": 3}),
    ],
)
def test_a_series_goes_on_behind_a_step_while_that_is_ok_by_its_trials_so_far(
    pytester: pytest.Pytester, slow: str, order: str, kept: dict[str, int]
) -> None:
    source = STEPS.replace("SLOW = {}", f"SLOW = {slow}")
    result = run(pytester, "--sweep-trials=3", "--benchmark-json=o.json", "-rs", source=source)
    result.assert_outcomes(passed=len(kept), skipped=3 - len(kept))
    assert trials(pytester).split() == order.split()
    found = loads(pytester.path / "o.json")
    assert {name: load["trials"] for name, load in found.items()} == {
        f"test_it[{step}s]": count for step, count in kept.items()
    }
    assert not any(load["interrupted"] for load in found.values())
    if len(kept) < 3:
        result.stdout.fnmatch_lines(["SKIPPED*not run: 1/10 s was saturated already"])


def test_the_end_of_a_round_is_reported(pytester: pytest.Pytester) -> None:
    result = run(pytester, "--sweep-trials=3", source=TWO)
    result.stdout.fnmatch_lines(
        ["[[]4/12, * left] round 1 of 3 is measured*", "[[]8/12, * left] round 2 of 3 *"]
    )
    result.stdout.fnmatch_lines(["[[]12/12] *"])
    result.stdout.no_fnmatch_line("*round 3 of 3*")


def test_seeds_differ_between_trials_as_in_a_row(pytester: pytest.Pytester) -> None:
    arguments = ["--sweep-trials=2", "--sweep-arrivals=poisson", "--sweep-seed=7", "--benchmark-json=o.json"]
    run(pytester, *ROUNDS, *arguments, source=TWO)
    assert loads(pytester.path / "o.json")["test_a[0.1s]"]["seeds"] == [7, 8]


def test_fixtures_are_set_up_and_torn_down_for_each_trial(pytester: pytest.Pytester) -> None:
    source = (
        TWO.replace("test_a(load_step)", "test_a(load_step, own, shared)").replace(
            "test_b(load_step)", "test_b(load_step, own, shared)"
        )
        + """
@pytest.fixture
def own(request):
    say(f"+{request.node.name[5]}")
    yield
    say(f"-{request.node.name[5]}")

@pytest.fixture(scope="module")
def shared():
    say("+")
    yield
    say("-")

def say(text):
    with open("said", "a") as file:
        file.write(text + " ")
"""
    )
    run(pytester, *ROUNDS, "--sweep-trials=2", "--sweep-time-steps=0.1", source=source)
    assert (pytester.path / "said").read_text().split() == [
        "+",
        *("+a", "-a", "+b", "-b"),  # the survey
        "+a",
        "-a",
        "+b",
        "-b",
        "+b",
        "-b",
        "+a",
        "-a",
        "-",
    ]


def test_tests_of_several_modules_and_classes_take_turns(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_z="""
import pytest
from pytest_unikernel.testing import FakeTarget

def test_first(): pass

class TestC:
    @pytest.mark.load_sweep(time_steps=[0.1, 0.05], warmup=0, window=1)
    def test_c(self, load_step):
        assert load_step(FakeTarget("c")).trials == 2

def test_last(): pass
"""
    )
    result = run(pytester, *ROUNDS, "--sweep-trials=2", "-v", source=TWO)
    result.assert_outcomes(passed=8)
    assert trials(pytester) == "abbabaab"
    result.stdout.fnmatch_lines(["*TestC::test_c?0.1s? PASSED*", "*TestC::test_c?0.05s? PASSED*"])


def test_a_target_with_fewer_trials_joins_in_later(pytester: pytest.Pytester) -> None:
    source = TWO.replace("(**FAST)", "(**FAST, trials=3)", 1).replace("(**FAST)\n", "(**FAST, trials=1)\n", 1)
    run(pytester, *ROUNDS, "--sweep-time-steps=0.1", source=source).assert_outcomes(passed=2)
    assert trials(pytester) == "aaab"


def test_steps_after_the_knee_are_skipped_for_their_own_target_only(pytester: pytest.Pytester) -> None:
    overloaded = 'load_step(noting("a", 0.15))'
    source = TWO.replace('assert load_step(noting("a")).verdict == "ok"', overloaded).replace(
        "FakeTarget(name, ", "FakeTarget(name, servers=1, "
    )
    source = "LONG = dict(time_steps=[0.1, 0.05], warmup=0, window=20)\n" + source.replace("FAST", "LONG")
    result = run(pytester, *ROUNDS, "--sweep-trials=2", "-rs", source=source)
    result.assert_outcomes(passed=3, skipped=1)
    assert trials(pytester) == "abbbab"
    result.stdout.fnmatch_lines(["SKIPPED*not run: 1/10 s was saturated already"])


def test_a_target_that_can_not_run_here_is_skipped_once(pytester: pytest.Pytester) -> None:
    source = TWO.replace(
        'load_step(noting("b"))', 'load_step(Target("b", ["/x"], probe=lambda: Unavailable("no", "get it")))'
    )
    run(pytester, *ROUNDS, "--sweep-trials=3", source=source).assert_outcomes(passed=2, skipped=1)
    assert trials(pytester) == "aaaaaa"


def test_a_second_load_is_an_error_in_the_last_run(pytester: pytest.Pytester) -> None:
    source = TWO + '    load_step(noting("b"))\n'
    result = run(pytester, *ROUNDS, "--sweep-trials=2", source=source)
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines(["load_step: expected one load per test, got a second (test_it.py::test_b*"])


def test_with_benchmarks_disabled_each_test_runs_once(pytester: pytest.Pytester) -> None:
    run(pytester, *ROUNDS, "--sweep-trials=3", "--benchmark-disable", source=TWO).assert_outcomes(passed=4)
    assert trials(pytester) == "abba"  # the second step begins with b, as it would


def test_the_searches_follow_all_steps(pytester: pytest.Pytester) -> None:
    source = (
        TWO.replace("noting(", "noting_one(")
        + """
def noting_one(name):
    return FakeTarget(name, servers=1, service_time_s=1 / 15)
"""
    )
    source = source.replace(".verdict == ", ".verdict != 'failing' or ")
    result = run(pytester, *ROUNDS, "--sweep-trials=2", "--sweep-knee", "-v", source=source)
    result.assert_outcomes(passed=6)
    result.stdout.fnmatch_lines(["*test_a?knee? PASSED*", "*test_b?knee? PASSED*", "  knee 1*/s (1* to 1*)*"])


# ended early ---------------------------------------------------------------------------------------


def test_what_was_measured_before_a_failure_ended_the_run_is_kept_and_marked(
    pytester: pytest.Pytester,
) -> None:
    source = TWO.replace('verdict == "ok"', 'verdict == "never"')
    result = run(pytester, *ROUNDS, "-x", "--sweep-trials=3", "--benchmark-json=o.json", source=source)
    result.assert_outcomes(failed=1)
    assert trials(pytester) == "abbabaaba"
    found = loads(pytester.path / "o.json")
    assert {name: (load["trials"], load["interrupted"]) for name, load in found.items()} == {
        "test_a[0.1s]": (3, False),
        "test_b[0.1s]": (2, True),
        "test_a[0.05s]": (2, True),
        "test_b[0.05s]": (2, True),
    }


def test_an_interrupt_keeps_the_trials_of_all_targets_and_the_run_is_resumed(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STOP_AT", "8")  # of the second step, the second trial of b
    result = run_apart(pytester, *ROUNDS, "--sweep-trials=2", "--benchmark-json=o.json", source=TWO)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert trials(pytester) == "abbabaab"
    found = loads(pytester.path / "o.json")
    assert {name: load["interrupted"] for name, load in found.items()} == {
        "test_a[0.1s]": False,
        "test_b[0.1s]": False,
        "test_a[0.05s]": False,
        "test_b[0.05s]": True,
    }
    (journal,) = pytester.path.glob(".pytest_cache/d/unikernel/*")
    monkeypatch.delenv("STOP_AT")
    arguments = ["--sweep-trials=2", f"--sweep-resume={journal}", "--benchmark-json=p.json"]
    run_apart(pytester, *ROUNDS, *arguments).assert_outcomes(passed=4)
    assert trials(pytester) == "bb"
    assert not any(load["interrupted"] for load in loads(pytester.path / "p.json").values())


def test_an_interrupt_in_an_early_trial_keeps_the_others(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STOP_AT", "2")
    run_apart(pytester, *ROUNDS, "--sweep-trials=2", "--benchmark-json=o.json", source=TWO)
    assert trials(pytester) == "ab"
    found = loads(pytester.path / "o.json")
    assert {name: load["interrupted"] for name, load in found.items()} == {
        "test_a[0.1s]": True,
        "test_b[0.1s]": True,
    }
    assert found["test_a[0.1s]"]["completed"] == 10


# order of collection -------------------------------------------------------------------------------


def test_a_search_runs_after_its_steps_whatever_the_order(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("def pytest_collection_modifyitems(items):\n    items.reverse()\n")
    result = run(pytester, "--co", "-q", "--sweep-knee", source=TWO)
    names = [line.partition("::")[2] for line in result.outlines if "::" in line]
    assert names == [
        *("test_b[0.05s]", "test_b[0.1s]", "test_b[knee]"),
        *("test_a[0.05s]", "test_a[0.1s]", "test_a[knee]"),
    ]


def test_an_order_that_was_turned_round_stays_so_in_rounds(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("def pytest_collection_modifyitems(items):\n    items.reverse()\n")
    run(pytester, "--sweep-trials=2", source=TWO).assert_outcomes(passed=4)
    assert trials(pytester) == "baababba"  # of the step of 0.05 s first


def test_tests_without_a_sweep_keep_their_order_around_the_block(pytester: pytest.Pytester) -> None:
    source = TWO.replace("@pytest.mark", "def test_first(): pass\n\n@pytest.mark", 1)
    source += "\ndef test_last(): pass\n"
    result = run(pytester, "--co", "-q", *ROUNDS, source=source)
    names = [line.partition("::")[2].partition("[")[0] for line in result.outlines if "::" in line]
    assert names == ["test_first", "test_a", "test_b", "test_b", "test_a", "test_last"]


def test_records_say_which_order_they_were_measured_in(pytester: pytest.Pytester) -> None:
    run(pytester, *ROUNDS, "--benchmark-json=o.json", source=TWO)
    document = json.loads((pytester.path / "o.json").read_text())
    orders = {bench["extra_info"]["load"]["settings"]["order"] for bench in document["benchmarks"]}
    assert orders == {"rounds"}


def test_real_processes_take_turns_too(pytester: pytest.Pytester) -> None:
    source = (
        LENIENT
        + """
@pytest.mark.parametrize("name", ["a", "b"])
@pytest.mark.load_sweep(time_steps=[0.05], warmup=0, window=0.5, trials=2)
def test_it(load_step, name):
    assert load_step(Target(name, ["/bin/true"])).completed == 20
"""
    )
    arguments = ["--sweep-raw=raw", "--benchmark-json=o.json"]
    run(pytester, *ROUNDS, *arguments, source=source).assert_outcomes(passed=2)
    record = loads(pytester.path / "o.json")["test_it[a-0.05s]"]
    assert record["quiescence"]["waits"] == len(record["per_trial"]) == 2
    assert record["quiescence"]["waited_s"] > 0
    assert record["generator"]["cpu_s_per_launch"] > 0
    assert len(list((pytester.path / "raw").iterdir())) == 2  # a table per load, its trials in it
