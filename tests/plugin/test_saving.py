"""Results are never lost: places are tried first; the journal stays until results are known to be saved."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from fnmatch import fnmatch
from pathlib import Path

import pytest
from sweeprun import loads, run, run_apart

COUNTED = """
import dataclasses


def take(number):
    with open("launches", "a") as file:
        file.write("x")
    return 0.01


@pytest.fixture
def counted():
    return FakeTarget("counted", service_time_s=take)


@pytest.mark.load_sweep(time_steps=[0.05, 0.025], warmup=0, window=0.5)
def test_it(load_step, counted):
    load_step(counted)


def test_cold(cold_start, counted):
    cold_start(counted, launches=3)
"""
NAMES = {"test_it[0.05s]", "test_it[0.025s]", "test_cold"}
JSON = "--benchmark-json=o.json"
SECTION = "unikernel load sweeps"


def launched(pytester: pytest.Pytester) -> bool:
    """Whether anything was launched since the last time."""
    path = pytester.path / "launches"
    found = path.exists()
    path.unlink(missing_ok=True)
    return found


def resume_option(result: pytest.RunResult) -> str:
    """Return the option that the run's end names; its journal is there."""
    text = f"{result.stdout.str()}\n{result.stderr.str()}"
    (option,) = re.findall(r"^resume with: (--sweep-resume=\S+)$", text, re.MULTILINE)
    assert Path(option.partition("=")[2]).is_file()
    return str(option)


def assert_resumable(pytester: pytest.Pytester, result: pytest.RunResult) -> None:
    """Fail unless a run from the named journal has every load without launching anything."""
    option = resume_option(result)
    assert launched(pytester)
    (pytester.path / "conftest.py").unlink(missing_ok=True)
    again = run(pytester, option, "--benchmark-json=again.json")
    again.assert_outcomes(passed=3)
    assert not launched(pytester)
    assert loads(pytester.path / "again.json").keys() == NAMES
    assert not Path(option.partition("=")[2]).exists()


def assert_tables(result: pytest.RunResult) -> None:
    """Fail unless the tables stand in the output, once."""
    assert result.stdout.str().count(f"= {SECTION} =") == 1
    result.stdout.fnmatch_lines(["1/40 *", "*cold starts, one after the other", "counted *"])


# before the first load ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ([f"{JSON}/x"], "--benchmark-json: can't write 'o.json/x': *; make the directory first"),
        (["--benchmark-json=file/x"], "--benchmark-json: can't write 'file/x': Not a directory; name *"),
        (
            ["--benchmark-json=directory"],
            "--benchmark-json: can't write 'directory': Is a directory; name a*",
        ),
        (
            ["--benchmark-json=/dev/full"],
            "--benchmark-json: *'/dev/full': No space left on device; make room *",
        ),
        (["--benchmark-json=/proc/o.json"], "--benchmark-json: can't write '/proc/o.json': *"),
        (["--benchmark-json=/sys/o.json"], "--benchmark-json: can't write '/sys/o.json': *"),
        (
            ["--benchmark-json=" + 300 * "a"],
            "--benchmark-json: can't write 'aaa*': File name too long; name *",
        ),
        (["--benchmark-json=loop"], "--benchmark-json: can't write 'loop': *"),
        (["--benchmark-autosave", "--benchmark-storage=file"], "--benchmark-autosave: can't write '*file/*"),
        (
            ["--benchmark-autosave", "--benchmark-storage=file/x"],
            "--benchmark-autosave: can't write '*file/x*",
        ),
        (["--benchmark-autosave", "--benchmark-storage=/proc"], "--benchmark-autosave: can't write '/proc/*"),
        (["--benchmark-save=" + 300 * "a"], "--benchmark-save: can't write '*': File name too long; *"),
        (["--sweep-raw=file/x"], "--sweep-raw: can't write '*file/x': Not a directory; *"),
        (["--sweep-raw=/proc/x"], "--sweep-raw: can't write '/proc/x': *"),
        (["--sweep-output=file/x"], "--sweep-output: can't write '*file/x': Not a directory; *"),
        (["--sweep-report=/proc/x"], "--sweep-report: *'/proc/x'*"),
    ],
    ids=lambda value: value[-1][:40] if isinstance(value, list) else "",
)
def test_a_place_that_takes_no_results_ends_the_run_before_the_first_load(
    pytester: pytest.Pytester, arguments: list[str], error: str
) -> None:
    (pytester.path / "file").write_text("mine")
    (pytester.path / "directory").mkdir()
    (pytester.path / "loop").symlink_to("loop")
    result = run(pytester, *arguments, source=COUNTED)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {error}*"])
    result.stderr.no_fnmatch_line("*Traceback*")
    assert not launched(pytester)
    assert (pytester.path / "file").read_text() == "mine"


