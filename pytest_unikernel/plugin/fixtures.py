"""The fixtures: targets, and the two ways to load them.

``pytest --fixtures`` shows a docstring up to its first blank line, so parameters and defaults precede it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from pytest_unikernel.plan.target import Target
from pytest_unikernel.plugin.loader import Loader, OneLoad

if TYPE_CHECKING:  # a load's modules are imported only when a load runs
    from pytest_unikernel.results.result import LoadResult


@pytest.fixture(scope="session")
def linux_process() -> Target:
    """A Linux process: by default ``/bin/sh``, which prints the time and ``Hello World!``.
    A call returns a changed copy: ``linux_process("LINE FOR /bin/sh")`` or ``linux_process(["ARGV"])``.
    """
    from pytest_unikernel.targets.linux_process import LINUX_PROCESS  # noqa: PLC0415 - imported only when needed

    return LINUX_PROCESS


@pytest.fixture(scope="session")
def rust_kernel() -> Target:
    """A Rust unikernel in QEMU: by default the shipped one, which prints ``Hello 42!`` (exit status 33).
    A call returns a changed copy: ``rust_kernel(image=None, crate=None, kvm=False, memory_mib=32, cpus=1,
    machine=None, cpu=None, append=None, console=False, display=False, qemu=None)``.
    """
    from pytest_unikernel.targets.qemu.rust_kernel import RUST_KERNEL  # noqa: PLC0415 - imported only when needed

    return RUST_KERNEL


@pytest.fixture(scope="session")
def linux_vm() -> Target:
    """A Linux virtual machine in QEMU: by default a minimal guest with a built or downloaded kernel.
    A call returns a changed copy: ``linux_vm(kvm=False, kernel=None, initrd=None, image=None, scripts=(),
    files=(), ready=None, append=None, memory_mib=None, cpus=1, machine=None, cpu=None, console=False,
    display=False, shutdown=True, qemu=None)``.
    """
    from pytest_unikernel.targets.qemu.linux_vm import linux_vm as factory  # noqa: PLC0415 - imported only when needed

    return dataclasses.replace(factory(), factory=factory)  # called late: a test may build the kernel


@pytest.fixture(scope="session")
def docker_container() -> Target:
    """A Docker container: by default a small static program that prints a greeting.
    A call returns a changed copy: ``docker_container(image=None, command=(), network=None, runtime=None,
    pull="missing", options=(), via="cli")``.
    """
    from pytest_unikernel.targets.containers.docker import DOCKER_CONTAINER  # noqa: PLC0415 - imported only when needed

    return DOCKER_CONTAINER


@pytest.fixture(scope="session")
def podman_container() -> Target:
    """A Podman container: by default a small static program that prints a greeting.
    A call returns a changed copy: ``podman_container(image=None, command=(), network=None, runtime=None,
    pull="missing", options=())``.
    """
    from pytest_unikernel.targets.containers.podman import PODMAN_CONTAINER  # noqa: PLC0415 - imported only when needed

    return PODMAN_CONTAINER


@pytest.fixture(scope="session")
def oci_container() -> Target:
    """A container started by an OCI runtime without an engine: by default runc and a small static program.
    A call returns a changed copy: ``oci_container(runtime="runc", rootfs=None, command=(), bundle=None,
    options=())``.
    """
    from pytest_unikernel.targets.containers.oci import OCI_CONTAINER  # noqa: PLC0415 - imported only when needed

    return OCI_CONTAINER


@pytest.fixture(scope="session")
def urunc_container() -> Target:
    """A unikernel in a container, started by urunc without an engine: by default the Rust unikernel in QEMU.
    A call returns a changed copy: ``urunc_container(image=None, bundle=None, kernel=None, initrd=None,
    unikernel_type=None, hypervisor=None, via="oci", command=(), timestamps=True, memory_mib=None,
    monitor=None, urunc=None, runtime=None, snapshotter=None, network=None)``.
    """
    from pytest_unikernel.targets.urunc.target import URUNC_CONTAINER  # noqa: PLC0415 - imported only when needed

    return URUNC_CONTAINER


@pytest.fixture
def timestep(request: pytest.FixtureRequest) -> float:
    """The time step of the test in seconds, a float; the marker ``load_sweep`` sets it."""
    message = f"timestep: expected a test with the marker load_sweep, got {request.node.nodeid}"
    pytest.fail(f"{message}; add @pytest.mark.load_sweep", pytrace=False)


@pytest.fixture
def _unikernel_load() -> OneLoad:
    """The load of this run of the test, whichever fixture runs it."""
    return OneLoad()


@pytest.fixture
def load_step(
    request: pytest.FixtureRequest, benchmark: Any, _unikernel_load: OneLoad
) -> Iterator[Callable[[Target], LoadResult]]:
    """Runs the load of one time step: ``load_step(target) -> LoadResult``. A test calls it once.
    The test needs the marker ``load_sweep``.
    """
    loader = Loader(request.node, benchmark, _unikernel_load, "load_step")

    def load_step(target: Target) -> LoadResult:
        __tracebackhide__ = True  # so that a skip shows the test's line
        return loader.step(target)

    yield load_step
    loader.end()


@pytest.fixture
def cold_start(
    request: pytest.FixtureRequest, benchmark: Any, _unikernel_load: OneLoad
) -> Iterator[Callable[..., LoadResult]]:
    """Launches instances one after the other, on a host without other load:
    ``cold_start(target, launches=10) -> LoadResult``. One more launch before them is not measured.
    A test calls it once, and has the marker ``cold``.
    """
    loader = Loader(request.node, benchmark, _unikernel_load, "cold_start")

    def cold_start(target: Target, launches: int = 10) -> LoadResult:
        __tracebackhide__ = True
        return loader.cold(target, launches)

    yield cold_start
    loader.end()
