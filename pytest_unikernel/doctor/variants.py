"""The targets that the doctor asks, with their usual variants; a new one is a line of ``VARIANTS``."""

from __future__ import annotations

import dataclasses
import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from pytest_unikernel.plan.target import Target
from pytest_unikernel.plan.target_fields import Unavailable


class Variant(NamedTuple):
    """A usual variant of a target.

    Attributes:
        name: as in records, and as ``--require`` and ``--sweep-require`` take it.
        needs: programs, device files and modules without which it counts as not installed.
        make: returns the target, or why there is none; imports its modules itself.
        lane: variants of one lane are asked one after the other, for they ask the same program.
    """

    name: str
    needs: tuple[str, ...]
    make: Callable[[], Target | Unavailable]
    lane: str


def is_there(needed: str) -> bool:
    """Return whether a program is on PATH, a file exists, or a module can be imported (``h11.py``)."""
    if needed.startswith("/"):
        return Path(needed).exists()
    if needed.endswith(".py"):
        return importlib.util.find_spec(needed.removesuffix(".py")) is not None
    return shutil.which(needed) is not None


def _process() -> Target:
    from pytest_unikernel.targets.linux_process import LINUX_PROCESS  # noqa: PLC0415 - one per check

    return LINUX_PROCESS


def _unikernel(*, kvm: bool = False) -> Target:
    from pytest_unikernel.targets.qemu.rust_kernel import RUST_KERNEL  # noqa: PLC0415 - one per check

    return RUST_KERNEL(kvm=kvm)


def _linux(**parameters: object) -> Target | Unavailable:
    from pytest_unikernel.guests.build.linux_kernel import newest_kernel  # noqa: PLC0415 - one per check
    from pytest_unikernel.targets.qemu.kernel_file import default_kernel  # noqa: PLC0415 - one per check
    from pytest_unikernel.targets.qemu.linux_vm import linux_vm  # noqa: PLC0415 - one per check

    built = newest_kernel()
    kernel = default_kernel(built.vmlinux if built is not None else None)
    if isinstance(kernel, Unavailable):
        return kernel
    return dataclasses.replace(linux_vm(), factory=linux_vm)(**parameters)


def _debian() -> Target | Unavailable:
    from pytest_unikernel.guests.build.linux_image import newest_image  # noqa: PLC0415 - one per check

    image = newest_image()
    if image is None:
        return Unavailable("no Debian image was built", "pytest-unikernel build linux-image")
    return _linux(image=image, label="debian")


def _docker(*, via: str = "cli") -> Target:
    from pytest_unikernel.targets.containers.docker import DOCKER_CONTAINER  # noqa: PLC0415 - one per check

    return DOCKER_CONTAINER(via=via)


def _podman() -> Target:
    from pytest_unikernel.targets.containers.podman import PODMAN_CONTAINER  # noqa: PLC0415 - one per check

    return PODMAN_CONTAINER


def _oci(runtime: str = "runc") -> Target:
    from pytest_unikernel.targets.containers.oci import OCI_CONTAINER  # noqa: PLC0415 - one per check

    return OCI_CONTAINER(runtime=runtime)


def _urunc(**parameters: object) -> Target:
    from pytest_unikernel.targets.urunc.target import URUNC_CONTAINER  # noqa: PLC0415 - one per check

    return URUNC_CONTAINER(**parameters)


QEMU, KVM = "qemu-system-x86_64", "/dev/kvm"

VARIANTS = (
    Variant("linux_process", (), _process, "process"),
    Variant("rust_kernel", (QEMU,), _unikernel, "tcg"),
    Variant("rust_kernel[kvm]", (QEMU, KVM), lambda: _unikernel(kvm=True), "kvm"),
    Variant("linux_vm", (QEMU,), _linux, "tcg"),
    Variant("linux_vm[kvm]", (QEMU, KVM), lambda: _linux(kvm=True), "kvm"),
    Variant("linux_vm[debian]", (QEMU,), _debian, "tcg"),
    Variant("docker_container", ("docker",), _docker, "docker"),
    Variant("docker_container[api]", ("docker", "h11.py"), lambda: _docker(via="api"), "docker"),
    Variant("podman_container", ("podman",), _podman, "podman"),
    Variant("oci_container", ("runc",), _oci, "runc"),
    Variant("oci_container[crun]", ("crun",), lambda: _oci("crun"), "crun"),
    Variant("oci_container[youki]", ("youki",), lambda: _oci("youki"), "youki"),
    Variant("oci_container[runsc]", ("runsc",), lambda: _oci("runsc"), "runsc"),
    Variant("urunc_container", ("urunc",), _urunc, "urunc"),
    Variant("urunc_container[ctr]", ("urunc", "ctr"), lambda: _urunc(via="ctr"), "urunc"),
    Variant("urunc_container[docker]", ("urunc", "docker"), lambda: _urunc(via="docker"), "urunc"),
    Variant("urunc_container[nerdctl]", ("urunc", "nerdctl"), lambda: _urunc(via="nerdctl"), "urunc"),
)
