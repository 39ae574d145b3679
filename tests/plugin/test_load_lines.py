"""What a run says before its first load and for each load: targets, place, time left."""

from __future__ import annotations

import pytest
from surveyed import GONE, HERE, STEPS, TWO
from sweeprun import FAKE, run, run_apart


def progress(result: pytest.RunResult) -> list[str]:
    """Return the lines between the settings and the first table."""
    begin = next(number for number, line in enumerate(result.outlines) if " target" in line)
    table = next(number for number, line in enumerate(result.outlines) if " unikernel load sweeps " in line)
    return [line for line in result.outlines[begin:table] if line]


def test_a_log_has_a_line_per_load_and_nothing_about_missing_targets(pytester: pytest.Pytester) -> None:
    source = STEPS + GONE + HERE
    lines = progress(run_apart(pytester, source=source))
    assert [line.partition(":")[0] for line in lines] == [
        "2 targets, 1 runs here",
        "[1/3, 1 s left] here 1/5 s",
        "[2/3, 1 s left] here 1/10 s",
        "[3/3] here 1/20 s",
    ]
    assert lines[-1].split()[-2:] == ["ok", "[100%]"]


def test_a_missing_target_at_the_end_leaves_no_letter(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_later=FAKE + STEPS + GONE)
    source = STEPS + HERE + GONE
    lines = progress(run_apart(pytester, source=source))
    assert [line.partition(":")[0] for line in lines[1:]] == [
        "[1/3, 1 s left] here 1/5 s",
        "[2/3, 1 s left] here 1/10 s",
        "[3/3] here 1/20 s",
    ]
    assert lines[-1].split()[-2:] == ["ok", "[100%]"]


def test_a_missing_target_does_not_end_a_line_of_letters(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_later=FAKE + STEPS + GONE)
    source = (
        STEPS
        + GONE
        + "def test_one(): pass\n\n\ndef test_two(): pass\n\n\n"
        + GONE.replace("test_gone", "test_off")
    )
    lines = progress(run_apart(pytester, source=source))
    assert [line.split() for line in lines[1:]] == [["test_it.py", "..", "[100%]"]]


def test_a_letter_after_a_missing_target_stands_behind_its_own_file(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_later=FAKE + STEPS + GONE + "def test_one(): pass\n")
    source = STEPS + GONE + "def test_one(): pass\n\n\n" + GONE.replace("test_gone", "test_off")
    lines = progress(run_apart(pytester, source=source))
    assert [line.split()[:2] for line in lines[1:]] == [["test_it.py", "."], ["test_later.py", "."]]


def test_a_run_of_missing_targets_alone_has_pytests_line(pytester: pytest.Pytester) -> None:
    lines = progress(run_apart(pytester, source=STEPS + GONE))
    assert [line.split() for line in lines[1:]] == [["test_it.py", "s", "[100%]"]]


def test_all_that_run_are_named_with_the_time(pytester: pytest.Pytester) -> None:
    source = STEPS + HERE + HERE.replace("here", "there")
    result = run(pytester, source=source)
    result.stdout.fnmatch_lines(["2 targets: here, there; about 12 s"])


def test_where_nothing_runs_no_time_is_given(pytester: pytest.Pytester) -> None:
    run(pytester, source=STEPS + GONE).stdout.fnmatch_lines(["1 target, none runs here"])


def test_the_count_drops_the_steps_of_a_series_that_ends(pytester: pytest.Pytester) -> None:
    source = STEPS.replace("window=1", "window=20") + HERE.replace(
        'FakeTarget("here")).verdict == "ok"', 'FakeTarget("here", servers=1, service_time_s=0.15))'
    )
    source += "def test_cold(cold_start):\n    cold_start(FakeTarget('here'))\n"
    lines = progress(run_apart(pytester, source=source))
    assert [line.partition("]")[0].partition(",")[0] for line in lines[1:]] == ["[1/4", "[2/3", "[3/3"]
    assert lines[2].endswith("saturated; 1 test after it skipped")


def test_the_letters_of_other_tests_and_failures_stand_behind_their_file(pytester: pytest.Pytester) -> None:
    source = STEPS + "def test_one(): pass\n\n\ndef test_two(): pass\n\n\n" + HERE
    source += "def test_three(): pass\n\n\n" + HERE.replace("here", "fails").replace('"ok"', '"never"')
    source += "def test_four(): pass\n"
    lines = progress(run_apart(pytester, source=source))
    shown = [line.partition(":")[0].partition("] ")[2] or line.partition(" =")[0] for line in lines[1:]]
    failures = next(number for number, line in enumerate(shown) if "FAILURES" in line)
    assert [line.split("[")[0].strip() for line in shown[:failures]] == [
        "test_it.py ..",
        *("here 1/5 s", "here 1/10 s", "here 1/20 s"),
        *("test_it.py .F", "fails 1/5 s", "test_it.py F", "fails 1/10 s", "test_it.py F", "fails 1/20 s"),
        "test_it.py .",
    ]


def test_with_v_the_line_of_a_load_follows_that_of_its_test(pytester: pytest.Pytester) -> None:
    result = run(pytester, "-v", source=TWO)
    result.stdout.fnmatch_lines(["test_it.py::test_here?0.2s? PASSED * [[] 25%]", "[[]1/3, *] here 1/5 s: *"])


def test_a_quiet_run_says_nothing(pytester: pytest.Pytester) -> None:
    result = run(pytester, "-q", source=TWO)
    result.stdout.no_fnmatch_line("*run* here:*")
    result.stdout.no_fnmatch_line("[[]1/3*")
