"""The doctor's findings about hosts: the screen, JSON, faults."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_unikernel.doctor.hosts_screen import lines
from pytest_unikernel.hosts.clocks import Offset
from pytest_unikernel.hosts.looked import Looked, as_json, differing, faults
from pytest_unikernel.text.grid import WIDTH

OURS = "0.1.0"


def check(state: str, reason: str = "", cure: str = "", **facts: Any) -> dict[str, Any]:
    return {"state": state, "reason": reason, "cure": cure, "effect": "", "facts": facts}


def host(name: str, *, plugin: str = OURS, qemu: str = "7.2.0", error: str = "", **more: Any) -> Looked:
    tools = {"qemu": check("yes", version=qemu), "runsc": check("absent", "no runsc", "install it")}
    found = {
        "machine": {"usable_cores": 1.5},
        "targets": {
            "linux_process": check("yes"),
            "linux_vm": check("yes") if name == "one" else check("no", "KVM is broken", "use another host"),
        },
        "tools": tools,
        "faults": [] if name == "one" else ["linux_vm"],
    }
    facts = {"hostname": name, "cpus": 4, "kernel": "6.1.0", "python": "3.11.2", "pytest-unikernel": plugin}
    clocks = {"monotonic": Offset(100_000_000_000_123, 60_000), "wall": Offset(-2_300_000, 60_000)}
    return Looked(name, facts, **{**clocks, "doctor": {} if error else found, "error": error, **more})


def text(*hosts: Looked) -> str:
    return "\n".join(lines(hosts, "ssh:one,two", OURS))


def test_a_row_of_each_host_has_its_cpus_kernel_and_clock() -> None:
    shown = text(host("one", same_clock=True), host("two"))
    (one,) = (line for line in shown.splitlines() if line.startswith("one "))
    (two,) = (line for line in shown.splitlines() if line.startswith("two "))
    assert one.split() == ["one", "1.5", "6.1.0", "same", "same"]
    assert two.split() == ["two", "1.5", "6.1.0", "+100,000.000", "s", "-2.3", "ms", "±", "0.06", "ms"]


def test_targets_are_listed_with_where_they_run_and_why_not_elsewhere() -> None:
    shown = text(host("one"), host("two"), host("three"))
    assert "yes linux_process: all 3 hosts" in shown
    assert "yes linux_vm: one\n" in shown
    assert "NO  linux_vm: two, three: KVM is broken; cure: use another host" in shown


def test_versions_that_differ_are_named_with_their_hosts_and_the_others_in_one_line() -> None:
    shown = text(host("one"), host("two", qemu="8.1.0"))
    assert "!   qemu: 7.2.0 on one; 8.1.0 on two" in shown
    assert "ok  pytest-unikernel 0.1.0; python 3.11.2; kernel 6.1.0" in shown
    assert differing([host("one"), host("two")]) == {}


def test_a_host_with_another_version_of_the_plugin_than_here_is_a_fault_even_if_all_have_it() -> None:
    hosts = [host("one", plugin="0.2.0")]
    assert "NO  one: it has pytest-unikernel 0.2.0, this host 0.1.0" in text(*hosts)
    assert "pip install pytest-unikernel==0.1.0" in faults(hosts, OURS)["one"][0]


def test_a_host_whose_doctor_did_not_answer_is_named_and_a_fault() -> None:
    hosts = [host("one"), host("two", error="its doctor ended with status 1")]
    assert "?   two: its doctor ended with status 1" in text(*hosts)
    assert faults(hosts, OURS) == {"two": ["its doctor ended with status 1"]}


def test_json_has_each_host_with_its_clock_versions_and_findings() -> None:
    found = as_json([host("one"), host("two", qemu="8.1.0")], OURS)
    two = found["hosts"]["two"]
    assert two["clock"] == {
        "same": False,
        "offset_s": 100_000.000000123,
        "wall_offset_s": -0.0023,
        "error_s": 6e-05,
    }
    assert two["versions"]["qemu"] == "8.1.0"
    assert two["doctor"]["targets"]["linux_vm"]["state"] == "no"
    assert found["differing"] == {"qemu": {"7.2.0": ["one"], "8.1.0": ["two"]}}
    assert found["faults"] == {"two": ["linux_vm"]}


@pytest.mark.parametrize("name", ["n" * 80, "a\x1b[2Jb"])
def test_no_name_widens_a_line_or_steers_the_terminal(name: str) -> None:
    shown = text(host(name), host("two"))
    assert all(len(line) <= WIDTH for line in shown.splitlines())
    assert "\x1b" not in shown
