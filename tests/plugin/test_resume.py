"""``--sweep-resume``: finished steps are not run again, whatever changed is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sweeprun import TWO_STEPS, benches, loads, run, write

COUNTED = """
import dataclasses


def take(number):
    with open("launches", "a") as file:
        file.write("x")
    return 0.01


@pytest.fixture
def counted():
    return dataclasses.replace(FakeTarget("counted", service_time_s=take), argv=["one"])


@pytest.mark.load_sweep(time_steps=[0.05, 0.02], warmup=0)
def test_it(load_step, counted):
    load_step(counted)
"""
QUICKLY = ("--sweep-window=0.2",)


def launches(pytester: pytest.Pytester) -> int:
    """Return how many launches there were since the last time."""
    path = pytester.path / "launches"
    count = len(path.read_text()) if path.exists() else 0
    path.unlink(missing_ok=True)
    return count


def journals(pytester: pytest.Pytester) -> list[Path]:
    return sorted(pytester.path.glob(".pytest_cache/d/unikernel/*"))


@pytest.fixture
def saved(pytester: pytest.Pytester) -> Path:
    """A saved run of both steps."""
    path = pytester.path / "saved.json"
    run(pytester, *QUICKLY, f"--benchmark-json={path}", source=COUNTED).assert_outcomes(passed=2)
    assert launches(pytester) >= 14
    return path


def test_steps_of_a_saved_file_are_not_run_again(pytester: pytest.Pytester, saved: Path) -> None:
    result = run(pytester, *QUICKLY, f"--sweep-resume={saved}", "--benchmark-json=again.json")
    result.assert_outcomes(passed=2)
    assert launches(pytester) == 0
    before, after = benches(saved), benches(pytester.path / "again.json")
    assert before.keys() == after.keys()
    for name, bench in before.items():
        assert bench["extra_info"]["load"] == after[name]["extra_info"]["load"]
        assert bench["stats"]["data"] == after[name]["stats"]["data"]


def test_steps_that_are_missing_are_run(pytester: pytest.Pytester, saved: Path) -> None:
    document = json.loads(saved.read_text())
    document["benchmarks"] = [each for each in document["benchmarks"] if "0.05s" in each["name"]]
    saved.write_text(json.dumps(document))
    result = run(pytester, *QUICKLY, f"--sweep-resume={saved}", "--benchmark-json=again.json")
    result.assert_outcomes(passed=2)
    assert 10 <= launches(pytester) < 14 + 4
    assert len(loads(pytester.path / "again.json")) == 2


def test_interrupted_steps_are_run_again(pytester: pytest.Pytester, saved: Path) -> None:
    saved.write_text(saved.read_text().replace('"interrupted": false', '"interrupted": true'))
    run(pytester, *QUICKLY, f"--sweep-resume={saved}").assert_outcomes(passed=2)
    assert launches(pytester) >= 14


@pytest.mark.parametrize(
    "change",
    [
        ("load_step(counted)", "load_step(counted(servers=9))"),
        ('argv=["one"]', 'argv=["other"]'),
        ('"counted"', '"counter"'),
        ("warmup=0", "warmup=0.1"),
    ],
    ids=["variant", "argv", "name", "warm-up"],
)
def test_a_changed_target_or_marker_is_run_again(
    pytester: pytest.Pytester, saved: Path, change: tuple[str, str]
) -> None:
    write(pytester, COUNTED.replace(*change))
    run(pytester, *QUICKLY, f"--sweep-resume={saved}").assert_outcomes(passed=2)
    assert launches(pytester) >= 14


@pytest.mark.parametrize("option", ["--sweep-window=0.25", "--sweep-trials=2", "--sweep-arrivals=poisson"])
def test_a_changed_option_runs_steps_again(pytester: pytest.Pytester, saved: Path, option: str) -> None:
    run(pytester, *QUICKLY, option, f"--sweep-resume={saved}").assert_outcomes(passed=2)
    assert launches(pytester) >= 8


def test_a_resumed_step_ends_its_series_as_it_did(pytester: pytest.Pytester) -> None:
    source = """
@pytest.mark.load_sweep(time_steps=[0.1, 0.04, 0.02], warmup=1, window=20)
def test_it(load_step):
    load_step(FakeTarget("queue", service_time_s=0.045, servers=1))
