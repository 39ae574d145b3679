"""The suite's second half: containers, swept and started cold. After the others, which their daemons disturb.

pytest benchmarks/ -m sweep -k "docker or podman or oci"
pytest benchmarks/ -k "cold and docker and not api" --benchmark-disable -s    one launch, its output
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_unikernel import LoadResult, Target

Load = Callable[[Target], LoadResult]

# A sweep ends with the first step that isn't ok: saturated, or more than this host can offer.
EXPECTED = ("ok", "saturated", "generator-bound")


@pytest.mark.load_sweep
def test_oci(load_step: Load, oci_container: Target) -> None:
    assert load_step(oci_container).verdict in EXPECTED


@pytest.mark.load_sweep
def test_oci_crun(load_step: Load, oci_container: Target) -> None:
    assert load_step(oci_container(runtime="crun")).verdict in EXPECTED


@pytest.mark.load_sweep
def test_podman(load_step: Load, podman_container: Target) -> None:
    assert load_step(podman_container).verdict in EXPECTED


@pytest.mark.load_sweep
def test_docker_api(load_step: Load, docker_container: Target) -> None:
    assert load_step(docker_container(via="api")).verdict in EXPECTED


@pytest.mark.load_sweep
def test_docker(load_step: Load, docker_container: Target) -> None:
    assert load_step(docker_container).verdict in EXPECTED


@pytest.mark.cold
def test_oci_cold(cold_start: Load, oci_container: Target) -> None:
    assert cold_start(oci_container).verdict == "ok"


@pytest.mark.cold
def test_oci_crun_cold(cold_start: Load, oci_container: Target) -> None:
    assert cold_start(oci_container(runtime="crun")).verdict == "ok"


@pytest.mark.cold
def test_podman_cold(cold_start: Load, podman_container: Target) -> None:
    assert cold_start(podman_container).verdict == "ok"


@pytest.mark.cold
def test_docker_api_cold(cold_start: Load, docker_container: Target) -> None:
    assert cold_start(docker_container(via="api")).verdict == "ok"


@pytest.mark.cold
def test_docker_cold(cold_start: Load, docker_container: Target) -> None:
    assert cold_start(docker_container).verdict == "ok"
