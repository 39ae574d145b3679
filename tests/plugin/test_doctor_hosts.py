"""``pytest-unikernel doctor --hosts`` on real workers of a cluster on this machine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_unikernel.commands import main


def doctor(*words: str) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-m", "pytest_unikernel.commands.main", "doctor", *words)
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def test_the_doctor_lists_the_hosts_of_a_cluster(tmp_path: Path) -> None:
    file = tmp_path / "found.json"
    ran = doctor("--hosts=local:2", "--timeout=60", "--require=linux_process", f"--json={file}")
    assert ran.stdout.startswith("2 hosts of local:2\n"), ran.stderr
    assert "yes linux_process" in ran.stdout
    found = json.loads(file.read_text())
    assert list(found["hosts"]) == ["local-1", "local-2"]
    for host in found["hosts"].values():
        assert host["clock"]["same"]
        assert host["doctor"]["targets"]["linux_process"]["state"] == "yes"
    assert (ran.returncode, found["exit_status"], found["faults"]) == (0, 0, {})


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--hosts=two"], "--hosts: hosts must be local:N"),
        (["--hosts=ssh:a", "--hosts-python=python3"], "--hosts-python must be an absolute path"),
    ],
)
def test_hosts_that_cannot_be_meant_are_refused(
    words: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main.main(["doctor", *words])
    assert (ended.value.code, why in capsys.readouterr().err) == (2, True)


def test_a_cluster_that_is_not_there_is_one_line() -> None:
    ran = doctor("--hosts=ssh:no-such-host.invalid")
    (line,) = ran.stderr.splitlines()
    assert "no-such-host.invalid: it can't be reached by SSH" in line
    assert ran.returncode == 1
