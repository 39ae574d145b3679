"""A newcomer's first run as files for pytest: three simulated targets, and thirteen that can't run."""

from __future__ import annotations

CONFTEST = """
import dataclasses
import functools

import pytest

from pytest_unikernel import Target, Unavailable
from pytest_unikernel.host import facts
from pytest_unikernel.launch.simulated import FakeSupervisor
from pytest_unikernel.testing import FakeTarget

facts.container_daemons = lambda: []  # a host without Docker runs none, whatever runs here

QEMU = {"qemu": "7.2.22", "accelerator": "tcg", "machine": "microvm", "firmware": "qboot.rom",
        "cpu": "qemu64", "kernel": "shipped sha256:8e0b8f396bc8763b",
        "rustc": "rustc 1.95.0 (59807616e 2026-04-14)"}


class WithConsole(FakeSupervisor):
    # an instance of which the first output is seen
    def _served(self, launch, at_ns):
        started_ns = launch.log.started_ns[launch.index]
        launch.log.events[launch.index] = {"console": started_ns + (at_ns - started_ns) * 4 // 5}
        super()._served(launch, at_ns)


def booted(label, accelerator, **behaviour):
    fake = FakeTarget("rust_kernel", **behaviour)
    return dataclasses.replace(
        fake,
        label=label,
        variant={},
        versions=lambda: {**QEMU, "accelerator": accelerator},
        supervisor=functools.partial(WithConsole, behaviour=fake.supervisor.keywords["behaviour"]),
        phases={"before console": ("started", "console"), "after console": ("console", "exited")},
        partition=["before console", "after console"],
    )


@pytest.fixture
def linux_process():
    shell = {"kernel": "6.18.44-fc-v657", "shell": "/usr/bin/dash"}
    return dataclasses.replace(
        FakeTarget("linux_process", service_time_s=0.02, servers=12), variant={}, versions=lambda: shell
    )


@pytest.fixture
def rust_kernel():
    return booted(None, "tcg", service_time_s=0.036, servers=4)


@pytest.fixture
def rust_kernel_kvm():
    return booted("kvm", "kvm", service_time_s=0.1, spawn_s=0.09)


@pytest.fixture
def debian_vm():
    pytest.skip("no image: pytest-unikernel build linux-image")


@pytest.fixture
def missing():
    def named(name, reason, cure):
        name, _, label = name.rstrip("]").partition("[")
        target = Target(name, ["/x"], probe=lambda: Unavailable(reason, cure))
        return target(label=label) if label else target

    return named
"""
PRESENT = """
import pytest

EXPECTED = {"ok", "failing", "saturated", "generator-bound"}
"""
SWEEP = """

@pytest.mark.sweep
@pytest.mark.load_sweep
def test_{test}(load_step, {fixture}):
    assert load_step({target}).verdict in EXPECTED
"""
NO_KERNEL = (
    "no Linux kernel to boot: none was built or downloaded, and none in /boot can be used",
    (
        "pytest-unikernel build linux-kernel --packaged (Debian, Ubuntu; seconds); or pytest-unikernel build "
        "linux-kernel, or give linux_vm(kernel=…)"
    ),
)
NO_DOCKER = ("no docker on PATH", "apt-get install docker.io")
NO_URUNC = (
    "no urunc on PATH",
    "install urunc 0.5 or later (urunc's documentation, page Installation)",
)
MISSING = {
    "linux_vm": NO_KERNEL,
    "linux_vm[kvm]": NO_KERNEL,
    "oci_container": ("no runc on PATH, but /usr/sbin/runc exists", "use runtime='/usr/sbin/runc'"),
    "oci_container[crun]": ("no crun on PATH", "apt-get install crun"),
    "podman_container": ("no podman on PATH", "apt-get install podman"),
    "docker_container[api]": NO_DOCKER,
    "docker_container": NO_DOCKER,
    "urunc_container": NO_URUNC,
    "urunc_container[ctr]": NO_URUNC,
    "urunc_container[nerdctl]": NO_URUNC,
    "urunc_container[docker]": NO_URUNC,
}
INI = """
[pytest]
markers = sweep: load sweeps
"""


def files() -> dict[str, str]:
    """Return the run's files by their names."""
    here = {name: name for name in ("linux_process", "rust_kernel", "rust_kernel_kvm")}
    tests = [SWEEP.format(test=name, fixture=name, target=name) for name in here]
    tests += [SWEEP.format(test=f"debian_{place}", fixture="debian_vm", target="debian_vm") for place in "ab"]
    tests += [
        SWEEP.format(test=f"missing_{place}", fixture="missing", target=f"missing{(name, *why)!r}")
        for place, (name, why) in enumerate(MISSING.items())
    ]
    return {"conftest.py": CONFTEST, "pytest.ini": INI, "benchmarks/test_sweeps.py": PRESENT + "".join(tests)}