def test_trying_a_place_leaves_nothing_and_changes_nothing(pytester: pytest.Pytester) -> None:
    (pytester.path / "o.json").write_text("mine")
    source = "def test_it(load_step): pytest.skip('later')\n"
    arguments = [JSON, "--benchmark-save=x", "--sweep-raw=raw", "--sweep-output=out"]
    run(pytester, *arguments, source=source).assert_outcomes(skipped=1)
    assert (pytester.path / "o.json").read_text() == "mine"
    left = {path.name for path in pytester.path.rglob("*")}
    assert left & {"0000_x.json", "raw", "out"} == set()
    assert not [name for name in left if name.startswith(".unikernel-")]


def test_pictures_without_their_library_end_the_run_before_the_first_load(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("import sys\nsys.modules['pygal'] = None\n")
    result = run_apart(pytester, "--benchmark-histogram", source=COUNTED)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: --benchmark-histogram: pygal can't be imported *; pip install 'pytest-benchmark[[]his*"]
    )
    assert not launched(pytester)


def test_pictures_that_cannot_be_written_end_the_run_before_the_first_load(pytester: pytest.Pytester) -> None:
    (pytester.path / "file").touch()
    result = run_apart(
        pytester, "--benchmark-histogram=file/x", source=COUNTED
    )  # its library changes imports
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --benchmark-histogram: can't write '*file': *is not a directory*"])
    assert not launched(pytester)


FACTS = """
def pytest_benchmark_{hook}({argument}):
    {code}
    with open("launches", "a") as file:
        file.write("F")
"""


@pytest.mark.parametrize(
    ("hook", "argument"), [("update_machine_info", "machine_info"), ("generate_commit_info", "config")]
)
def test_facts_are_collected_before_the_first_load_and_once(
    pytester: pytest.Pytester, hook: str, argument: str
) -> None:
    pytester.makeconftest(FACTS.format(hook=hook, argument=argument, code=""))
    run(pytester, JSON, "--benchmark-save=x", source=COUNTED).assert_outcomes(passed=3)
    text = (pytester.path / "launches").read_text()
    assert text.strip("x") == "F"
    assert text[0] == "F"


@pytest.mark.parametrize("more", [[], ["-W", "error"]], ids=["", "warnings are errors"])
def test_facts_that_cannot_be_had_end_the_run_before_the_first_load(
    pytester: pytest.Pytester, more: list[str]
) -> None:
    pytester.makeconftest(FACTS.format(hook="update_machine_info", argument="machine_info", code="1 / 0"))
    result = run(pytester, JSON, *more, source=COUNTED)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: *facts about machine or commit: ZeroDivisionError*"])
    assert not launched(pytester)


def test_places_of_a_run_without_loads_are_left_to_others(pytester: pytest.Pytester) -> None:
    source = "def test_it(): pass\n"
    run(pytester, "--benchmark-json=/dev/full", source=source).assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["-p", "no:cacheprovider"], "pytest's cache is off; take away -p no:cacheprovider"),
        (
            ["-o", "cache_dir=file", "-W", "ignore"],
            "can't write into '*file/d/unikernel': *; name a directory *",
        ),
        (["-o", "cache_dir=/proc/x", "-W", "ignore"], "can't write into '/proc/x/d/unikernel': *; name *"),
    ],
    ids=["off", "a file", "read-only"],
)
def test_a_run_without_a_journal_says_so_at_its_start(
    pytester: pytest.Pytester, arguments: list[str], says: str
) -> None:
    (pytester.path / "file").touch()
    result = run(pytester, *arguments, source=COUNTED)
    result.assert_outcomes(passed=3)
    text = " ".join(line.strip() for line in result.outlines if line)
    line = f"sweep: no journal is written, so this run can't be resumed: {says}"
    assert fnmatch(text, f"*{line} 1 target: *")


# at the end ---------------------------------------------------------------------------------------

