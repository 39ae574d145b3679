"""Sweeps over network namespaces, by TLS: links that are cut, programs that are killed, other clocks."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hostbed import (
    PATIENCE_S,
    Hosts,
    client_environment,
    needs_iproute,
    needs_namespaces,
    needs_openssl,
    wait_until,
)
from launchmarks import MARKED, Marks

pytestmark = [needs_namespaces, needs_iproute, needs_openssl]
SWEEP = """

@pytest.mark.load_sweep(time_steps=[1/16], warmup=0, window={window})
def test_it(load_step):
    load_step(MARKED)
"""


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Hosts]:
    made = Hosts(tmp_path)
    try:
        yield made
    finally:
        made.close()


class Sweep:
    """A pytest that sweeps over the hosts."""

    def __init__(self, hosts: Hosts, window_s: float) -> None:
        self._path = hosts.directory
        (self._path / "test_it.py").write_text(MARKED + SWEEP.format(window=window_s))
        self._marks = Marks(self._path)
        self._output = (self._path / "output").open("w+")
        how = ("-p", "no:randomly", "--sweep-quiet-host=off", "--benchmark-json=saved.json")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pytest", *how, f"--sweep-hosts={hosts.address}", "test_it.py"],
            cwd=self._path,
            env=client_environment(self._path),
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )

    def wait_for_mid_load(self, hosts: int) -> None:
        """Wait until every host has made more than the one launch before the first load."""
        wait_until(lambda: self._marks.are_of_mid_load(hosts), self.output)

    def ended(self) -> str:
        """Return the output when pytest has ended and nothing is left on any host."""
        self.process.wait(PATIENCE_S)
        wait_until(lambda: not self._marks.left(), lambda: f"{self._marks.left()}: {self.output()}")
        return self.output()

    def left(self) -> list[str]:
        """Return what is left on any host now."""
        return self._marks.left()

    def output(self) -> str:
        self._output.seek(0)
        return self._output.read()

    def load(self) -> dict[str, Any]:
        (found,) = json.loads((self._path / "saved.json").read_text())["benchmarks"]
        load: dict[str, Any] = found["extra_info"]["load"]
        return load

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._output.close()


@pytest.fixture
def three(hosts: Hosts) -> Hosts:
    hosts.add_all("one", "two", "three")
    return hosts


@pytest.fixture
def sweep(three: Hosts, request: pytest.FixtureRequest) -> Iterator[Sweep]:
    made = Sweep(three, request.param)
    yield made
    made.close()


@pytest.mark.parametrize("sweep", [3], indirect=True)
def test_three_hosts_by_tls_make_one_sweep(sweep: Sweep) -> None:
    sweep.process.wait(PATIENCE_S)
    assert sweep.left() == []  # hosts are dismissed before the run ends, not by their leases
    assert sweep.process.returncode == 0, sweep.output()
    load = sweep.load()
    assert sorted(host["name"] for host in load["hosts"]) == ["one", "three", "two"]
    assert [host["scheduled"] for host in load["hosts"]] == [16, 16, 16]
    assert (load["scheduled"], load["completed"]) == (48, 48)


@pytest.mark.parametrize("sweep", [12], indirect=True)
def test_a_host_whose_link_is_cut_in_mid_load_is_lost_and_cleans_up_by_itself(
    three: Hosts, sweep: Sweep
) -> None:
    sweep.wait_for_mid_load(3)
    three.cut("two")
    output = sweep.ended()
    load = sweep.load()
    lost = {host["name"]: host["lost"] for host in load["hosts"]}
    assert "two was lost: its worker did not answer for 5 s" in output
    assert (bool(lost["two"]), lost["one"], lost["three"]) == (True, "", "")
    assert (load["scheduled"], load["unfinished"] >= 64, load["interrupted"]) == (192, True, True)


@pytest.mark.parametrize("sweep", [12], indirect=True)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_worker_killed_or_asleep_leaves_nothing_and_one_that_wakes_serves_the_next(
    three: Hosts, sweep: Sweep, number: signal.Signals
) -> None:
    sweep.wait_for_mid_load(3)
    three.workers["two"].send_signal(number)
    output = sweep.ended()  # while the worker sleeps still
    assert "two was lost" in output
    load = sweep.load()
    assert {host["name"]: bool(host["lost"]) for host in load["hosts"]} == {
        "one": False,
        "two": True,
        "three": False,
    }
    assert all(host["completed"] for host in load["hosts"] if not host["lost"])
    three.workers["two"].send_signal(signal.SIGCONT)
    again = Sweep(three, 1)
    try:
        again.ended()
        assert again.process.returncode == 0, again.output()
        assert len(again.load()["hosts"]) == (2 if number == signal.SIGKILL else 3)
    finally:
        again.close()


@pytest.mark.parametrize("sweep", [12], indirect=True)
def test_a_scheduler_killed_in_mid_load_leaves_nothing_on_any_host(three: Hosts, sweep: Sweep) -> None:
    sweep.wait_for_mid_load(3)
    three.scheduler.kill()
    output = sweep.ended()
    assert "every host was lost" in output


@pytest.mark.parametrize("sweep", [12], indirect=True)
def test_pytest_killed_in_mid_load_leaves_nothing_and_the_workers_serve_the_next(
    three: Hosts, sweep: Sweep
) -> None:
    sweep.wait_for_mid_load(3)
    sweep.process.send_signal(signal.SIGKILL)
    sweep.ended()
    again = Sweep(three, 1)
    try:
        again.ended()
        assert again.process.returncode == 0, again.output()
    finally:
        again.close()


def test_a_host_with_another_clock_begins_when_the_others_do(hosts: Hosts) -> None:
    hosts.add("here")
    hosts.add("ahead", "unshare", "--time", "--monotonic", "100000", "--fork", "--kill-child")
    sweep = Sweep(hosts, 3)
    try:
        output = sweep.ended()
        assert sweep.process.returncode == 0, output
        found = {host["name"]: host for host in sweep.load()["hosts"]}
    finally:
        sweep.close()
    assert found["here"]["clock_error_s"] == 0
    assert 0 < found["ahead"]["clock_error_s"] < 1
    assert abs(found["ahead"]["window_skew_s"]) <= 1
    assert (found["here"]["completed"], found["ahead"]["completed"]) == (24, 24)
