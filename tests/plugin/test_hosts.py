"""``--sweep-hosts``: one sweep on many hosts, on real workers of a cluster on this machine."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest
from launchmarks import MARKED, Marks
from sweeprun import FIXED, run_apart, write

from pytest_unikernel.results.record.check import faults
from pytest_unikernel.results.record.whole import WHOLE

PATIENCE_S = 120.0
QUEUE = """
@pytest.mark.load_sweep(time_steps=[1/16, 1/64, 1/128], warmup=1, window=4)
def test_queue(load_step):
    load_step(FakeTarget(service_time_s=0.03, servers={servers}))
"""
REAL = """

@pytest.mark.load_sweep(time_steps=[1/16, 1/32], warmup=0, window=10)
def test_it(load_step):
    load_step(MARKED)
"""
SAVED = "--benchmark-json=saved.json"


def saved(pytester: pytest.Pytester) -> list[dict[str, Any]]:
    found = json.loads((pytester.path / "saved.json").read_text(encoding="utf-8"))["benchmarks"]
    return [each["extra_info"]["load"] for each in found]


def test_three_hosts_measure_what_one_does_where_the_answers_are_known(pytester: pytest.Pytester) -> None:
    """Three servers behind one queue, or one on each of three hosts: the same, launch by launch."""
    run_apart(pytester, SAVED, source=QUEUE.format(servers=3))
    one = saved(pytester)
    run_apart(pytester, SAVED, "--sweep-hosts=local:3", source=QUEUE.format(servers=1)).assert_outcomes(
        passed=3
    )
    three = saved(pytester)
    for alone, together in zip(one, three, strict=True):
        for key in ("scheduled", "completed", "throughput_hz", "response_time_s", "verdict", "in_flight_max"):
            assert together[key] == alone[key], key
        assert (alone["schema"], "hosts" in alone) == (2, False)
        assert (together["schema"], len(together["hosts"])) == (3, 3)
        assert sum(host["scheduled"] for host in together["hosts"]) == alone["scheduled"]
        assert list(faults(together, WHOLE)) == []


def test_of_more_launches_than_the_limit_a_digest_has_the_figures_of_all(pytester: pytest.Pytester) -> None:
    """The same queue, with a limit of 20 launches: counts as before, quantiles within the bound."""
    source = QUEUE.format(servers=1) + "\nfrom pytest_unikernel.hosts import messages\n"
    run_apart(pytester, SAVED, "--sweep-hosts=local:2", source=source)
    whole = saved(pytester)
    few = source + "messages.MOST_LAUNCHES = 20\n"
    run_apart(pytester, SAVED, "--sweep-hosts=local:2", source=few).assert_outcomes(passed=3)
    for exact, found in zip(whole, saved(pytester), strict=True):
        rows = zip([exact, *exact["hosts"]], [found, *found["hosts"]], strict=True)
        for was, now in rows:
            for key in ("scheduled", "started", "completed", "throughput_hz", "verdict"):
                assert now[key] == was[key], key
            for key in ("response_time_s", "service_time_s", "lateness_s"):
                close = {
                    name: value and pytest.approx(value, rel=0.01, abs=2e-9)
                    for name, value in was[key].items()
                }
                assert now[key] == close
        assert found["distribution"] == exact["distribution"]
        assert found["over_time"] is None
        assert list(faults(found, WHOLE)) == []


def test_the_records_have_the_knee_of_all_hosts_and_that_of_each(pytester: pytest.Pytester) -> None:
    """Two hosts of one server each, 33 launches per second: after the steps, and after the search."""
    source = QUEUE.format(servers=1)
    run_apart(pytester, SAVED, "--sweep-hosts=local:2", "--sweep-knee", source=source)
    *steps, search = saved(pytester)
    assert [load["knees"]["fleet"]["fastest_ok_hz"] for load in steps] == [16, 64, 64]
    assert [[host["fastest_ok_hz"] for host in load["knees"]["hosts"]] for load in steps] == [
        [8, 8], [32, 32], [32, 32],
    ]  # fmt: skip
    assert steps[-1]["knees"]["fleet"]["verdict_of_first_not_ok"] == "saturated"
    fleet = search["knees"]["fleet"]
    assert (fleet["fastest_ok_hz"], fleet["first_not_ok_hz"]) == (
        search["knee"]["lower_hz"], search["knee"]["upper_hz"],
    )  # fmt: skip
    for host in search["knees"]["hosts"]:
        assert 32 <= host["fastest_ok_hz"] <= host["first_not_ok_hz"] <= 36
        assert host["first_not_ok_step_s"] is not None


def test_hosts_deal_out_one_stream_of_random_arrivals_that_its_seed_makes_again(
    pytester: pytest.Pytester,
) -> None:
    how = ("--sweep-arrivals=poisson", SAVED)
    run_apart(pytester, *how, "--sweep-hosts=local:2", source=QUEUE.format(servers=99))
    together = saved(pytester)[0]
    (seed,) = together["seeds"]
    run_apart(pytester, *how, f"--sweep-seed={seed}")
    alone = saved(pytester)[0]
    for key in ("seeds", "scheduled", "throughput_hz", "response_time_s", "in_flight_max"):
        assert together[key] == alone[key], key


def test_each_host_makes_the_whole_step_where_hosts_are_compared(pytester: pytest.Pytester) -> None:
    how = ("--sweep-hosts=local:2", "--sweep-spread=each", "--sweep-time-steps=1/16", SAVED)
    source = QUEUE.format(servers=1).replace("time_steps=[1/16, 1/64, 1/128], ", "")
    run_apart(pytester, *how, source=source).assert_outcomes(passed=1)
    (load,) = saved(pytester)
    assert load["offered_rate_hz"] == 32
    assert [host["scheduled"] for host in load["hosts"]] == [64, 64]


def test_a_run_on_hosts_is_not_compared_with_one_on_this_host_alone(pytester: pytest.Pytester) -> None:
    run_apart(pytester, "--benchmark-save=one", source=QUEUE.format(servers=1))
    result = run_apart(pytester, "--benchmark-compare", "--sweep-hosts=local:2")
    result.stdout.fnmatch_lines(["*not comparable: hosts 2 (split) against 1*"])
    assert result.ret == 0


def test_without_the_option_nothing_of_dask_is_imported(pytester: pytest.Pytester) -> None:
    source = QUEUE.format(servers=9) + (
        "\ndef test_modules():\n    import sys\n"
        "    assert not {'dask', 'distributed', 'cloudpickle', 'tornado'} & set(sys.modules)\n"
    )
    run_apart(pytester, source=source).assert_outcomes(passed=4)


@pytest.mark.parametrize("given", ["local", "local:0", "local:65", "local:two", "remote:2", "tls://a", ""])
def test_hosts_that_cannot_be_meant_are_refused(pytester: pytest.Pytester, given: str) -> None:
    result = run_apart(pytester, f"--sweep-hosts={given}", source=QUEUE.format(servers=1))
    result.stderr.fnmatch_lines([f"*--sweep-hosts: hosts must be local:N*got '{given}' (command line)"])


def test_hosts_that_cannot_be_reached_are_asked_once_and_not_for_every_step(
    pytester: pytest.Pytester,
) -> None:
    result = run_apart(pytester, "--sweep-hosts=tls://127.0.0.1:1", source=QUEUE.format(servers=1))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["load_step: tls://127.0.0.1:1 needs certificates; name their files by *"])
    assert result.ret == pytest.ExitCode.INTERRUPTED


def test_without_the_extra_its_installation_is_asked_for_before_any_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(without="import sys\nsys.modules['distributed'] = None")
    how = ("-p", "without", "--sweep-hosts=local:2")
    result = run_apart(pytester, *how, source=QUEUE.format(servers=1))
    said = "--sweep-hosts=local:2 needs distributed; run pip install 'pytest-unikernel[hosts]'"
    result.stderr.fnmatch_lines([f"*{said.replace('[', '[[]')}"])
    assert result.ret == pytest.ExitCode.USAGE_ERROR


class Swept:
    """A pytest whose sweep runs on two hosts, in a process of its own."""

    def __init__(self, pytester: pytest.Pytester, *arguments: str) -> None:
        pytester.makepyfile(test_it=MARKED + REAL)
        self._marks = Marks(pytester.path)
        self._output = (pytester.path / "output").open("w+")
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "pytest", *FIXED, "--sweep-quiet-host=off", "--sweep-hosts=local:2"),
                *arguments,
            ],
            cwd=pytester.path,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )
        self._wait_for(lambda: self._marks.are_of_mid_load(2))
        self.makers = [each for each in self._descendants() if _makes_launches(each)]
        self.workers = [each.parent() for each in self.makers]

    def _descendants(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def _wait_for(self, condition: Callable[[], bool]) -> None:
        end_s = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < end_s, f"{self._marks.left()}: {self.output()}"
            time.sleep(0.05)

    def ended(self) -> str:
        """Return the output when pytest has ended and nothing of its hosts is left."""
        self.process.wait(PATIENCE_S)
        self._wait_for(lambda: not self._marks.left())
        self._wait_for(lambda: not any(map(_runs, self.makers)))
        return self.output()

    def output(self) -> str:
        self._output.seek(0)
        return self._output.read()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._output.close()


def _makes_launches(process: psutil.Process) -> bool:
    try:
        return any("hosts.process" in argument for argument in process.cmdline())
    except psutil.NoSuchProcess:  # an instance that has just ended
        return False


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def swept(pytester: pytest.Pytester, request: pytest.FixtureRequest) -> Iterator[Swept]:
    made = Swept(pytester, SAVED, *getattr(request, "param", ()))
    yield made
    made.close()


def test_a_worker_killed_in_mid_load_leaves_its_share_unfinished_and_the_rest_measured(
    pytester: pytest.Pytester, swept: Swept
) -> None:
    worker = swept.workers[0]
    assert worker is not None
    worker.kill()
    output = swept.ended()
    (load,) = saved(pytester)
    lost = next(host for host in load["hosts"] if host["lost"])
    left = next(host for host in load["hosts"] if not host["lost"])
    assert (lost["unfinished"], lost["completed"]) == (80, 0)
    assert (left["scheduled"], load["scheduled"], load["unfinished"]) == (80, 160, 80)
    assert left["completed"] > 0
    assert load["interrupted"]
    assert f"{lost['name']} was lost: the connection to its worker ended" in output
    assert "--sweep-hosts-lost=go-on" in output
    assert swept.process.returncode == pytest.ExitCode.INTERRUPTED


@pytest.mark.parametrize("swept", [("--sweep-hosts-lost=go-on",)], indirect=True)
def test_the_next_step_runs_on_the_hosts_that_are_left_if_that_is_asked_for(
    pytester: pytest.Pytester, swept: Swept
) -> None:
    swept.makers[0].kill()
    output = swept.ended()
    assert "the process that makes its launches ended with signal 9" in output
    first, *_ = saved(pytester)
    assert [bool(host["lost"]) for host in first["hosts"]].count(True) == 1
    assert swept.process.returncode == pytest.ExitCode.TESTS_FAILED


def test_a_worker_that_falls_asleep_is_lost_and_its_instances_end_by_themselves(
    pytester: pytest.Pytester, swept: Swept
) -> None:
    worker = swept.workers[0]
    assert worker is not None
    worker.suspend()
    try:
        output = swept.ended()
    finally:
        if _runs(worker):
            worker.kill()
    assert "its worker did not answer for 5 s" in output
    (load,) = saved(pytester)
    assert load["interrupted"]


def test_a_process_that_is_stopped_is_lost_and_killed_with_its_instances(
    pytester: pytest.Pytester, swept: Swept
) -> None:
    swept.makers[0].suspend()
    output = swept.ended()
    assert "was lost: the process that makes its launches was stopped for 5 s" in output
    (load,) = saved(pytester)
    assert [bool(host["lost"]) for host in load["hosts"]].count(True) == 1


def test_pytest_killed_leaves_nothing_on_any_host(swept: Swept) -> None:
    swept.process.kill()
    swept.ended()


def test_ctrl_c_ends_the_load_on_every_host_and_keeps_what_was_measured(
    pytester: pytest.Pytester, swept: Swept
) -> None:
    os.kill(swept.process.pid, signal.SIGINT)
    swept.ended()
    (load,) = saved(pytester)
    assert load["interrupted"]
    assert [host["lost"] for host in load["hosts"]] == ["", ""]
    assert swept.process.returncode == pytest.ExitCode.INTERRUPTED


def test_two_runs_at_once_do_not_hear_of_each_others_ports(pytester: pytest.Pytester) -> None:
    """The port of dask's pages may be taken, and a warning of it would be the user's to wonder about."""
    with contextlib.ExitStack() as undo:
        with contextlib.suppress(OSError):  # somebody else has it, which is as good
            undo.enter_context(socket.create_server(("127.0.0.1", 8787)))
        source = QUEUE.format(servers=9)
        result = run_apart(pytester, "--sweep-hosts=local:2", "-W", "error::UserWarning", source=source)
        result.assert_outcomes(passed=3)


def test_a_terminal_has_a_live_line_with_the_sums_of_all_hosts(pytester: pytest.Pytester) -> None:
    write(pytester, MARKED + REAL.replace("window=10", "window=4").replace(", 1/32", ""))
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "pytest", *FIXED, "--sweep-quiet-host=off", "--sweep-hosts=local:2"]
    with subprocess.Popen(
        command, cwd=pytester.path, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        shown = b"".join(_all_of(ours))
        assert process.wait(PATIENCE_S) == 0, shown.decode()
    os.close(ours)
    line = re.search(
        rb"\[1/1, [^]]* left\] marked 1/16 s on 2 hosts window, \d+ s left, \d+ in flight", shown
    )
    assert line, shown.decode()


def _all_of(terminal: int) -> Iterator[bytes]:
    """Yield what is written to a terminal until nobody has it open any more."""
    with contextlib.suppress(OSError):
        while data := os.read(terminal, 65536):
            yield data


def test_outputs_and_tables_are_in_a_directory_for_each_host(pytester: pytest.Pytester) -> None:
    source = (
        "@pytest.mark.load_sweep(time_steps=[1/8], warmup=0, window=2)\n"
        "def test_it(load_step, linux_process):\n    load_step(linux_process(['/bin/echo', 'hello']))\n"
    )
    how = ("--sweep-hosts=local:2", "--sweep-quiet-host=off", "--sweep-output=out", "--sweep-raw=raw")
    write(pytester, source)
    run_apart(pytester, *how, SAVED)
    for directory in ("out", "raw"):
        hosts = sorted((pytester.path / directory).iterdir())
        assert [host.name for host in hosts] == ["local-1", "local-2"]
        assert all(list(host.iterdir()) for host in hosts)