BROKEN = {
    "json": "def pytest_benchmark_update_json(output_json): 1 / 0",
    "disk": """
import pytest_benchmark.session

def save_json(self, output_json):
    raise OSError(28, "No space left on device", "o.json")

@pytest.hookimpl(trylast=True)
def pytest_configure(config):
    config._benchmarksession.save_json = save_json.__get__(config._benchmarksession)
""",
    "lost": "def pytest_benchmark_update_json(output_json): output_json['benchmarks'].pop()",
    "changed": """
def pytest_benchmark_update_json(output_json): output_json['benchmarks'][0]['extra_info']['load']['p'] = 1
""",
    "no file": """
@pytest.hookimpl(trylast=True)
def pytest_configure(config):
    config._benchmarksession.save_json = lambda output_json: None
""",
}


@pytest.mark.parametrize("code", BROKEN.values(), ids=BROKEN)
def test_results_that_are_not_known_to_be_saved_can_be_resumed(pytester: pytest.Pytester, code: str) -> None:
    pytester.makeconftest(f"import pytest\n{code}\n")
    result = run(pytester, JSON, source=COUNTED)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert_tables(result)
    result.stdout.fnmatch_lines(["* 3 passed in *", "ERROR: the results are not known to be saved: *"])
    assert "Traceback" not in result.stdout.str() + result.stderr.str()
    assert_resumable(pytester, result)


def test_saved_results_that_were_not_written_can_be_resumed(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("def pytest_benchmark_update_json(output_json): output_json['benchmarks'].pop()")
    result = run(pytester, "--benchmark-autosave", source=COUNTED)
    result.stdout.fnmatch_lines(
        ["ERROR: the results are not known to be saved: '*.json' lacks the load of *"]
    )
    assert_resumable(pytester, result)


def test_what_went_into_a_pipe_can_be_resumed(pytester: pytest.Pytester) -> None:
    result = run_apart(pytester, "--benchmark-json=/dev/stdout", source=COUNTED)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["sweep: what was written to '/dev/stdout' can't be read back, so *"])
    assert_resumable(pytester, result)


def test_a_pipe_that_nobody_reads_ends_the_run_before_the_first_load(pytester: pytest.Pytester) -> None:
    os.mkfifo(pytester.path / "o.json")
    result = run(pytester, JSON, source=COUNTED)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: *: can't write 'o.json': no process reads this pipe; start the *"])
    assert not launched(pytester)


def test_a_pipe_ends_for_its_reader_after_the_results(pytester: pytest.Pytester) -> None:
    os.mkfifo(pytester.path / "o.json")
    with subprocess.Popen(["/bin/cat", "o.json"], stdout=subprocess.PIPE) as reader:
        result = run(pytester, JSON, source=COUNTED)
        text = reader.communicate()[0]
    assert {bench["name"] for bench in json.loads(text)["benchmarks"]} == NAMES
    (pytester.path / "o.json").unlink()
    assert_resumable(pytester, result)


def test_a_pipe_whose_reader_has_gone_keeps_the_journal(pytester: pytest.Pytester) -> None:
    os.mkfifo(pytester.path / "o.json")
    reader = os.open(pytester.path / "o.json", os.O_RDONLY | os.O_NONBLOCK)
    code = (
        f"import os\ndef pytest_unikernel_load_ended(item):\n    'cold' in item.name and os.close({reader})"
    )
    pytester.makeconftest(code)
    result = run(pytester, JSON, source=COUNTED)
    result.stdout.fnmatch_lines(["ERROR: *'o.json': no process reads this pipe; start the program *"])
    assert_tables(result)
    assert_resumable(pytester, result)


