"""The survey before the first load: each target is probed once, and a missing one is skipped once."""

from __future__ import annotations

import pytest
from surveyed import GONE, HERE, STEPS, TWO
from sweeprun import free, loads, run, run_apart, write


def noted(pytester: pytest.Pytester) -> list[str]:
    path = pytester.path / "noted"
    return path.read_text().split() if path.exists() else []


# what runs here ------------------------------------------------------------------------------------


def test_a_target_that_can_not_run_is_probed_once_and_skipped_once(pytester: pytest.Pytester) -> None:
    result = run(pytester, "-rs", source=TWO)
    result.assert_outcomes(passed=3, skipped=1)
    assert noted(pytester).count("probed") == 1
    result.stdout.fnmatch_lines(["could not run here", "  gone: no such thing; make one"], consecutive=True)
    result.stdout.fnmatch_lines(["SKIPPED ?1? test_it.py:*: gone: no such thing; make one"])


def test_a_series_that_runs_has_one_body_more(pytester: pytest.Pytester) -> None:
    run(pytester, source=TWO)
    assert noted(pytester).count("body") == 1 + 3


def test_two_tests_of_a_target_probe_it_once(pytester: pytest.Pytester) -> None:
    source = TWO + "def test_gone_cold(cold_start):\n    cold_start(gone())\n"
    run(pytester, source=source).assert_outcomes(passed=3, skipped=2)
    assert noted(pytester).count("probed") == 1


def test_a_target_that_runs_is_probed_once_too(pytester: pytest.Pytester) -> None:
    source = TWO.replace('FakeTarget("here")', 'FakeTarget("here")(probe=lambda: note("asked"))')
    run(pytester, source=source).assert_outcomes(passed=3, skipped=1)
    assert noted(pytester).count("asked") == 1


def test_a_required_target_fails_once(pytester: pytest.Pytester) -> None:
    result = run(pytester, "--sweep-require=gone", source=TWO)
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["gone: no such thing; make one (required by --sweep-require)"])


def test_a_fixture_that_skips_is_a_missing_target_too(pytester: pytest.Pytester) -> None:
    source = TWO.replace("test_gone(load_step)", "test_gone(load_step, image)")
    source += "@pytest.fixture\ndef image():\n    pytest.skip('no image')\n"
    result = run(pytester, "-rs", source=source)
    result.assert_outcomes(passed=3, skipped=1)
    result.stdout.fnmatch_lines(["2 targets, 1 runs here: here; about * s", "SKIPPED ?1? *: no image"])


def test_a_step_that_is_skipped_for_its_own_sake_takes_no_other_out(pytester: pytest.Pytester) -> None:
    source = TWO.replace('note("body")', 'timestep < 0.15 or pytest.skip("too slow")')
    source = source.replace("test_here(load_step)", "test_here(load_step, timestep)")
    run(pytester, source=source).assert_outcomes(passed=2, skipped=2)


def test_each_reason_is_reported_once(pytester: pytest.Pytester) -> None:
    source = TWO.replace('note("body")', 'pytest.skip("slow" if timestep > 0.15 else "fast")')
    source = source.replace("test_here(load_step)", "test_here(load_step, timestep)")
    run(pytester, source=source).assert_outcomes(skipped=3)


@pytest.mark.parametrize("order", ["series", "rounds"])
@pytest.mark.parametrize("knee", [(), ("--sweep-knee",)])
def test_in_every_order_and_with_a_search_it_is_one_skip(
    pytester: pytest.Pytester, order: str, knee: tuple[str, ...]
) -> None:
    source = GONE + HERE.replace("FakeTarget(", "FakeTarget(servers=1, service_time_s=0.07, name=").replace(
        '.verdict == "ok"', ""
    )
    result = run(pytester, f"--sweep-order={order}", "--sweep-trials=2", *knee, source=STEPS + source)
    result.assert_outcomes(passed=3 + len(knee), skipped=1)


# nothing of it is left -----------------------------------------------------------------------------


def test_what_a_body_prints_warns_and_records_is_there_once(pytester: pytest.Pytester) -> None:
    source = TWO.replace('note("body")', "shown(record_property)").replace(
        "test_here(load_step)", "test_here(load_step, record_property)"
    )
    source = source.replace('== "ok"', '== "never"').replace("[0.2, 0.1, 0.05]", "[0.2]")
    source += """
def shown(record_property):
    import logging, warnings
    print("printed")
    logging.warning("logged")
    warnings.warn("warned")
    record_property("key", "recorded")
"""
    result = run_apart(pytester, "--junitxml=o.xml", "-ojunit_family=legacy", source=source)
    result.assert_outcomes(failed=1, skipped=1, warnings=1)
    xml = (pytester.path / "o.xml").read_text()
    assert str(result.stdout).count("\nprinted") == 1
    assert xml.count("recorded") == 1
    assert xml.count("<testcase") == 2


