"""Leftovers of instances with daemons are removed: after each, after a load, after pytest's death."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from realloads import alive, heed_signals, launched, outcomes, shell, supervised, until
from sweeprun import run_apart, write

from pytest_unikernel.launch.one_by_one import run_cold
from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.plan.target import Target
from pytest_unikernel.run.session import Session

OK = Outcome.COMPLETED
# An instance leaves a file of its name; removing takes files away and writes down its call.
LEAVE = 'touch "{place}/$UNIKERNEL_ID"'
REMOVE = 'echo "$@" >> "$0/../calls"; cd "$0" && rm -f "$@"'


@pytest.fixture
def place(tmp_path: Path) -> Path:
    made = tmp_path / "place"
    made.mkdir()
    return made


def leaving(place: Path, line: str = "", *, ids: str = "{ids}") -> Target:
    target = shell(f"{LEAVE.format(place=place)}; {line}")
    return target(removal=["/bin/sh", "-c", REMOVE, str(place), ids])


def calls(place: Path) -> list[list[str]]:
    file = place.parent / "calls"
    return [line.split() for line in file.read_text().splitlines()] if file.exists() else []


def test_each_instance_is_removed_before_the_next_cold_start(session: Session, place: Path) -> None:
    log = launched(session, leaving(place, f"ls {place} | wc -l >> {place}/../seen"), 3)
    assert outcomes(log) == [OK, OK, OK]
    assert not list(place.iterdir())
    assert [len(call) for call in calls(place)] == [1, 1, 1]
    assert (place / "../seen").read_text().split() == ["1", "1", "1"]


def test_those_that_end_while_a_call_is_at_work_share_the_next(session: Session, place: Path) -> None:
    gate, waits = place.parent / "gate", place.parent / "waits"
    # The first call waits at the gate; those that come when it is gone don't.
    wait = f"[ ! -e {gate} ] || {{ : > {waits}; while [ -e {gate} ]; do sleep 0.01; done; }}"
    gate.touch()
    target = leaving(place)(removal=["/bin/sh", "-c", f"{wait}; {REMOVE}", str(place), "{ids}"])
    with supervised(session, target) as supervisor:
        for _ in range(5):
            supervisor.start(supervisor.log.add(supervisor.now_ns()))
        while supervisor.in_flight:
            supervisor.wait(supervisor.now_ns() + 10**9)
        assert until(waits.exists)
        assert supervisor.removing == 5
        gate.unlink()
        while supervisor.removing:
            supervisor.wait(supervisor.now_ns() + 10**9)
    assert not list(place.iterdir())
    assert sorted(map(len, calls(place))) == [1, 4]


def test_one_id_a_call_where_the_command_takes_one(session: Session, place: Path) -> None:
    launched(session, leaving(place, ids="{id}"), 2)
    assert not list(place.iterdir())
    assert [len(call) for call in calls(place)] == [1, 1]


def test_an_instance_that_removes_itself_is_removed_only_if_it_was_killed(
    session: Session, place: Path
) -> None:
    launched(session, leaving(place, "exit 3")(removes_itself=True), 1)
    assert not calls(place)
    launched(session, leaving(place, "sleep 1000")(removes_itself=True), 1, timeout_s=0.2)
    assert len(calls(place)) == 1


def test_a_removal_that_can_not_be_started_does_not_keep_the_load(session: Session) -> None:
    target = shell(":")(removal=["/no/such/program", "{ids}"])
    with supervised(session, target) as supervisor:
        log = run_cold(supervisor, 2, unmeasured=0).log
        assert supervisor.removing == 0
    assert outcomes(log) == [OK, OK]


def test_a_removal_that_hangs_is_ended_with_the_load(session: Session, place: Path) -> None:
    target = shell(":")(removal=["/bin/sh", "-c", 'echo $$ > "$0/pid"; exec sleep 1000', str(place), "{ids}"])
    with supervised(session, target) as supervisor:
        supervisor.start(supervisor.log.add(supervisor.now_ns()))
        assert until(lambda: supervisor.wait(supervisor.now_ns()) and (place / "pid").exists())
    assert until(lambda: not alive(int((place / "pid").read_text())))


IMPORTS = "import pytest\nfrom pytest_unikernel import Target\n\n\n"
LEFTOVERS = """
@pytest.mark.cold
def test_it(cold_start):
    target = Target(
        "leaves", ["/bin/sh", "-c", "touch {place}/$UNIKERNEL_SESSION.$UNIKERNEL_ID; {line}"],
        leftovers=["/bin/sh", "-c", "rm {place}/{{session}}.*{status}"],
    )
    cold_start(target, 2)