RAISING = {
    "finish": "def pytest_sessionfinish(): {}",
    "finish, first": "@pytest.hookimpl(tryfirst=True)\ndef pytest_sessionfinish(): {}",
    "finish, last": "@pytest.hookimpl(trylast=True)\ndef pytest_sessionfinish(): {}",
    "finish, around": "@pytest.hookimpl(wrapper=True)\ndef pytest_sessionfinish():\n    {}\n    yield",
    "finish, after": "@pytest.hookimpl(wrapper=True)\ndef pytest_sessionfinish():\n    yield\n    {}",
    "finish, outermost": (
        "@pytest.hookimpl(wrapper=True, tryfirst=True)\ndef pytest_sessionfinish():\n    {}\n    yield"
    ),
    "finish, old": "@pytest.hookimpl(hookwrapper=True)\ndef pytest_sessionfinish():\n    {}\n    yield",
    "summary": "def pytest_terminal_summary(): {}",
    "summary, first": "@pytest.hookimpl(tryfirst=True)\ndef pytest_terminal_summary(): {}",
    "summary, around": "@pytest.hookimpl(wrapper=True)\ndef pytest_terminal_summary():\n    {}\n    yield",
}
ERRORS = {"error": "raise RuntimeError('theirs')", "exit": "pytest.exit('theirs', returncode=7)"}


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
@pytest.mark.parametrize("code", RAISING.values(), ids=RAISING)
def test_whatever_another_plugin_raises_tables_and_results_are_there(
    pytester: pytest.Pytester, code: str, error: str
) -> None:
    pytester.makeconftest(f"import pytest\n{code.format(error)}\n")
    result = run(pytester, JSON, source=COUNTED)
    assert result.ret != 0
    assert_tables(result)
    assert loads(pytester.path / "o.json").keys() == NAMES


@pytest.mark.parametrize("code", RAISING.values(), ids=RAISING)
def test_a_run_that_saves_nothing_keeps_its_journal_when_a_plugin_raises(
    pytester: pytest.Pytester, code: str
) -> None:
    pytester.makeconftest(f"import pytest\n{code.format(ERRORS['error'])}\n")
    result = run(pytester, source=COUNTED)
    assert_tables(result)
    assert_resumable(pytester, result)


def test_a_plugin_that_raises_ctrl_c_before_all_others_costs_no_results(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        f"import pytest\n{RAISING['finish, outermost'].format('raise KeyboardInterrupt')}\n"
    )
    result = run_apart(pytester, JSON, source=COUNTED)
    assert_tables(result)
    assert loads(pytester.path / "o.json").keys() == NAMES


def test_a_plugin_that_raises_when_all_is_over_keeps_nothing_from_its_end(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("import pytest\ndef pytest_unconfigure(): raise RuntimeError('theirs')\n")
    result = run_apart(pytester, "-x", source=COUNTED + "\ndef test_last(): assert False\n")
    assert_tables(result)
    assert Path(resume_option(result).partition("=")[2]).is_file()


def test_a_run_that_saves_nothing_has_delivered_with_its_tables(pytester: pytest.Pytester) -> None:
    result = run(pytester, source=COUNTED)
    assert_tables(result)
    result.stdout.no_fnmatch_line("resume with*")
    assert list(pytester.path.glob(".pytest_cache/d/unikernel/*")) == []


# signals ------------------------------------------------------------------------------------------

SIGNALS = [(signal.SIGINT, 2), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
SENT = {
    "saving": "def pytest_benchmark_update_json(output_json): os.kill(os.getpid(), {})",
    "finish": "@pytest.hookimpl(tryfirst=True)\ndef pytest_sessionfinish(): os.kill(os.getpid(), {})",
    "summary": "@pytest.hookimpl(tryfirst=True)\ndef pytest_terminal_summary(): os.kill(os.getpid(), {})",
}


@pytest.mark.parametrize(
    ("number", "status", "code"),
    [
        *((*each, SENT["saving"]) for each in SIGNALS),
        *((*SIGNALS[0], SENT[when]) for when in ("finish", "summary")),
    ],
    ids=["INT", "TERM", "HUP", "INT, finish", "INT, summary"],
)
def test_a_signal_at_the_end_takes_effect_when_the_results_are_saved(
    pytester: pytest.Pytester, number: int, status: int, code: str
) -> None:
    pytester.makeconftest(f"import os\nimport pytest\n{code.format(int(number))}\n")
    result = run_apart(pytester, JSON, source=COUNTED)
    assert result.ret == status
    assert loads(pytester.path / "o.json").keys() == NAMES
    assert_tables(result)
    result.stdout.fnmatch_lines(["* 3 passed in *"])
    result.stdout.no_fnmatch_line("resume with*")


def test_the_third_signal_ends_a_saving_that_hangs(pytester: pytest.Pytester) -> None:
    code = "import os, signal\ndef pytest_benchmark_update_json(output_json):\n"
    pytester.makeconftest(
        code + "    for _ in range(9): os.kill(os.getpid(), signal.SIGINT)\n    signal.pause()\n"
    )
    result = run_apart(pytester, JSON, source=COUNTED)
    assert_tables(result)
    assert_resumable(pytester, result)
