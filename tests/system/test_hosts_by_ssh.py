"""``--sweep-hosts=ssh:``: workers that an sshd on each of some network namespaces starts."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest
from hostbed import PATIENCE_S, needs_iproute, needs_namespaces, wait_until
from sshbed import SshHosts, needs_sshd, new_key

from pytest_unikernel.launch.cleanup.leftovers import holders

pytestmark = [needs_namespaces, needs_iproute, needs_sshd]
SWEEP = """
import pytest
from pytest_unikernel import Target


@pytest.mark.load_sweep(time_steps=[1/16], warmup=0, window={window})
def test_it(load_step):
    line = "echo $UNIKERNEL_SESSION >> {here}/launches; exec sleep 0.2"
    load_step(Target("real", ["/bin/sh", "-c", line]))
"""


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[SshHosts]:
    made = SshHosts(tmp_path)
    try:
        made.add("one")
        made.add("two")
        yield made
    finally:
        made.close()


class Sweep:
    """A pytest that sweeps over hosts by SSH."""

    def __init__(self, hosts: SshHosts, window_s: float, named: str = "one,two", *more: str) -> None:
        self._path = hosts.directory
        (self._path / "test_it.py").write_text(SWEEP.format(window=window_s, here=self._path))
        self._output = (self._path / "output").open("w+")
        how = ("-p", "no:randomly", "--sweep-quiet-host=off", "--benchmark-json=saved.json", *more)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pytest", *how, f"--sweep-hosts=ssh:{named}", "test_it.py"],
            cwd=self._path,
            env=hosts.environment(),
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )

    def wait_for_mid_load(self) -> None:
        def has_come() -> bool:
            file = self._path / "launches"
            made = file.read_text(encoding="ascii").split() if file.exists() else []
            return len(set(made)) == 2 and all(made.count(token) > 3 for token in set(made))

        wait_until(has_come, self.output)

    def ended(self) -> str:
        """Return the output when pytest has ended and nothing of it is left on any host."""
        self.process.wait(PATIENCE_S)
        tokens = set((self._path / "launches").read_text().split())
        wait_until(lambda: not any(list(holders(token)) for token in tokens), self.output)
        wait_until(lambda: not workers(self._path), self.output)
        return self.output()

    def refused(self) -> str:
        """Return the output, without line breaks, of a run that could not begin."""
        assert self.process.wait(PATIENCE_S) == pytest.ExitCode.INTERRUPTED, self.output()
        wait_until(lambda: not workers(self._path), self.output)
        return " ".join(self.output().split())

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


def workers(directory: Path) -> list[psutil.Process]:
    """Return the sessions of the hosts' sshds and all that runs in them."""
    processes = list(psutil.process_iter(["cmdline"]))
    servers = [each for each in processes if str(directory / "sshd_config") in (each.info["cmdline"] or ())]
    return [each for server in servers for each in server.children(recursive=True) if each not in servers]


@pytest.fixture
def sweeps(hosts: SshHosts) -> Iterator[list[Sweep]]:
    made: list[Sweep] = []
    yield made
    for each in made:
        each.close()


def test_two_hosts_by_ssh_make_one_sweep_and_nothing_of_them_is_left(
    hosts: SshHosts, sweeps: list[Sweep]
) -> None:
    sweeps.append(Sweep(hosts, 3))
    output = sweeps[0].ended()
    assert sweeps[0].process.returncode == 0, output
    load = sweeps[0].load()
    assert [(host["name"], host["scheduled"], host["lost"]) for host in load["hosts"]] == [
        ("one", 24, ""),
        ("two", 24, ""),
    ]
    assert (load["scheduled"], load["completed"]) == (48, 48)


def test_no_key_and_no_certificate_is_in_any_command_line_or_environment(
    hosts: SshHosts, sweeps: list[Sweep]
) -> None:
    sweeps.append(Sweep(hosts, 6))
    sweeps[0].wait_for_mid_load()
    shown = [text for each in workers(hosts.directory) if (text := _shown(each))]
    assert sum("errand" in text for text in shown) == 2
    for text in shown:
        assert "PRIVATE KEY" not in text
        assert "DASK" not in text  # dask's own way, in which its whole configuration goes
    sweeps[0].ended()


def _shown(process: psutil.Process) -> str:
    """Return what the process shows of itself; empty if it has just ended."""
    try:
        return " ".join([*process.cmdline(), *map(str, process.environ().items())])
    except psutil.NoSuchProcess:
        return ""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_pytest_ended_by_a_signal_leaves_nothing_on_any_host(
    hosts: SshHosts, sweeps: list[Sweep], number: int
) -> None:
    sweeps.append(Sweep(hosts, 30))
    sweeps[0].wait_for_mid_load()
    sweeps[0].process.send_signal(number)
    sweeps[0].ended()


