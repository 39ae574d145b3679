"""The table of hosts: host against host, where it tells most."""

from __future__ import annotations

from typing import Any

from pytest_unikernel.text.grid import WIDTH
from pytest_unikernel.text.host_table import MOST_HOSTS, host_lines
from pytest_unikernel.text.table_cells import NONE

Record = dict[str, Any]


def times(p50_s: float | None, n: int = 50) -> Record:
    return {"n": n, "censored": 0, "max": 0.002, "p50": p50_s, "p99": None}


def host(name: str, p50_s: float | None = 0.01, **changed: Any) -> Record:
    return {
        "name": name,
        "verdict": "ok",
        "lost": "",
        "throughput_hz": 31.97,
        "failed": {},
        "unfinished": 0,
        "dropped": 0,
        "response_time_s": times(p50_s),
        "lateness_s": times(0.001),
        **changed,
    }


def load(step_s: float, hosts: list[Record] | None, verdict: str = "ok") -> Record:
    named = {} if hosts is None else {"hosts": hosts}
    about = {"time_step_s": step_s, "offered_rate_hz": 1 / step_s, "verdict": verdict, "interrupted": False}
    return {**about, "timeout_s": 60.0, **named}


def test_loads_of_one_host_have_no_table() -> None:
    assert host_lines([load(0.5, None), load(0.25, None, "saturated")]) == []


def test_the_steps_on_either_side_of_the_knee_are_shown_with_the_slowest_host_first() -> None:
    steps = [
        load(1.0, [host("a"), host("b")]),
        load(0.5, [host("a", 0.01), host("b", 0.03)]),
        load(0.25, [host("a"), host("b", 0.5, verdict="saturated")], "saturated"),
        load(0.125, [host("a"), host("b")], "failing"),
    ]
    lines = host_lines(steps)
    assert [line.split()[:2] for line in lines[4:8]] == [
        ["1/2", "b"],
        ["1/2", "a"],
        ["1/4", "b"],
        ["1/4", "a"],
    ]
    assert [line.split()[-1] for line in lines[4:8]] == ["ok", "ok", "saturated", "ok"]
    assert lines[8].strip() == "by host, ok up to 1/2 s: b; 1/8 s: a"
    assert all(len(line) <= WIDTH for line in lines)


def test_a_host_that_was_lost_comes_first_and_has_no_times() -> None:
    gone = host("b", None, verdict=None, lost="its worker did not answer", throughput_hz=None, unfinished=80)
    gone |= {"response_time_s": times(None, 0), "lateness_s": times(None, 0) | {"max": None}}
    first = host_lines([load(0.5, [host("a"), gone])])[4]
    assert first.split() == ["1/2", "b", *4 * [NONE], "80", "lost"]


def test_hosts_that_were_ok_up_to_different_steps_are_told_apart() -> None:
    slow = host("b", verdict="saturated")
    steps = [load(1.0, [host("a"), host("b")]), load(0.5, [host("a"), slow], "saturated")]
    assert host_lines(steps)[-1].strip() == "by host, ok up to 1 s: b; 1/2 s: a"
    assert "by host" not in "".join(host_lines([load(1.0, [host("a"), host("b")])]))
    never = [load(1.0, [host("a"), slow], "saturated")]
    assert host_lines(never)[-1].strip() == "by host, ok up to 1 s: a; no step: b"


def test_of_many_hosts_the_slowest_are_shown() -> None:
    many = [host(f"h{number}", 0.01 * number) for number in range(1, 65)]
    lines = host_lines([load(0.5, many)])
    assert [line.split()[1] for line in lines[4:-1]] == [f"h{64 - number}" for number in range(MOST_HOSTS)]
    assert lines[-1] == "  56 more hosts, all faster, are in the record"


def test_a_name_that_steers_the_terminal_or_is_long_does_no_harm() -> None:
    lines = host_lines([load(0.5, [host("\x1b[31m" + "x" * 200)])])
    assert "\x1b" not in "".join(lines)
    assert all(len(line) <= WIDTH for line in lines)
