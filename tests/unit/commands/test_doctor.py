"""``pytest-unikernel doctor``: targets asked side by side, the screen, JSON, exit statuses."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from pytest_unikernel.commands import main
from pytest_unikernel.doctor import examination, screen, targets, variants
from pytest_unikernel.doctor.check import NEEDS_CURE, Check, State
from pytest_unikernel.doctor.running import Job, run_all
from pytest_unikernel.doctor.variants import VARIANTS, Variant
from pytest_unikernel.host import facts as host
from pytest_unikernel.host.bounds import Bound, Cap
from pytest_unikernel.plan.target import Target
from pytest_unikernel.plan.target_fields import Unavailable
from pytest_unikernel.text.bounds import bound_text
from pytest_unikernel.text.grid import WIDTH

GOOD = Target("good", ["/bin/true"])
NOWHERE = Unavailable("its engine is off", "switch it on")


def good() -> Target:
    return GOOD


def broken() -> Target:
    return Target("broken", ["/bin/true"], probe=lambda: NOWHERE)


def missing() -> Unavailable:
    return Unavailable("never built", "build it")


def raising() -> Target:
    raise RuntimeError("bad day")


def variant(name: str, make: object, *needs: str) -> Variant:
    return Variant(name, needs, make, name)  # type: ignore[arg-type]


def asked(*made: Variant) -> dict[str, Check]:
    return {each.name: each for each in run_all(targets.lanes(made, {}), 60)}


def test_a_target_that_is_installed_and_refuses_is_a_no_else_it_is_absent() -> None:
    found = asked(
        variant("good", good),
        variant("broken", broken, "sh"),
        variant("not here", broken, "no-such-program"),
        variant("not built", missing),
        variant("raising", raising),
    )
    assert {name: each.state for name, each in found.items()} == {
        "good": "yes",
        "broken": "no",
        "not here": "absent",
        "not built": "absent",
        "raising": "no",
    }
    assert (found["broken"].reason, found["broken"].cure) == ("its engine is off", "switch it on")
    assert "bad day" in found["raising"].reason


def test_what_fits_is_what_the_guards_allow_and_a_latency_makes_it_a_rate() -> None:
    check = Check("good", "yes")
    found = targets.with_room(check, GOOD, latency_s=0.5)
    most, rate_hz = found.facts["instances_max"], found.facts["rate_max_hz"]
    assert isinstance(most, int)
    assert most > 0
    assert rate_hz == 2 * most
    assert found.cap is not None
    assert (found.cap.instances, bound_text(found.cap)) == (most, found.facts["instances_max_from"])
    busy = targets.with_room(check, GOOD, 0.5, cpu_s=1e6)
    assert busy.facts["rate_max_hz"] == host.usable_cores() / 1e6
    assert targets.with_room(check, GOOD).facts["rate_max_hz"] is None


def test_each_variant_has_the_name_that_records_will_have() -> None:
    for each in VARIANTS:
        made = each.make()
        assert isinstance(made, Unavailable) or made.full_name == each.name


@pytest.mark.parametrize(
    ("needed", "there"),
    [("sh", True), ("/", True), ("json.py", True), ("/no/such", False), ("nix.py", False)],
)
def test_what_is_needed_is_a_program_a_file_or_a_module(needed: str, there: bool) -> None:
    assert variants.is_there(needed) is there


def test_lanes_run_side_by_side_and_the_order_stays() -> None:
    both = threading.Barrier(2, timeout=60)

    def met(name: str) -> Job:
        return Job(name, lambda: Check(name, "yes", str(both.wait() >= 0)))

    found = run_all([[met("a"), Job("b", lambda: Check("b", "yes"))], [met("c")]], 60)
    assert [each.name for each in found] == ["a", "b", "c"]


def test_a_program_that_does_not_answer_is_ended_and_unknown() -> None:
    started: list[int] = []

    def hang() -> Check:
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "import signal, time; signal.signal(15, 1); print(1, flush=True); time.sleep(99)",
            ],
            stdout=subprocess.PIPE,
        )
        started.append(process.pid)
        with process:
            assert process.stdout is not None
            process.stdout.read()
        return Check("hang", "yes")

    found = run_all([[Job("hang", hang), Job("after", lambda: Check("after", "yes"))]], 0.5)
    assert [each.state for each in found] == ["unknown", "unknown"]
    assert not any(map(psutil.pid_exists, started))


def test_an_interrupt_ends_the_programs_too(monkeypatch: pytest.MonkeyPatch) -> None:
    started = threading.Event()
    pids: list[int] = []

    def hang() -> Check:
        with subprocess.Popen(["sleep", "99"]) as process:  # noqa: S607
            pids.append(process.pid)
            started.set()
        return Check("hang", "yes")

    def interrupted(*_: object) -> None:
        started.wait(60)
        raise KeyboardInterrupt

    monkeypatch.setattr("pytest_unikernel.doctor.running._wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_all([[Job("hang", hang)]], 60)
    assert not any(map(psutil.pid_exists, pids))


# the command ---------------------------------------------------------------------------------------------


MACHINE = {
    "cpu_model": "A CPU",
    "usable_cores": 2.0,
    "cpu_count": 4,
    "memory_bytes": 8 << 30,
    "os": "Debian",
    "kernel": "6.1",
}
FACTS = {
    "instances_max": 1234,
    "instances_max_from": "in the document only",
    "latency_s": 0.5,
    "rate_max_hz": 2.0,
}
CAP = Cap(1234, Bound.MEMORY, 4 << 20)


def result(*states: State) -> examination.Examination:
    """An examination whose targets have these states."""
    made = [
        Check(f"t{number}", state, f"{state} some reason " * 9, f"cure-{state}", facts=FACTS, cap=CAP)
        for number, state in enumerate(states)
    ]
    groups = {"targets": made}
    states = ("yes", "no", "absent", "noisy")
    for group in ("tools", "limits", "noise"):
        groups[group] = [Check(each, each, "a reason " * 9, f"{group}-{each}", "effect") for each in states]
    return examination.Examination(groups, MACHINE, deep=False)


@pytest.fixture
def examined(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """Examinations as they are asked for; one target runs, one doesn't, one isn't there."""
    calls: list[dict[str, object]] = []

    def examine(**asked_for: object) -> examination.Examination:
        calls.append(asked_for)
        return result("yes", "no", "absent", "unknown")

    monkeypatch.setattr(examination, "examine", examine)
    names = ("t0", "t1", "t2", "t3")
    monkeypatch.setattr(variants, "VARIANTS", tuple(variant(name, good) for name in names))
    return calls


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ([], 1),
        (["--require=t0"], 0),
        (["--require=t0,t2"], 1),
        (["--require=t3"], 1),
        (["--require=all"], 1),
    ],
)
def test_the_exit_status_is_about_what_is_installed_or_required(
    examined: list[dict[str, object]], arguments: list[str], status: int
) -> None:
    assert main.main(["doctor", *arguments]) == status


def test_what_is_absent_or_has_not_answered_is_no_fault_unless_required() -> None:
    found = result("yes", "absent", "unknown")
    assert found.faults() == []
    assert found.faults(frozenset({"all"})) == ["t1", "t2"]


def test_required_targets_are_waited_for(examined: list[dict[str, object]]) -> None:
    for arguments in ([], ["--require=t0"], ["--deep"], ["--deep", "--timeout=3"]):
        main.main(["doctor", *arguments])
    assert [each["patience_s"] for each in examined] == [1.2, 60.0, 60.0, 3.0]


@pytest.mark.parametrize(
    "arguments",
    [["--require=t9"], ["--require="], ["--timeout=0"], ["--timeout=x"], ["--json=/no/such/file"]],
)
def test_a_wrong_command_line_is_status_2_and_asks_nothing(
    examined: list[dict[str, object]], arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main.main(["doctor", *arguments])
    assert ended.value.code == 2
    assert (examined, capsys.readouterr().out) == ([], "")


def test_json_replaces_the_screen_and_in_a_file_is_beside_it(
    examined: list[dict[str, object]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main.main(["doctor", "--json"])
    shown = json.loads(capsys.readouterr().out)
    assert (shown["exit_status"], shown["faults"]) == (1, ["t1"])
    assert shown["targets"]["t0"]["state"] == "yes"
    main.main(["doctor", "--json", str(tmp_path / "doctor.json")])
    assert json.loads((tmp_path / "doctor.json").read_text()) == shown
    assert "TARGETS" in capsys.readouterr().out
    assert [each.name for each in tmp_path.iterdir()] == ["doctor.json"]


@pytest.mark.parametrize("deep", [False, True])
def test_the_screen_is_80_columns_wide_and_tells_every_cure(deep: bool) -> None:
    found = result("yes", "no", "absent", "unknown")
    lines = screen.lines(examination.Examination(found.groups, found.machine, deep))
    assert max(map(len, lines)) <= WIDTH
    [runs] = [line for line in lines if line.startswith("yes t0 ")]
    assert runs.endswith("  memory / 4 MiB")
    refused = [each for group in found.groups.values() for each in group if each.state in NEEDS_CURE]
    told = [each for each in refused if (each.state == "noisy") == each.cure.startswith("noise")]
    assert len(told) > 5
    assert all(f"cure: {each.cure}" in " ".join("".join(lines).split()) for each in told)
    assert ("2/s" in "".join(lines)) == deep


def test_the_same_cause_is_told_once() -> None:
    same = [Check(name, "no", "the engine is off", "switch it on") for name in ("a", "b")]
    found = result("yes")
    text = "\n".join(
        screen.lines(examination.Examination({**found.groups, "targets": same}, found.machine, False))
    )
    assert "NO  a, b: the engine is off; cure: switch it on" in text


def test_what_programs_print_can_not_steer_the_terminal() -> None:
    evil = [Check("a", "no", "\x1b[2J", "\x1b[2J")]
    found = result("yes")
    groups = {**found.groups, "targets": evil, "tools": evil}
    assert "\x1b" not in "".join(screen.lines(examination.Examination(groups, found.machine, False)))