@pytest.mark.parametrize("arguments", [("-s",), ("-o", "log_cli=true", "--log-cli-level=INFO")], ids=" ".join)
def test_without_capture_a_body_prints_once_per_step(
    pytester: pytest.Pytester, arguments: tuple[str, ...]
) -> None:
    source = TWO.replace('note("body")', 'print("PRINTED"); __import__("logging").warning("LOGGED")')
    result = run_apart(pytester, *arguments, source=source)
    word = "PRINTED" if arguments == ("-s",) else "LOGGED"
    assert str(result.stdout).count(word) == 3


def test_errors_in_the_survey_are_those_of_the_tests_only(pytester: pytest.Pytester) -> None:
    source = (
        TWO
        + """
@pytest.fixture
def broken():
    raise ValueError("broken fixture")


@pytest.mark.load_sweep(**STEPS)
def test_broken(load_step, broken):
    load_step(FakeTarget("broken"))


@pytest.mark.load_sweep(**STEPS)
def test_raises(load_step):
    raise ValueError("broken body")


@pytest.mark.load_sweep(**STEPS)
def test_probe(load_step):
    load_step(Target("raising", ["/x"], probe=lambda: 1 / 0))


@pytest.mark.xfail(run=False)
@pytest.mark.load_sweep(**STEPS)
def test_expected(load_step):
    load_step(FakeTarget("expected"))
"""
    )
    result = run(pytester, source=source)
    result.assert_outcomes(passed=3, skipped=1, errors=3, failed=6, xfailed=3)


def test_a_fixture_of_a_wider_scope_stays_set_up_for_the_loads(pytester: pytest.Pytester) -> None:
    source = (
        TWO.replace("test_here(load_step)", "test_here(load_step, once)")
        + """
@pytest.fixture(scope="session")
def once():
    note("up")
    yield
    note("down")
"""
    )
    pytester.makepyfile(test_first="def test_first(): pass\n")
    run(pytester, source=source).assert_outcomes(passed=4, skipped=1)
    assert [word for word in noted(pytester) if word in {"up", "down"}] == ["up", "down"]


def test_modules_and_classes_are_left_and_entered_again(pytester: pytest.Pytester) -> None:
    head = "import pytest\nfrom pytest_unikernel import Target, Unavailable\n"
    head += "from pytest_unikernel.testing import FakeTarget\n"
    classes = """
class TestOne:
    @pytest.fixture(autouse=True, scope="class")
    def own(self):
        note("+")
        yield
        note("-")

    @pytest.mark.load_sweep(**STEPS)
    def test_one(self, load_step):
        load_step(FakeTarget("one"))


class TestTwo(TestOne):
    pass
"""
    pytester.makepyfile(test_a=head + STEPS + classes, test_b=head + STEPS + GONE + classes)
    write(pytester, TWO)
    run(pytester).assert_outcomes(passed=15, skipped=2)
    assert "".join(word for word in noted(pytester) if word in "+-") == "+-" * 8


# where there is none -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [("--co", "-q"), ("--benchmark-disable",), ("--benchmark-skip",), ("--setup-plan",), ("-n2",)],
    ids=" ".join,
)
def test_no_survey_is_made(pytester: pytest.Pytester, arguments: tuple[str, ...]) -> None:
    result = run_apart(pytester, *arguments, source=TWO)
    assert noted(pytester).count("body") in {0, 3}
    result.stdout.no_fnmatch_line("*targets*")


def test_a_single_load_needs_none(pytester: pytest.Pytester) -> None:
    result = run(pytester, "-k", "here and 0.2s", source=TWO)
    result.assert_outcomes(passed=1)
    assert noted(pytester) == ["body"]
    result.stdout.no_fnmatch_line("*1 target*")


def test_none_is_made_where_a_file_can_not_be_collected(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_broken="import nothing_of_this_name\n")
    run(pytester, source=TWO).assert_outcomes(errors=1)
    assert noted(pytester) == []
    run(pytester, "--continue-on-collection-errors", "-p", "no:cacheprovider").assert_outcomes(
        errors=1, passed=3, skipped=1
    )


