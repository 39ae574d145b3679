"""``pytest --fixtures`` names each target's parameters with their defaults, as the code has them."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable

import pytest

from pytest_unikernel import Target
from pytest_unikernel.targets.containers.docker import docker_container
from pytest_unikernel.targets.containers.oci import oci_container
from pytest_unikernel.targets.containers.podman import podman_container
from pytest_unikernel.targets.linux_process import linux_process
from pytest_unikernel.targets.qemu.linux_vm import linux_vm
from pytest_unikernel.targets.qemu.rust_kernel import rust_kernel
from pytest_unikernel.targets.urunc.target import urunc_container

Runs = Callable[..., pytest.RunResult]
FACTORIES: list[Callable[..., Target]] = [
    *(docker_container, linux_vm, oci_container, podman_container, rust_kernel, urunc_container),
]


@pytest.fixture
def words(run: Runs) -> str:
    return " ".join(" ".join(run("--fixtures").outlines).split())


def call(factory: Callable[..., Target]) -> str:
    """Return a call with each parameter's default, as Python writes it but for the quotes."""
    parameters = inspect.signature(factory).parameters.values()
    values = (
        json.dumps(each.default) if isinstance(each.default, str) else each.default for each in parameters
    )
    shown = (f"{each.name}={value}" for each, value in zip(parameters, values, strict=True))
    return f"``{factory.__name__}({', '.join(shown)})``"


def test_a_targets_parameters_and_defaults_are_named(words: str) -> None:
    assert [call(factory) for factory in FACTORIES if call(factory) not in words] == []


def test_the_process_takes_a_line_or_an_argv(words: str) -> None:
    assert list(inspect.signature(linux_process).parameters) == ["command"]
    assert '``linux_process("LINE FOR /bin/sh")`` or ``linux_process(["ARGV"])``' in words


def test_the_two_ways_to_load_say_what_they_take_and_return(words: str) -> None:
    assert "``load_step(target) -> LoadResult``" in words
    assert "``cold_start(target, launches=10) -> LoadResult``" in words
    assert "timestep" in words


def test_every_fixture_of_a_target_is_looked_at(words: str) -> None:
    tried = {factory.__name__ for factory in FACTORIES} | {"linux_process"}
    assert words.count("A call returns a changed copy: ") == len(tried)
