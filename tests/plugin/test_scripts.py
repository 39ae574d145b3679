"""The kernel-benchmark scripts' options as they are now, through pytest and on real processes.

A row each of docs/coming-from/kernel-benchmark.md: -r -t -w, -b, -o/-p, -i, and "start just one".
"""

from __future__ import annotations

import csv
import gzip
import os
import re
import shutil
from pathlib import Path

import pytest
from needed import needs_linux, needs_qemu
from sweeprun import LENIENT, run_apart, write

HERE = Path(__file__).parent
IMPORTS = "import pytest\nfrom pytest_unikernel import Target\n\n\n"
SWEPT = """
@pytest.mark.load_sweep
def test_it(load_step, linux_process):
    result = load_step(linux_process("echo said by $UNIKERNEL_ID"))
    assert result.completed == result.scheduled > 0
"""
CACHE = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")  # pytester's runs have another home
TIMES = ("--sweep-time-steps=0.05", "--sweep-window=0.5", "--sweep-warmup=0.1")


def rows_of(directory: Path) -> list[dict[str, str]]:
    with gzip.open(next(directory.glob("*.csv.gz")), "rt") as file:
        return list(csv.DictReader(file))


def test_step_window_and_warmup_are_options(pytester: pytest.Pytester) -> None:
    """``-r 0.05 -t 0.5 -w 0.1``."""
    write(pytester, SWEPT, head=IMPORTS + LENIENT)
    result = run_apart(pytester, *TIMES, "--sweep-raw=raw")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["sweep, command line: time steps 1/20 s, warmup 0.1 s, window 0.5 s*"])
    assert sum(row["in_window"] == "1" for row in rows_of(pytester.path / "raw")) == 10


def test_each_launch_has_its_row_and_its_output_under_one_id(pytester: pytest.Pytester) -> None:
    """``-b RESULTFILE`` and ``-o``/``-p``: ids and instants; stamps and output."""
    write(pytester, SWEPT, head=IMPORTS + LENIENT)
    run_apart(pytester, *TIMES, "--sweep-raw=raw", "--sweep-output=out").assert_outcomes(passed=1)
    rows = rows_of(pytester.path / "raw")
    files = {path.name: path.read_text() for path in (pytester.path / "out").iterdir()}
    assert {f"linux_process-{row['instance']}.output" for row in rows} == set(files)
    for row in rows:
        text = files[f"linux_process-{row['instance']}.output"]
        stamped = rf"\d{{19}} linux_process initiated\nsaid by {row['instance']}\n\d{{19}} .*successfully\n"
        assert re.fullmatch(stamped, text)
        assert int(row["scheduled_at_ns"]) <= int(row["started_at_ns"]) < int(row["exited_at_ns"])


def test_just_one_is_started_and_its_output_shown(pytester: pytest.Pytester) -> None:
    """``start_process.sh`` by the repository's own suite, exactly as the documentation says."""
    shutil.copy(HERE.parent.parent / "benchmarks" / "test_sweeps.py", pytester.path)
    result = run_apart(
        pytester, "-k", "cold and linux_process", "--benchmark-disable", "-s", "-W", "error", "test_sweeps.py"
    )
    result.assert_outcomes(passed=1, deselected=result.parseoutcomes()["deselected"])
    assert len(re.findall(r"\d{19} Hello World!", result.stdout.str())) == 1


def test_the_whole_output_of_just_one_is_shown(pytester: pytest.Pytester) -> None:
    source = """
@pytest.mark.cold
def test_it(cold_start, linux_process):
    cold_start(linux_process("seq 1 20000"))
"""
    write(pytester, source, head=IMPORTS)
    result = run_apart(pytester, "--benchmark-disable", "-s")
    result.stdout.re_match_lines([".*\\b1$", "2$"], consecutive=True)
    result.stdout.fnmatch_lines(["19999", "20000"], consecutive=True)


