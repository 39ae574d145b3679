"""Runs on hosts that refuse what a load needs, and instances whose last words would steer a terminal."""

from __future__ import annotations

import pytest
from sweeprun import run, run_apart

STEPS = """
@pytest.mark.load_sweep(time_steps=[0.1, 0.05], warmup=0, window=1)
def test_it(load_step, linux_process):
    load_step(linux_process(["/bin/true"]))


def test_cold(cold_start, linux_process):
    cold_start(linux_process(["/bin/true"]), launches=2)


def test_simulated(cold_start, fake):
    assert cold_start(fake, launches=2).completed == 2
"""
REFUSED = """
import errno, os, pytest, resource

@pytest.fixture(autouse=True)
def refused(monkeypatch):
    def refuse(*_):
        raise OSError({errno}, os.strerror({errno}))
    monkeypatch.setattr({where}, refuse)
"""
SAYS_WHY = "every load needs the system call {call}, which is refused: {why}; *seccomp*"


@pytest.mark.parametrize(
    ("where", "call", "number", "why"),
    [
        ("os.pidfd_open", "pidfd_open", 1, "Operation not permitted"),
        ("os.pidfd_open", "pidfd_open", 38, "Function not implemented"),
        ("pytest_unikernel.host.linux.timerfd", "timerfd_create", 1, "Operation not permitted"),
        ("pytest_unikernel.host.linux.prctl", "prctl", 1, "Operation not permitted"),
    ],
)
def test_a_load_whose_system_calls_are_refused_skips_with_cause_and_cure(
    pytester: pytest.Pytester, where: str, call: str, number: int, why: str
) -> None:
    pytester.makeconftest(REFUSED.format(errno=number, where=repr(where)))
    # Apart: a run in this process has modules of its own, some of which are imported late.
    result = run_apart(pytester, "-rs", "--sweep-quiet-host=off", source=STEPS)
    result.assert_outcomes(skipped=3)  # helpers need them beside a simulated target too
    result.stdout.fnmatch_lines([f"SKIPPED*linux_process: {SAYS_WHY.format(call=call, why=why)}"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_target_that_must_not_skip_fails_with_cause_and_cure(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(REFUSED.format(errno=1, where=repr("os.pidfd_open")))
    result = run(pytester, "--sweep-require=linux_process", "-k", "test_cold", source=STEPS)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["linux_process: every load needs the system call pidfd_open*"])


BROKEN = """
from pytest_unikernel import BuildError

def broken():
    raise BuildError("cargo could not build 'mine'", "error: one\\nerror: two")

@pytest.mark.load_sweep(time_steps=[0.1, 0.05, 0.02])
def test_it(load_step, fake):
    load_step(fake(probe=broken))
"""


def test_an_error_of_many_lines_is_shown_once_and_named_by_the_other_steps(pytester: pytest.Pytester) -> None:
    result = run(pytester, source=BROKEN)
    result.assert_outcomes(failed=3)
    assert [line for line in result.outlines if line.startswith("error:")] == ["error: one", "error: two"]
    result.stdout.fnmatch_lines(
        ["load_step: cargo could not build 'mine'; its last lines:", "error: one", "error: two"]
        + ["load_step: cargo could not build 'mine'; its output is shown for *test_it?0.1s?"] * 2
    )
    result.stdout.no_fnmatch_line("*another exception occurred*")


def test_last_words_do_not_steer_the_terminal(pytester: pytest.Pytester) -> None:
    source = r"""
def test_it(cold_start, linux_process):
    says = r"printf 'a\033[2Jb\000c\r\n\033]0;title\007'; exit 3"
    cold_start(linux_process(["/bin/sh", "-c", says]), launches=1)
"""
    result = run(pytester, "--sweep-quiet-host=off", "--sweep-report=report", source=source)
    result.assert_outcomes(failed=1)
    said = result.stdout.str()
    assert said.count(r"a\x1b[2Jb\x00c") == 2  # why the test failed, and the summary
    files = [
        each
        for each in (pytester.path / "report").rglob("*")
        if each.suffix in {".html", ".md", ".csv", ".tsv"}
    ]
    assert files
    for shown in (said, result.stderr.str(), *(each.read_text() for each in files)):
        assert not {"\x1b", "\0", "\7"} & set(shown)


def test_an_error_that_quotes_a_program_does_not_steer_the_terminal(pytester: pytest.Pytester) -> None:
    source = r"""
import dataclasses

from pytest_unikernel.errors import LoadError


def refused():
    raise LoadError("the engine says: \x1b[2Ja\nb\x07")


def test_it(cold_start, linux_process):
    cold_start(dataclasses.replace(linux_process, probe=refused))
"""
    result = run(pytester, "--sweep-quiet-host=off", source=source)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["cold_start: the engine says: ?x1b?2Ja", "b?x07"])
    assert result.stdout.str().count("b\\x07") == 1
    assert not {"\x1b", "\7"} & set(result.stdout.str())


def test_two_dashes_are_no_value_of_an_option(pytester: pytest.Pytester) -> None:
    result = run(pytester, "--sweep-window=--", source=STEPS)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --sweep-window: window must*'--'*(command line)"])


@pytest.mark.parametrize(
    "wrong",
    [
        'Target("a", ["/bin/sleep", "1"], ready=Port(), long_lived=True)',
        'Target("a", ["/bin/true"], requires="redis-server")',
        "linux_process(ready=Port(99999))",
        'linux_process(partition=["x"])',
    ],
)
def test_a_wrong_target_is_shown_at_the_line_that_makes_it(pytester: pytest.Pytester, wrong: str) -> None:
    source = f"from pytest_unikernel import Port\n\ndef test_it(cold_start, linux_process):\n    {wrong}\n"
    result = run(pytester, source=source)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f">*{wrong.partition('(')[0]}*", "E*TargetError: *"])
    result.stdout.no_fnmatch_line("*pytest_unikernel/plan/*.py:*")
