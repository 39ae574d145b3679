"""The benchmarks of the KVM bed: both of QEMU's guests, swept and started cold, on KVM."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_unikernel import LoadResult, Target

Load = Callable[..., LoadResult]

LAUNCHES = 2
# Each byte on the console costs two exits of both nested machines. So only notices are printed, with the
# kernel's first line among them, but not the thirty lines about an emulated CPU's extended state.
TERSE = "loglevel=6 noxsave"
# The emulated machine is slow and uneven; its performance is not tested here.
SANE = ("ok", "saturated", "generator-bound")


@pytest.mark.load_sweep(time_steps=[2, 1], window=4)
def test_rust_kernel(load_step: Load, rust_kernel: Target) -> None:
    assert load_step(rust_kernel(kvm=True)).verdict in SANE


@pytest.mark.load_sweep(time_steps=[12, 8], window=24)
def test_linux_vm(load_step: Load, linux_vm: Target) -> None:
    assert load_step(linux_vm(kvm=True, append=TERSE)).verdict in SANE


@pytest.mark.cold
def test_rust_kernel_cold(cold_start: Load, rust_kernel: Target) -> None:
    assert cold_start(rust_kernel(kvm=True), launches=LAUNCHES).verdict == "ok"


@pytest.mark.cold
def test_linux_vm_cold(cold_start: Load, linux_vm: Target) -> None:
    assert cold_start(linux_vm(kvm=True, append=TERSE), launches=LAUNCHES).verdict == "ok"
