"""The benchmarks of the KVM bed with urunc: our unikernel under urunc, swept and started cold, on KVM."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_unikernel import LoadResult, Target

Load = Callable[..., LoadResult]

# The emulated machine is slow and uneven; its performance is not tested here.
SANE = ("ok", "saturated", "generator-bound")


@pytest.mark.load_sweep(time_steps=[20, 12], window=24)
def test_urunc(load_step: Load, urunc_container: Target) -> None:
    assert load_step(urunc_container).verdict in SANE


@pytest.mark.cold
def test_urunc_cold(cold_start: Load, urunc_container: Target) -> None:
    assert cold_start(urunc_container, launches=2).verdict == "ok"
