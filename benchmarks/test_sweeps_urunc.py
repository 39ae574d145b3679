"""The suite's third part: unikernels in containers, by urunc; the phases of a start, step by step.

pytest benchmarks/ -m sweep -k urunc
pytest benchmarks/ -k test_urunc_cold --benchmark-disable -s    one launch, its output
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_unikernel import LoadResult, Target

Load = Callable[[Target], LoadResult]

# A sweep ends with the first step that isn't ok: saturated, or more than this host can offer.
EXPECTED = ("ok", "saturated", "generator-bound")


@pytest.mark.load_sweep
def test_urunc(load_step: Load, urunc_container: Target) -> None:
    assert load_step(urunc_container).verdict in EXPECTED


@pytest.mark.load_sweep
def test_urunc_ctr(load_step: Load, urunc_container: Target) -> None:
    assert load_step(urunc_container(via="ctr")).verdict in EXPECTED


@pytest.mark.load_sweep
def test_urunc_nerdctl(load_step: Load, urunc_container: Target) -> None:
    assert load_step(urunc_container(via="nerdctl")).verdict in EXPECTED


@pytest.mark.load_sweep
def test_urunc_docker(load_step: Load, urunc_container: Target) -> None:
    assert load_step(urunc_container(via="docker")).verdict in EXPECTED


@pytest.mark.cold
def test_urunc_cold(cold_start: Load, urunc_container: Target) -> None:
    assert cold_start(urunc_container).verdict == "ok"


@pytest.mark.cold
def test_urunc_cold_untimed(cold_start: Load, urunc_container: Target) -> None:
    assert cold_start(urunc_container(timestamps=False)).verdict == "ok"


@pytest.mark.cold
def test_urunc_ctr_cold(cold_start: Load, urunc_container: Target) -> None:
    assert cold_start(urunc_container(via="ctr")).verdict == "ok"


@pytest.mark.cold
def test_urunc_nerdctl_cold(cold_start: Load, urunc_container: Target) -> None:
    assert cold_start(urunc_container(via="nerdctl")).verdict == "ok"


@pytest.mark.cold
def test_urunc_docker_cold(cold_start: Load, urunc_container: Target) -> None:
    assert cold_start(urunc_container(via="docker")).verdict == "ok"
