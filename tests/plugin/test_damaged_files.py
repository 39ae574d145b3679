"""Runs that are given damaged files: a step is run again, a record left out, or the file refused."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import damage
import pytest
from sweeprun import TWO_STEPS, run

DAMAGES = 10
REFUSED = "ERROR: --sweep-resume: "


@pytest.fixture
def saved(pytester: pytest.Pytester) -> Path:
    """A saved run of two steps, with its samples."""
    run(pytester, "--benchmark-save=run", "--benchmark-save-data", source=TWO_STEPS).assert_outcomes(passed=2)
    return next(pytester.path.glob(".benchmarks/*/0001_run.json"))


def damaged(saved: Path, number: int) -> bytes:
    """Return the saved run with a few of its records' values changed, the same ones each time."""
    chance = random.Random(number)  # noqa: S311 - the same each time
    document = json.loads(saved.read_text())
    ways = [way for way in damage.places(document) if way[2:4] == ("extra_info", "load")]
    for _ in range(1 + number % 3):
        way, how, odd = chance.choice(ways), chance.choice(damage.HOW), chance.choice(damage.ODD)
        document = damage.changed(document, way, how, odd)
    return damage.saved(document)


def check(result: pytest.RunResult) -> None:
    """A run went through, or ended with one line that says why not."""
    said = result.stdout.str() + result.stderr.str()
    assert "Traceback" not in said
    assert "INTERNALERROR" not in said
    if result.ret == pytest.ExitCode.USAGE_ERROR:
        assert next(line for line in result.errlines if line).startswith(REFUSED)
    else:
        result.assert_outcomes(passed=2)


@pytest.mark.parametrize("number", range(DAMAGES))
def test_a_run_is_resumed_from_a_damaged_file_or_not_begun(
    pytester: pytest.Pytester, saved: Path, number: int
) -> None:
    file = pytester.path / "damaged.json"
    file.write_bytes(damaged(saved, number))
    check(run(pytester, f"--sweep-resume={file}", "-W", "ignore"))


@pytest.mark.parametrize("number", range(DAMAGES))
def test_a_run_is_compared_with_a_damaged_one_or_without_it(
    pytester: pytest.Pytester, saved: Path, number: int
) -> None:
    saved.write_bytes(damaged(saved, number))
    check(run(pytester, "--benchmark-compare", "--sweep-compare-fail=p50:20%", "-W", "ignore"))


def changed(saved: Path, way: tuple[Any, ...], how: str = "odd", odd: Any = None) -> Path:
    """Change the first record of the saved run."""
    document = json.loads(saved.read_text())
    saved.write_bytes(damage.saved(damage.changed(document, ("benchmarks", 0, *way), how, odd)))
    return saved


@pytest.mark.parametrize(
    ("way", "odd", "says"),
    [
        (("fullname",), ["a"], "benchmark 1: *got the fullname ?'a'?*"),
        (("extra_info", "load", "response_time_s"), True, "benchmark 1: load.response_time_s: expected an *"),
        (("extra_info", "load", "verdict"), {}, "benchmark 1: load.verdict: expected a text, got {}; *"),
        (("stats", "data"), ["x"], "benchmark 1: stats.data?0?: expected a number >= 0, got 'x'; *"),
    ],
)
def test_a_file_with_a_damaged_record_is_refused_by_its_place_and_key(
    pytester: pytest.Pytester, saved: Path, way: tuple[str, ...], odd: object, says: str
) -> None:
    result = run(pytester, f"--sweep-resume={changed(saved, way, odd=odd)}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"{REFUSED}*0001_run.json, {says}"])


def test_a_step_that_lacks_something_is_run_again_and_named(pytester: pytest.Pytester, saved: Path) -> None:
    changed(saved, ("extra_info", "load", "instance"), "drop")
    result = run(pytester, f"--sweep-resume={saved}")
    result.assert_outcomes(passed=2, warnings=1)
    result.stdout.fnmatch_lines(
        ["*--sweep-resume: test_it.py::test_it?0.1s? is run again, *_run.json is incomplete: load.instance *"]
    )
    assert result.stdout.str().count("taken over from the resumed run") == 1


def test_a_step_whose_record_is_of_another_time_step_is_run_again(
    pytester: pytest.Pytester, saved: Path
) -> None:
    changed(saved, ("extra_info", "load", "time_step_s"), odd=5.0)
    result = run(pytester, f"--sweep-resume={saved}")
    result.assert_outcomes(passed=2)
    assert result.stdout.str().count("taken over from the resumed run") == 1
