"""A ``conftest.py`` for snippets: target fixtures with their real parameters and simulated launches."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import pytest

from pytest_unikernel import Target
from pytest_unikernel.targets.containers.docker import docker_container as docker_container_
from pytest_unikernel.targets.containers.oci import oci_container as oci_container_
from pytest_unikernel.targets.containers.podman import podman_container as podman_container_
from pytest_unikernel.targets.linux_process import linux_process as linux_process_
from pytest_unikernel.targets.qemu.linux_vm import linux_vm as linux_vm_
from pytest_unikernel.targets.qemu.rust_kernel import rust_kernel as rust_kernel_
from pytest_unikernel.targets.urunc.target import urunc_container as urunc_container_
from pytest_unikernel.testing import FakeTarget


def simulated(factory: Callable[..., Target]) -> Any:
    """Return a fixture with the factory's parameters and checks and simulated launches."""

    @functools.wraps(factory)
    def made(*args: object, **parameters: object) -> Target:
        real, fake = factory(*args, **parameters), FakeTarget()
        return dataclasses.replace(fake, name=real.name, naming=real.naming, variant={})

    def fixture() -> Target:
        return dataclasses.replace(made(), factory=made)

    return pytest.fixture(fixture)


docker_container = simulated(docker_container_)
linux_process = simulated(linux_process_)
linux_vm = simulated(linux_vm_)
oci_container = simulated(oci_container_)
podman_container = simulated(podman_container_)
rust_kernel = simulated(rust_kernel_)
urunc_container = simulated(urunc_container_)
