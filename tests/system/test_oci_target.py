"""OCI runtimes without an engine, for real: runc and crun, on bundles that we make."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from engines import why_not
from needed import needs_busybox
from realloads import as_nobody, mentioning, until
from sweeprun import loads, run_apart, write

from pytest_unikernel.guests.build.oci_bundle import hello_rootfs, write_bundle
from pytest_unikernel.targets.containers.oci import oci_container

OURS = re.compile(r"/u[0-9a-f]{8}-\d+$")
IMPORTS = "import pytest\n\n\n"
COLD = """
@pytest.mark.cold
def test_it(cold_start, oci_container):
    cold_start(oci_container(runtime={runtime!r}, {more}), {launches})
"""


@pytest.fixture(params=["runc", "crun"])
def runtime(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    missing = why_not(oci_container(runtime=name))
    if missing:
        pytest.skip(missing)
    return name


def cgroups_of_ours() -> list[str]:
    """Return the control groups that are called like instances."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    hierarchies = [words[1] for words in mounts if words[2] in {"cgroup", "cgroup2"}]
    # Walking bears that groups go meanwhile.
    return [at for top in hierarchies for at, _, _ in os.walk(top) if OURS.search(at)]


def run(pytester: pytest.Pytester, runtime: str, more: str = "", launches: int = 2) -> dict[str, Any]:
    write(pytester, COLD.format(runtime=runtime, more=more, launches=launches), head=IMPORTS)
    run_apart(pytester, "--benchmark-json=o.json", "-W", "error")
    return loads(pytester.path / "o.json")["test_it"]


def test_the_default_container_runs_and_leaves_nothing(pytester: pytest.Pytester, runtime: str) -> None:
    record = run(pytester, runtime, launches=3)
    assert record["completed"] == 3
    assert record["target"] == ("oci_container" if runtime == "runc" else f"oci_container[{runtime}]")
    assert runtime in record["versions"]
    parts = record["partition"]
    assert (parts["n"], parts["left_out"], parts["other_s"]) == (3, 0, 0)
    assert parts["service_time_s"] == pytest.approx(record["service_time_s"]["mean"])
    assert not cgroups_of_ours()


@needs_busybox
def test_a_root_of_the_users_runs_what_it_is_told(
    pytester: pytest.Pytester, runtime: str, tmp_path: Path
) -> None:
    root = busybox_root(tmp_path)
    more = f"rootfs={str(root)!r}, command=['/bin/busybox', 'sh', '-c', 'echo here; exit 3']"
    record = run(pytester, runtime, more, launches=1)
    assert record["failed"] == {"exit-code": 1}
    failures = record["failures"]
    assert [(each["status"], each["output_tail"]) for each in failures] == [(3, "here\n")]


def busybox_root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    for folder in ("bin", "dev", "proc", "sys"):
        (root / folder).mkdir(parents=True)
    shutil.copy(str(shutil.which("busybox")), root / "bin" / "busybox")
    return root


def test_a_bundle_of_the_users_is_used_as_it_is(
    pytester: pytest.Pytester, runtime: str, tmp_path: Path
) -> None:
    bundle = write_bundle(tmp_path / "bundle", hello_rootfs(), ["/hello"], {})
    before = (bundle / "config.json").read_bytes()
    assert run(pytester, runtime, f"bundle={str(bundle)!r}")["completed"] == 2
    assert (bundle / "config.json").read_bytes() == before
    assert [each.name for each in bundle.iterdir()] == ["config.json"]


@needs_busybox
def test_one_that_never_exits_is_ended_and_its_state_deleted(
    pytester: pytest.Pytester, runtime: str, tmp_path: Path
) -> None:
    root = busybox_root(tmp_path)
    more = f"rootfs={str(root)!r}, command=['/bin/busybox', 'sleep', '1234.5'], timeout_s=1.0"
    assert run(pytester, runtime, more, launches=1)["failed"] == {"timeout": 1}
    assert not mentioning("sleep\0001234.5")
    assert not cgroups_of_ours()


@needs_busybox
def test_nothing_is_left_when_pytest_is_killed(runtime: str, tmp_path: Path) -> None:
    root = busybox_root(tmp_path)
    more = f"rootfs={str(root)!r}, command=['/bin/busybox', 'sleep', '1234.75']"
    (tmp_path / "test_it.py").write_text(IMPORTS + COLD.format(runtime=runtime, more=more, launches=1))
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_it.py"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
    )
    try:
        assert until(lambda: mentioning("sleep\0001234.75"))
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert until(lambda: not mentioning("sleep\0001234.75"))
    assert until(lambda: not cgroups_of_ours())


def test_what_runs_in_our_bundle_has_no_capability_and_a_read_only_root(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "bundle", Path("/root/fs"), ["/x"], {"A": "b"})
    made = json.loads((bundle / "config.json").read_text())
    assert set(map(tuple, made["process"]["capabilities"].values())) == {()}
    assert made["process"]["noNewPrivileges"] is True
    assert made["root"] == {"path": "/root/fs", "readonly": True}
    assert "A=b" in made["process"]["env"]
    assert {"pid", "mount", "network"} <= {each["type"] for each in made["linux"]["namespaces"]}


def test_a_plain_user_is_root_in_a_namespace_of_its_own(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; "
        "from pytest_unikernel.guests.build.oci_bundle import write_bundle; "
        "write_bundle(Path(sys.argv[1]), Path('/'), ['/x'], {})"
    )
    place = tmp_path / "open"
    place.mkdir(mode=0o777)
    place.chmod(0o777)
    for parent in (tmp_path, *tmp_path.parents[:2]):
        parent.chmod(parent.stat().st_mode | 0o011)
    subprocess.run(as_nobody([sys.executable, "-c", code, str(place / "bundle")]), check=True)
    made = json.loads((place / "bundle" / "config.json").read_text())["linux"]
    assert made["namespaces"][0] == {"type": "user"}
    assert made["uidMappings"] == [{"containerID": 0, "hostID": 65534, "size": 1}]


def test_a_runtime_that_is_not_there_is_named_with_its_cure() -> None:
    assert why_not(oci_container(runtime="no-such-runtime")).startswith("no no-such-runtime on PATH; install")


def test_a_runtime_that_fails_says_why() -> None:
    assert "false can't run a container on this host: status 1" in why_not(oci_container(runtime="false"))