"""
    run(pytester, "--benchmark-json=o.json", source=source).assert_outcomes(passed=2, skipped=1)
    run(pytester, "--sweep-resume=o.json").assert_outcomes(passed=2, skipped=1)


def test_a_load_that_failed_fails_again_without_being_run(pytester: pytest.Pytester) -> None:
    source = COUNTED.replace("service_time_s=take", "service_time_s=take, fail_every=1")
    run(pytester, *QUICKLY, "--benchmark-json=o.json", source=source).assert_outcomes(failed=1, skipped=1)
    assert launches(pytester) > 0
    run(pytester, *QUICKLY, "--sweep-resume=o.json").assert_outcomes(failed=1, skipped=1)
    assert launches(pytester) == 0


# wrong files --------------------------------------------------------------------------------------

RECORD = {"target": "a", "variant": {}, "ready": "exit", "settings": {}, "interrupted": False}
GOOD_LINE = json.dumps({"fullname": "a", "record": RECORD, "responses_s": []})


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("nonsense", "line 1: *got 'nonsense'"),
        ("[1, 2]\n", "line 1: *got '?1, 2?'"),
        (f"{GOOD_LINE}\n{{}}\n{GOOD_LINE}\n", "line 2: *got '{}'"),
        (f'{GOOD_LINE}\n{{"fullname": "a", "rec\n{GOOD_LINE}\n', "line 2: *"),
        ('{"fullname": "a", "record": {}, "responses_s": []}\n', "line 1: *"),
        ('{"benchmarks": [{"extra_info": {"load": {"interrupted": false}}}]}', "benchmark 1: *"),
        ('{"benchmarks": ["x"]}', "benchmark 1: *"),
    ],
)
def test_a_corrupt_file_is_a_usage_error_that_names_the_line(
    pytester: pytest.Pytester, text: str, where: str
) -> None:
    (pytester.path / "x.journal").write_text(text)
    result = run(pytester, "--sweep-resume=x.journal", source=TWO_STEPS)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: --sweep-resume: *x.journal, {where}"])
    result.stderr.no_fnmatch_line("*Traceback*")


def test_a_file_that_is_no_text_is_a_usage_error(pytester: pytest.Pytester) -> None:
    (pytester.path / "x.journal").write_bytes(b"\xff\xfe\x00")
    result = run(pytester, "--sweep-resume=x.journal", source=TWO_STEPS)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --sweep-resume: can't read '*x.journal': *"])


def test_a_saved_file_without_samples_says_how_to_get_them(pytester: pytest.Pytester) -> None:
    run(pytester, "--benchmark-save=x", source=TWO_STEPS)
    saved = next(pytester.path.glob(".benchmarks/*/0001_x.json"))
    result = run(pytester, f"--sweep-resume={saved}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*0001_x.json, benchmark 1: *--benchmark-save-data"])


def test_a_last_line_that_was_cut_off_is_no_error(pytester: pytest.Pytester) -> None:
    (pytester.path / "x.journal").write_text(f"{GOOD_LINE}\n{GOOD_LINE[:20]}")
    run(pytester, "--sweep-resume=x.journal", source=TWO_STEPS).assert_outcomes(passed=2)


def test_an_empty_journal_resumes_nothing(pytester: pytest.Pytester) -> None:
    (pytester.path / "x.journal").touch()
    run(pytester, "--sweep-resume=x.journal", source=TWO_STEPS).assert_outcomes(passed=2)


# the journal --------------------------------------------------------------------------------------


def test_a_complete_run_leaves_no_journal(pytester: pytest.Pytester) -> None:
    result = run(pytester, source=TWO_STEPS + "\ndef test_fails(): assert False\n")
    result.assert_outcomes(passed=2, failed=1)
    assert journals(pytester) == []
    result.stdout.no_fnmatch_line("*resume with*")


def test_a_run_that_ends_at_its_first_failure_can_be_resumed(pytester: pytest.Pytester) -> None:
    source = "\ndef test_a(load_step, fake): assert load_step(fake).verdict == 'ok'\n"
    source = "@pytest.mark.load_sweep(**FAST)" + source + "\ndef test_b(): assert False\n" + TWO_STEPS
    result = run(pytester, "-x", source=source)
    result.assert_outcomes(passed=2, failed=1)
    (journal,) = journals(pytester)
    result.stdout.fnmatch_lines([f"resume with: --sweep-resume={journal}"])
    assert journal.stat().st_mode & 0o777 == 0o600
    run(pytester, f"--sweep-resume={journal}").assert_outcomes(passed=4, failed=1)
    assert journals(pytester) == []


def test_a_later_run_with_other_steps_leaves_a_journal_alone(pytester: pytest.Pytester) -> None:
    run(pytester, "-x", source=TWO_STEPS + "\ndef test_b(): assert False\n")
    before = journals(pytester)
    assert len(before) == 1
    run(pytester, "-k", "0.1s")
    assert journals(pytester) == before


def test_a_run_without_a_load_has_no_journal(pytester: pytest.Pytester) -> None:
    result = run(pytester, "-x", source="def test_c(cold_start, fake): assert False\n")
    assert journals(pytester) == []
    result.stdout.no_fnmatch_line("*resume with*")


COLD = (
    COUNTED
    + """

def test_cold(cold_start, counted):
    cold_start(counted, launches=3)
"""
)


@pytest.fixture
def cold(pytester: pytest.Pytester) -> Path:
    """The journal of a cold start."""
    run(pytester, "-x", "-k", "cold or last", source=COLD + "\ndef test_last(): assert False\n")
    assert launches(pytester) == 4
    (journal,) = journals(pytester)
    return journal


def test_a_cold_start_is_in_the_journal_and_not_run_again(pytester: pytest.Pytester, cold: Path) -> None:
    result = run(pytester, f"--sweep-resume={cold}", "--benchmark-json=o.json", "-k", "cold")
    result.assert_outcomes(passed=1)
    assert launches(pytester) == 0
    (record,) = loads(pytester.path / "o.json").values()
    assert (record["mode"], record["completed"]) == ("cold", 3)
    assert journals(pytester) == []


@pytest.mark.parametrize(
    "change", [("launches=3", "launches=4"), ('"counted"', '"counter"')], ids=["launches", "name"]
)
def test_another_cold_start_is_run(pytester: pytest.Pytester, cold: Path, change: tuple[str, str]) -> None:
    write(pytester, COLD.replace(*change))
    run(pytester, f"--sweep-resume={cold}", "-k", "cold").assert_outcomes(passed=1)
    assert launches(pytester) >= 4


def test_a_cache_that_cannot_be_written_costs_the_journal_only(pytester: pytest.Pytester) -> None:
    (pytester.path / "file").touch()
    run(pytester, "-o", "cache_dir=file", "-W", "ignore", source=TWO_STEPS).assert_outcomes(passed=2)