# beside others -------------------------------------------------------------------------------------


def test_a_second_load_is_refused_in_the_run_of_its_test_only(pytester: pytest.Pytester) -> None:
    source = STEPS + GONE + HERE + '    load_step(FakeTarget("again"))\n'
    source = source.replace('.verdict == "ok"\n\n\n', '.verdict == "ok"\n')
    result = run(pytester, source=source)
    result.assert_outcomes(failed=3, skipped=1)
    result.stdout.fnmatch_lines(
        ["2 targets, 1 runs here: here; *", "*expected one load per test, got a second*"]
    )


def test_a_body_that_catches_everything_has_its_load(pytester: pytest.Pytester) -> None:
    source = (
        STEPS
        + GONE
        + HERE.replace(
            '    note("body")\n',
            '    try:\n        load_step("nothing")\n    except BaseException:\n        pass\n',
        )
    )
    run(pytester, source=source).assert_outcomes(passed=3, skipped=1)


def test_x_and_maxfail_count_the_tests_only(pytester: pytest.Pytester) -> None:
    source = STEPS + HERE.replace('"ok"', '"never"') + GONE
    run(pytester, "-x", source=source).assert_outcomes(failed=1)
    run(pytester, "--maxfail=2").assert_outcomes(failed=2)


def test_repetitions_are_series_of_their_own(pytester: pytest.Pytester) -> None:
    run(pytester, "--count=2", source=TWO).assert_outcomes(passed=6, skipped=2)
    assert noted(pytester).count("probed") == 1


def test_a_second_try_counts_once(pytester: pytest.Pytester) -> None:
    source = TWO.replace('note("body")', 'note("body")\n    tries = len(open("noted").readlines())')
    source = source.replace('== "ok"', '== "ok" and tries != 4')
    write(pytester, source)
    result = pytester.runpytest_subprocess(*free("rerunfailures"), "--reruns=1")
    assert result.parseoutcomes() == {"passed": 3, "skipped": 1, "rerun": 1}
    result.stdout.fnmatch_lines(["[[]3/3] here 1/20 s: *"])


def test_shuffled_tests_have_one_skip_per_series(pytester: pytest.Pytester) -> None:
    write(pytester, TWO)
    result = pytester.runpytest_subprocess(*free("randomly"))
    assert result.parseoutcomes() == {"passed": 3, "skipped": 1}


def test_a_body_that_hangs_is_ended_by_pytest_timeout(pytester: pytest.Pytester) -> None:
    source = TWO.replace('note("body")', '__import__("time").sleep(1234)').replace(
        "[0.2, 0.1, 0.05]", "[0.2]"
    )
    run(pytester, "--timeout=1", source=source).assert_outcomes(failed=1, skipped=1)


def test_a_test_of_unittest_is_looked_at_and_run(pytester: pytest.Pytester) -> None:
    source = (
        TWO
        + """
import unittest


class TestOfUnittest(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def start(self, cold_start):
        self.cold_start = cold_start

    def test_here(self):
        self.assertEqual(self.cold_start(FakeTarget("here"), launches=2).completed, 2)

    def test_gone(self):
        self.cold_start(gone())
"""
    )
    result = run(pytester, "--benchmark-json=o.json", source=source)
    result.assert_outcomes(passed=4, skipped=2)
    assert len(loads(pytester.path / "o.json")) == 4


@pytest.mark.parametrize("ending", ["raise KeyboardInterrupt", 'pytest.exit("enough")'])
def test_an_interrupt_in_the_survey_ends_the_run(pytester: pytest.Pytester, ending: str) -> None:
    source = (
        TWO.replace('note("body")', 'note("body")\n    ' + ending)
        + """
@pytest.fixture(autouse=True, scope="session")
def around():
    yield
    note("torn-down")
"""
    )
    result = run_apart(pytester, source=source)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert noted(pytester) == ["body", "torn-down"]
    assert "INTERNALERROR" not in str(result.stdout) + str(result.stderr)


def test_steps_of_an_earlier_run_are_not_waited_for(pytester: pytest.Pytester) -> None:
    run(pytester, "--benchmark-json=o.json", source=TWO)
    result = run(pytester, "--sweep-resume=o.json")
    result.assert_outcomes(passed=3, skipped=1)
    result.stdout.fnmatch_lines(["2 targets, 1 runs here: here; about 1 s"])