def test_a_host_that_is_cut_off_is_lost_and_its_worker_ends_by_itself(
    hosts: SshHosts, sweeps: list[Sweep]
) -> None:
    sweeps.append(Sweep(hosts, 12))
    sweeps[0].wait_for_mid_load()
    hosts.cut("two")
    sweeps[0].process.wait(PATIENCE_S)
    assert "two was lost: its worker did not answer for 5 s" in sweeps[0].output()
    wait_until(lambda: not _errands(hosts.directory), sweeps[0].output)


def _errands(directory: Path) -> list[psutil.Process]:
    return [each for each in workers(directory) if "errand" in _shown(each)]


def changed(hosts: SshHosts, name: str, old: str, new: str) -> None:
    file = hosts.of_ssh / name
    file.write_text(file.read_text().replace(old, new))


def test_a_host_whose_key_is_unknown_is_refused_with_the_cure(hosts: SshHosts, sweeps: list[Sweep]) -> None:
    changed(hosts, "known_hosts", f"{hosts.address_of('two')} ", "10.0.0.99 ")
    sweeps.append(Sweep(hosts, 1))
    assert "two: its host key is unknown, or not the known one" in sweeps[0].refused()


def test_a_host_with_another_key_than_the_known_one_is_refused(hosts: SshHosts, sweeps: list[Sweep]) -> None:
    other = new_key(hosts.directory / "other")
    (hosts.of_ssh / "known_hosts").write_text(f"{hosts.address_of('one')} {other}")
    sweeps.append(Sweep(hosts, 1, "one"))
    assert "one: its host key is unknown, or not the known one" in sweeps[0].refused()


@pytest.mark.parametrize("setting", ["UserKnownHostsFile none", "StrictHostKeyChecking no"])
def test_the_check_of_host_keys_cannot_be_switched_off(
    hosts: SshHosts, sweeps: list[Sweep], setting: str
) -> None:
    (hosts.of_ssh / "known_hosts").write_text("")
    changed(hosts, "config", "  User root\n", f"  User root\n  {setting}\n")
    sweeps.append(Sweep(hosts, 1, "one"))
    assert "known" in sweeps[0].refused()


def test_a_host_that_refuses_our_key_is_named_with_the_cure(hosts: SshHosts, sweeps: list[Sweep]) -> None:
    (hosts.directory / "authorized_keys").write_text("")
    sweeps.append(Sweep(hosts, 1))
    assert "one: it refused our keys" in (said := sweeps[0].refused())
    assert "two: it refused our keys" in said
    assert "ssh-copy-id one" in said


@pytest.mark.parametrize("address", ["127.0.0.1:1", "no-such-host.invalid", "192.0.2.1"])
def test_a_host_that_cannot_be_reached_is_named_with_the_cure(
    hosts: SshHosts, sweeps: list[Sweep], address: str
) -> None:
    name, _, port = address.partition(":")
    with (hosts.of_ssh / "config").open("a") as file:
        file.write(f"Host gone\n  HostName {name}\n" + (f"  Port {port}\n" if port else ""))
    sweeps.append(Sweep(hosts, 1, "one,gone"))
    said = sweeps[0].refused()
    assert "gone: it can't be reached by SSH (" in said
    assert "expected ssh gone true to succeed" in said


PYTHONS = [
    ("/no/such/python", "no Python at '/no/such/python'"),
    ("{here}/bare/bin/python", "{here}/bare/bin/python lacks this pytest-unikernel"),
    ("/bin/true", "/bin/true ended with status 0"),
]


@pytest.mark.parametrize(("python", "why"), PYTHONS)
def test_a_python_without_the_plugin_is_named_with_the_cure(
    hosts: SshHosts, sweeps: list[Sweep], python: str, why: str
) -> None:
    python = python.format(here=hosts.directory)
    if "bare" in python:
        bare: Sequence[str] = (sys.executable, "-m", "venv", "--without-pip", str(hosts.directory / "bare"))
        subprocess.run(bare, check=True)
    sweeps.append(Sweep(hosts, 1, "one", f"--sweep-hosts-python={python}"))
    assert f"one: {why.format(here=hosts.directory)}" in sweeps[0].refused()


def test_the_doctor_lists_the_hosts_with_their_clocks(tmp_path: Path) -> None:
    hosts = SshHosts(tmp_path)
    try:
        hosts.add("here")
        hosts.add("ahead", "unshare", "--time", "--monotonic", "100000", "--fork", "--kill-child")
        command = (sys.executable, "-m", "pytest_unikernel.commands.main", "doctor", "--timeout=60")
        options = ("--hosts=ssh:here,ahead", "--require=linux_process", "--json")
        ran = subprocess.run(
            [*command, *options], env=hosts.environment(), capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stderr
        found = json.loads(ran.stdout)["hosts"]
        assert found["here"]["clock"]["same"]
        clock = found["ahead"]["clock"]
        assert not clock["same"]
        assert abs(clock["offset_s"] - 100_000) <= clock["error_s"] < 1
        assert abs(clock["wall_offset_s"]) <= clock["error_s"]
        wait_until(lambda: not workers(tmp_path), lambda: str(workers(tmp_path)))
    finally:
        hosts.close()
