"""``--sweep-precision``: trials are added until a figure is known so well."""

from __future__ import annotations

import json

import pytest
from sweeprun import loads, run

from pytest_unikernel.results.record.check import faults
from pytest_unikernel.results.record.whole import WHOLE

# The service time of each trial: NOISY's differ by up to 30 %, STEADY's by nothing.
TWO = """
import random
from pathlib import Path
made = random.Random(1)

def noting(name, spread):
    factor = [1.0]
    def take(launch):
        if launch == 0:
            factor[0] = made.uniform(1 - spread, 1 + spread)
            with open("trials", "a") as file:
                file.write(name)
        return 0.01 * factor[0]
    return FakeTarget(name, service_time_s=take)

@pytest.mark.load_sweep(time_steps=[0.1], warmup=0, window=1)
def test_steady(load_step):
    load_step(noting("s", 0.0))

@pytest.mark.load_sweep(time_steps=[0.1], warmup=0, window=1)
def test_noisy(load_step):
    load_step(noting("n", 0.15))
"""
ASKED = ("--sweep-precision=p50:10%", "--benchmark-json=o.json")


def trials(pytester: pytest.Pytester) -> str:
    path = pytester.path / "trials"
    text = path.read_text()
    path.unlink()
    return text


@pytest.mark.parametrize("order", [(), ("--sweep-order=series",)])
def test_a_noisy_target_gets_more_trials_than_a_steady_one(
    pytester: pytest.Pytester, order: tuple[str, ...]
) -> None:
    result = run(pytester, *ASKED, *order, source=TWO)
    result.assert_outcomes(passed=2)
    found = loads(pytester.path / "o.json")
    steady, noisy = found["test_steady[0.1s]"], found["test_noisy[0.1s]"]
    assert (steady["trials"], steady["precision"]["half_width_percent"]) == (6, pytest.approx(0.0))
    assert 6 < noisy["trials"] < 30
    assert noisy["precision"]["reached"]
    assert noisy["precision"]["half_width_percent"] <= 10
    ran = trials(pytester)
    assert (ran.count("s"), ran.count("n")) == (6, noisy["trials"])
    assert not order or ran == "s" * 6 + "n" * noisy["trials"]
    assert list(faults(noisy, WHOLE)) == []
    assert noisy["settings"]["precision"] == "p50:10%"
    result.stdout.fnmatch_lines([f"*p50 ± 10 %: reached after {noisy['trials']} trials"])


def test_it_gives_up_at_the_largest_number_of_trials(pytester: pytest.Pytester) -> None:
    how = ("--sweep-precision=p50:0.1%", "--sweep-max-trials=8", "--benchmark-json=o.json")
    result = run(pytester, *how, source=TWO)
    result.assert_outcomes(passed=2)
    noisy = loads(pytester.path / "o.json")["test_noisy[0.1s]"]
    assert (noisy["trials"], noisy["precision"]["reached"]) == (8, False)
    result.stdout.fnmatch_lines(["*1/10 s p50 ± 0.1 %: not reached, ± * % after 8 trials"])


def test_a_step_that_is_not_ok_gets_no_more_trials_and_ends_its_series(pytester: pytest.Pytester) -> None:
    source = """
@pytest.mark.load_sweep(time_steps=[0.2, 0.1, 0.05], warmup=0, window=20, trials=2)
def test_it(load_step):
    load_step(FakeTarget(servers=1, service_time_s=0.15))
"""
    result = run(pytester, *ASKED, "-rs", source=source)
    result.assert_outcomes(passed=2, skipped=1)
    found = loads(pytester.path / "o.json")
    assert {name: load["trials"] for name, load in found.items()} == {"test_it[0.2s]": 6, "test_it[0.1s]": 2}
    result.stdout.fnmatch_lines(["SKIPPED*not run: 1/10 s was saturated already"])


def test_records_without_it_lack_the_key(pytester: pytest.Pytester) -> None:
    run(pytester, "--benchmark-json=o.json", source=TWO)
    document = json.loads((pytester.path / "o.json").read_text())
    for bench in document["benchmarks"]:
        load = bench["extra_info"]["load"]
        assert "precision" not in load
        assert not {"precision", "max_trials"} & load["settings"].keys()


def test_a_resumed_run_has_it_all(pytester: pytest.Pytester) -> None:
    run(pytester, *ASKED, source=TWO)
    trials(pytester)
    run(pytester, *ASKED, "--sweep-resume=o.json").assert_outcomes(passed=2)
    assert not (pytester.path / "trials").exists()


def test_too_few_trials_are_refused(pytester: pytest.Pytester) -> None:
    result = run(pytester, *ASKED, "--sweep-max-trials=5", source=TWO)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*max_trials must be at least 6 with a precision, got 5 from command line*"])