@needs_qemu
@needs_linux
def test_just_one_machine_is_started_and_its_console_shown(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``start_linux.sh`` by the repository's own suite, exactly as the documentation says."""
    monkeypatch.setenv("XDG_CACHE_HOME", CACHE)
    shutil.copy(HERE.parent.parent / "benchmarks" / "test_sweeps.py", pytester.path)
    chosen = ("-k", "cold and linux_vm", "--benchmark-disable", "-s")
    result = run_apart(pytester, *chosen, "-W", "error", "test_sweeps.py")
    outcomes = result.parseoutcomes()  # the variant on KVM skips where there is none
    assert outcomes["passed"] >= 1
    assert outcomes["passed"] + outcomes.get("skipped", 0) == 2
    assert len(re.findall(r"\d{19} VM successfully running", result.stdout.str())) == outcomes["passed"]


def test_a_server_that_is_taken_for_a_short_program_is_recognized(pytester: pytest.Pytester) -> None:
    source = """
@pytest.mark.cold
def test_it(cold_start):
    server = Target("server", ["/bin/sh", "-c", "echo Listening on port 80; sleep 60"], timeout_s=0.5)
    cold_start(server, 1)
"""
    write(pytester, source, head=IMPORTS)
    result = run_apart(pytester, "-W", "error")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["hint: its output has 'Listening on': *long_lived=True, ready=Line('Listening on')"]
    )


def test_a_program_that_can_not_be_started_leaves_no_open_file(pytester: pytest.Pytester) -> None:
    source = """
@pytest.mark.cold
def test_it(cold_start):
    cold_start(Target("gone", ["/no/such/program"], prepare=lambda target, place: target), 3)
"""
    write(pytester, source, head=IMPORTS)
    result = run_apart(pytester, "--sweep-output=out", "-W", "error")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*/no/such/program: No such file or directory"])
    for path in (pytester.path / "out").iterdir():
        assert path.read_text().endswith("could not be started: No such file or directory\n")


def test_failures_of_the_window_are_shown_however_many_the_warmup_had(pytester: pytest.Pytester) -> None:
    source = """
@pytest.mark.load_sweep(time_steps=[1 / 64], warmup=0.5, window=0.5)
def test_it(load_step):
    load_step(Target("broken", ["/bin/sh", "-c", "echo boom; exit 3"]))
"""
    write(pytester, source, head=IMPORTS)
    result = run_apart(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*none of * launches completed (exit-code *", "the first failed launch printed last:", "boom"]
    )


@pytest.mark.parametrize("what", ["versions", "probe", "cleanup"])
def test_a_function_of_a_target_that_raises_is_named(pytester: pytest.Pytester, what: str) -> None:
    source = f"""
def broken(*arguments):
    raise ValueError("oh no")


@pytest.mark.cold
def test_it(cold_start):
    cold_start(Target("mine", ["/bin/true"], {what}=broken), 2)
"""
    write(pytester, source, head=IMPORTS)
    result = run_apart(pytester, "-W", "error")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"*mine: {what}(*) raised ValueError('oh no')*"])


def test_cpus_that_are_not_there_are_refused(pytester: pytest.Pytester) -> None:
    result = run_apart(pytester, "--sweep-cpus=4095")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--sweep-cpus: cpus must be among those this process may run on*'4095'*"])


def test_every_cold_start_is_marked_cold(pytester: pytest.Pytester) -> None:
    source = "def test_it(cold_start):\n    cold_start(Target('t', ['/bin/true']), 1)\n"
    write(pytester, source, head=IMPORTS)
    run_apart(pytester, "-m", "cold").assert_outcomes(passed=1)


def test_a_comparison_without_a_saved_run_warns_and_goes_on(pytester: pytest.Pytester) -> None:
    """In this repository warnings are errors; pytest-benchmark's are for the user to read."""
    shutil.copy(HERE.parent.parent / "benchmarks" / "test_sweeps.py", pytester.path)
    shutil.copy(HERE.parent.parent / "pyproject.toml", pytester.path)
    for directory in ("tests", "tests/support"):
        pytester.mkdir(directory)
    result = run_apart(pytester, "test_sweeps.py", "-k", "cold and linux_process", "--benchmark-compare")
    result.assert_outcomes(passed=1, deselected=result.parseoutcomes()["deselected"])
    run_apart(
        pytester, "-p", "no:benchmark", "-k", "cold and linux_process", "test_sweeps.py"
    ).stdout.fnmatch_lines(["*need pytest-benchmark, which is not loaded*"])
