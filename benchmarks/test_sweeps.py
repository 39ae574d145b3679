"""The suite: every target swept from slow to fast until it is no longer ok, and started cold.

pytest benchmarks/ -m sweep                          about five minutes, profile quick
pytest benchmarks/ -m sweep --sweep-profile=paper    hours, as published; can be resumed
pytest benchmarks/ -m cold                           seconds
pytest benchmarks/ -k "cold and rust_kernel and not kvm" --benchmark-disable -s    one launch, its output
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_unikernel import LoadResult, Target
from pytest_unikernel.guests.build.linux_image import newest_image

Load = Callable[[Target], LoadResult]

# A sweep ends with the first step that isn't ok: saturated, or more than this host can offer.
EXPECTED = ("ok", "saturated", "generator-bound")


@pytest.fixture
def debian_vm(linux_vm: Target) -> Target:
    """Debian in the same machine, on the image that was built last."""
    image = newest_image()
    if image is None:
        pytest.skip("no image with Debian; pytest-unikernel build linux-image")
    return linux_vm(image=image, label="debian")


@pytest.mark.load_sweep
def test_linux_process(load_step: Load, linux_process: Target) -> None:
    assert load_step(linux_process).verdict in EXPECTED


@pytest.mark.load_sweep
def test_rust_kernel(load_step: Load, rust_kernel: Target) -> None:
    assert load_step(rust_kernel).verdict in EXPECTED


@pytest.mark.load_sweep
def test_rust_kernel_kvm(load_step: Load, rust_kernel: Target) -> None:
    assert load_step(rust_kernel(kvm=True)).verdict in EXPECTED


@pytest.mark.load_sweep
def test_linux_vm(load_step: Load, linux_vm: Target) -> None:
    assert load_step(linux_vm).verdict in EXPECTED


@pytest.mark.load_sweep
def test_linux_vm_kvm(load_step: Load, linux_vm: Target) -> None:
    assert load_step(linux_vm(kvm=True)).verdict in EXPECTED


@pytest.mark.load_sweep
def test_debian_vm(load_step: Load, debian_vm: Target) -> None:
    assert load_step(debian_vm).verdict in EXPECTED


@pytest.mark.load_sweep
def test_debian_vm_kvm(load_step: Load, debian_vm: Target) -> None:
    assert load_step(debian_vm(kvm=True, label="debian,kvm")).verdict in EXPECTED


@pytest.mark.cold
def test_linux_process_cold(cold_start: Load, linux_process: Target) -> None:
    assert cold_start(linux_process).verdict == "ok"


@pytest.mark.cold
def test_rust_kernel_cold(cold_start: Load, rust_kernel: Target) -> None:
    assert cold_start(rust_kernel).verdict == "ok"


@pytest.mark.cold
def test_rust_kernel_kvm_cold(cold_start: Load, rust_kernel: Target) -> None:
    assert cold_start(rust_kernel(kvm=True)).verdict == "ok"


@pytest.mark.cold
def test_linux_vm_cold(cold_start: Load, linux_vm: Target) -> None:
    assert cold_start(linux_vm).verdict == "ok"


@pytest.mark.cold
def test_linux_vm_kvm_cold(cold_start: Load, linux_vm: Target) -> None:
    assert cold_start(linux_vm(kvm=True)).verdict == "ok"


@pytest.mark.cold
def test_debian_vm_cold(cold_start: Load, debian_vm: Target) -> None:
    assert cold_start(debian_vm).verdict == "ok"


@pytest.mark.cold
def test_debian_vm_kvm_cold(cold_start: Load, debian_vm: Target) -> None:
    assert cold_start(debian_vm(kvm=True, label="debian,kvm")).verdict == "ok"