"""


def test_a_loads_leftovers_are_removed_when_it_is_over(pytester: pytest.Pytester, place: Path) -> None:
    (place / "somebody-elses").touch()
    write(pytester, LEFTOVERS.format(place=place, line=":", status=""), head=IMPORTS)
    run_apart(pytester).assert_outcomes(passed=1)
    assert [each.name for each in place.iterdir()] == ["somebody-elses"]


def test_leftovers_that_stay_are_told_and_the_load_is_on_record(
    pytester: pytest.Pytester, place: Path
) -> None:
    source = LEFTOVERS.format(place=place, line=":", status="; echo no way >&2; exit 1")
    write(pytester, source, head=IMPORTS)
    result = run_apart(pytester, "--benchmark-json=o.json")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*the load is on record, but can't remove what instances left: no way*"])
    assert (pytester.path / "o.json").exists()


def test_what_could_not_be_removed_is_tried_anew_at_the_end(pytester: pytest.Pytester, place: Path) -> None:
    once = f"; test -e {place}/../tried || {{{{ : > {place}/../tried; exit 1; }}}}"
    source = LEFTOVERS.format(place=place, line=":", status="").replace("rm ", f"true{once}; rm ")
    write(pytester, source.replace("{{", "{").replace("}}", "}"), head=IMPORTS)
    run_apart(pytester).assert_outcomes(failed=1)
    assert (place / "../tried").exists()
    assert not list(place.iterdir())


def test_ctrl_c_while_leftovers_are_removed_leaves_nothing(tmp_path: Path, place: Path) -> None:
    wait = f"true; : > {tmp_path}/began; while [ ! -e {tmp_path}/go ]; do sleep 0.01; done; rm "
    source = LEFTOVERS.format(place=place, line=":", status="").replace("rm ", wait)
    (tmp_path / "test_it.py").write_text(IMPORTS + source)
    run = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_it.py"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=heed_signals,  # noqa: PLW1509 - no threads here
    )
    try:
        assert until((tmp_path / "began").exists)
        os.killpg(run.pid, signal.SIGINT)  # as a terminal does
    finally:
        (tmp_path / "go").touch()
        run.wait()
    assert run.returncode == pytest.ExitCode.INTERRUPTED
    assert not list(place.iterdir())


def test_the_reaper_removes_leftovers_when_pytest_is_killed(tmp_path: Path, place: Path) -> None:
    (place / "somebody-elses").touch()
    source = LEFTOVERS.format(place=place, line="sleep 1000", status="")
    (tmp_path / "test_it.py").write_text(IMPORTS + source)
    run = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_it.py"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
    )
    try:
        assert until(lambda: len(list(place.iterdir())) == 2)
    finally:
        run.send_signal(signal.SIGKILL)
        run.wait()
    assert until(lambda: [each.name for each in place.iterdir()] == ["somebody-elses"])


PREPARED = """
import dataclasses
from pathlib import Path


def prepare(target, place):
    assert place.session and Path(place.directory).is_dir()
    {line}
    return dataclasses.replace(target, argv=["/bin/sh", "-c", "echo made for $UNIKERNEL_SESSION"])


@pytest.mark.cold
def test_it(cold_start):
    cold_start(Target("made", ["/no/such"], prepare=prepare), 1)
"""


def test_what_is_launched_is_made_when_the_load_starts(pytester: pytest.Pytester) -> None:
    write(pytester, PREPARED.format(line="pass"), head=IMPORTS)
    result = run_apart(pytester, "--benchmark-disable", "-s")
    result.assert_outcomes(passed=1)
    result.stdout.re_match_lines([".*made for [0-9a-f]{32}"])


def test_a_preparation_that_raises_is_named(pytester: pytest.Pytester) -> None:
    write(pytester, PREPARED.format(line='raise ValueError("oh no")'), head=IMPORTS)
    result = run_apart(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*made: prepare() raised ValueError('oh no')*"])
