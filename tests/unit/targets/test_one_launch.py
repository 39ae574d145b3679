"""A probe's one launch: a killed probe leaves nothing behind, for each target that has one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest
from realloads import until
from uruncs import fake

from pytest_unikernel.targets import one_launch
from pytest_unikernel.targets.containers.oci import oci_container

PROBING = """
import pathlib, sys
from pytest_unikernel.targets import one_launch
from pytest_unikernel.targets.containers import oci
from pytest_unikernel.targets.urunc import target as urunc
one_launch.SHARED_MEMORY = pathlib.Path(sys.argv[1])
factory, name, program = {"oci": (oci.oci_container, "runtime"), "urunc": (urunc.urunc_container, "urunc")}[
    sys.argv[2]
] + (sys.argv[3],)
one_launch.launched_once(factory(**{name: program}))
"""
# A runtime whose container is in a session of its own, as it is with a real one.
RUNTIME = """#!/bin/sh
case "$*" in *" run "*) exec setsid sh -c "$FAKE_MONITOR" ;; esac
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("target", ["oci", "urunc"])
def test_a_probe_that_is_killed_leaves_neither_process_nor_directory(
    tmp_path: Path, target: str, number: int
) -> None:
    program = fake(tmp_path, "0.8") if target == "urunc" else tmp_path / "runtime"
    if target == "oci":
        program.write_text(RUNTIME)
        program.chmod(0o755)
    told = tmp_path / "pid"
    environment = {
        **os.environ,
        "FAKE_MONITOR": f"echo $$ > {told}.new; mv {told}.new {told}; exec sleep 1234",
    }
    with tempfile.TemporaryDirectory(prefix="c") as place:
        argv = [sys.executable, "-c", PROBING, place, target, str(program)]
        with subprocess.Popen(argv, env=environment, stderr=subprocess.DEVNULL) as probing:
            assert until(told.exists)
            probing.send_signal(number)
        assert until(lambda: not Path(f"/proc/{told.read_text().strip()}").exists())
        assert until(lambda: not list(Path(place).iterdir()))


def test_a_child_that_keeps_the_output_open_is_not_waited_for(tmp_path: Path) -> None:
    program, told = tmp_path / "runtime", tmp_path / "pid"
    program.write_text(f'#!/bin/sh\ncase "$*" in *" run "*) setsid sleep 1235 & echo $! > {told} ;; esac\n')
    program.chmod(0o755)
    assert one_launch.launched_once(oci_container(runtime=str(program))) is None  # and not "did not end"
    assert until(lambda: not alive(int(told.read_text())))


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
