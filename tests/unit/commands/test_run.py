"""``pytest-unikernel run``: its command line; real loads are in ``tests/system``."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_unikernel.commands import early, main
from pytest_unikernel.commands.run_target import name_of, ready_of
from pytest_unikernel.errors import SessionError, SettingError, TargetError
from pytest_unikernel.plan.option_table import OPTIONS
from pytest_unikernel.plan.readiness import Event, Exit, Http, Line, Port

PYTEST_ONLY = {
    *("require", "report", "resume", "compare_fail", "compare_busy", "summary", "benchmark_table"),
    *("hosts", "spread", "hosts_insecure", "hosts_python", "hosts_lost"),
}


@pytest.fixture(autouse=True)
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Sessions that note what becomes of them instead of starting processes."""
    course: list[str] = []

    class Noting:
        def __init__(self, terminal: int) -> None:
            del terminal
            course.append("started")

        def close(self) -> None:
            course.append("closed")

    monkeypatch.setattr(early, "Session", Noting)
    return course


def run(*arguments: str) -> int:
    try:
        return main.main(["run", *arguments])
    except SystemExit as ended:
        return int(str(ended.code))


def test_without_anything_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 2
    shown = capsys.readouterr()
    assert "TARGET | -- COMMAND" in shown.out
    assert shown.err == "pytest-unikernel run: expected TARGET, or -- COMMAND, got neither\n"


def test_every_setting_of_the_table_is_an_option(capsys: pytest.CaptureFixture[str]) -> None:
    run("--help")
    shown = capsys.readouterr().out
    assert {option.name for option in OPTIONS if option.pytest_only} == PYTEST_ONLY
    for option in OPTIONS:
        assert f"--{option.name.replace('_', '-')} " in shown or option.pytest_only


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nope",), "expected a target among linux_process, "),
        (("nope",), "got 'nope'; a command goes after --"),
        (("--cold", "nope"), "got 'nope'; a command goes after --"),
        (("--cold", "0", "--", "x"), "--cold must be a whole number >= 1, got '0'"),
        (("--cold", "-1", "--", "x"), "--cold"),
        (
            ("--rate", "0", "--", "x"),
            "run: --rate must be a finite number of launches per second > 0, got '0'",
        ),
        (
            ("--time-step", "x", "--", "x"),
            "run: time steps must be finite numbers of seconds > 0, or a time such as",
        ),
        (("--rate", "1", "--cold", "--", "x"), "not allowed with argument"),
        (("--rate", "1", "--knee", "--", "x"), "--knee is for --sweep, got --rate too"),
        (("--cold", "--time-steps", "1", "--", "x"), "--time-steps is for --sweep, got --cold too"),
        (
            ("--warmup", "x", "--", "x"),
            "--warmup: warmup must be a finite number of seconds >= 0, or a time such as",
        ),
        (("--slo", "p98:1s", "--", "x"), "--slo: slo must be a list of STATISTIC:TIME"),
        (("--max-in-flight", "0", "--", "x"), "--max-in-flight: max_in_flight must be a whole number >= 1"),
        (
            ("--raw", "/dev/null", "--", "x"),
            "--raw: raw must be a directory, existing or new, got '/dev/null'",
        ),
        (("--ready", "soon", "--", "x"), "--ready: expected exit, line:TEXT"),
        (("--env", "A", "--", "x"), "--env: expected NAME=VALUE, got 'A'"),
        (("--exit-status", "256", "--", "x"), "--exit-status: expected numbers from 0 to 255"),
        (("--name", "x", "linux_process"), "--name names a command, got a TARGET"),
        (("linux_process", "--", "x"), "expected TARGET or -- COMMAND, got both: 'linux_process' and 'x'"),
        (
            ("--rate", "1", "--window", "0.5", "--", "/bin/true"),
            "run: window must be at least one time step long",
        ),
        (("--json", "none/x.json", "--", "x"), "--json: can't write "),
        (("--resume", "none", "--", "x"), "--resume: can't read 'none'"),
        (("--sweep-warmup=1", "--", "x"), "unrecognized arguments"),
    ],
)
def test_a_wrong_command_line_is_status_2(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    status = run(*arguments)
    answer = capsys.readouterr()
    assert said in answer.err
    assert status == 2
    assert not answer.out
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("program", "said"),
    [
        (
            "no-such-program",
            "no no-such-program on PATH; install no-such-program, or ",
        ),
        ("./none", "no program './none' in "),
        ("./file", "'./file' is not executable; chmod +x file"),
    ],
)
def test_a_program_that_cannot_be_started_is_status_1(
    program: str,
    said: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)
    assert run("--", program) == 1
    assert capsys.readouterr().err.startswith(f"pytest-unikernel: {name_of(program)}: {said}")


def test_words_after_the_dashes_are_the_programs() -> None:
    parsed = main._parsed(["run", "--rate", "5", "--", "x", "--rate", "6", "--", "-h"])
    assert (parsed.rate, parsed.program) == ("5", ["x", "--rate", "6", "--", "-h"])
    assert main._parsed(["report", "-o", "d", "--", "-x.json"]).files == [Path("-x.json")]


@pytest.mark.parametrize(
    ("text", "ready"),
    [
        ("exit", Exit()),
        ("line:READY: yes", Line("READY: yes")),
        ("event:up", Event("up")),
        ("port", Port()),
        ("port:8080", Port(8080)),
        ("http:/health", Http(path="/health")),
        ("http", Http()),
        ("http:8080/health", Http(8080, path="/health")),
    ],
)
def test_readiness_is_written_in_a_word(text: str, ready: object) -> None:
    assert ready_of(text) == ready


def test_a_regex_is_searched_in_whole_lines() -> None:
    ready = ready_of("regex:^up [0-9]+$")
    assert isinstance(ready, Line)
    assert ready.whole_lines
    assert ready.matcher().search(b"up 12")


@pytest.mark.parametrize(
    "text", ["", "line:", "line", "regex:(", "port:x", "port:1/2", "http:health", "event:", "exit:1", "Port"]
)
def test_other_words_are_refused_with_the_rule(text: str) -> None:
    with pytest.raises(SettingError, match="--ready: expected "):
        ready_of(text)


def test_a_port_out_of_range_is_refused() -> None:
    with pytest.raises(TargetError, match="number must be a port from 1 to 65535, got 70000"):
        ready_of("port:70000")


@pytest.mark.parametrize(
    ("program", "name"),
    [("/usr/bin/redis-server", "redis-server"), ("./7z", "_7z"), ("a b", "a_b"), ("é", "_"), ("/", "_")],
)
def test_a_command_is_named_after_its_program(program: str, name: str) -> None:
    assert name_of(program) == name


def test_helpers_that_were_started_end_although_no_load_was_run(started: list[str]) -> None:
    assert run("--json", "none/x.json", "--", "true") == 2
    assert started == ["started", "closed"]


def test_a_wrong_command_line_starts_no_helpers(started: list[str]) -> None:
    assert run("--cold", "0", "--", "true") == 2
    assert started == []


def test_helpers_that_cannot_start_early_are_no_reason_of_their_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(terminal: int) -> None:
        raise SessionError(f"can't start on {terminal}")

    monkeypatch.setattr(early, "Session", refused)
    assert run("--", "no-such-program-at-all") == 1
    assert "can't start on" not in capsys.readouterr().err
