"""Probes that are equal though they were made again, and those that are not."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from pytest_unikernel.plugin.probing import identity
from pytest_unikernel.targets.linux_process import linux_process
from pytest_unikernel.targets.qemu.linux_vm import linux_vm
from pytest_unikernel.targets.qemu.rust_kernel import rust_kernel
from pytest_unikernel.targets.urunc.target import urunc_container

Make = Callable[[], Any]


class Parameters(NamedTuple):
    kvm: bool
    options: list[str]

    def probe(self) -> None: ...


def asked(*words: object, **options: object) -> None: ...


def closure(value: object) -> Callable[[], object]:
    return lambda: value


def default(value: object) -> Callable[[], object]:
    def probe(value: object = value) -> object:
        return value

    return probe


def recursive() -> Callable[[], object]:
    def probe() -> object:
        return probe

    return probe


@pytest.mark.parametrize(
    "make",
    [
        lambda: closure((1, "a", [2, {"b": 3}])),
        lambda: default([1]),
        lambda: functools.partial(asked, 2, key=[3]),
        lambda: Parameters(kvm=True, options=["-a"]).probe,
        lambda: closure(closure(1)),
        lambda: rust_kernel(kvm=False, memory_mib=64).probe,
        lambda: linux_vm(memory_mib=128).probe,
        lambda: urunc_container(via="ctr").probe,
        lambda: linux_process().probe,
    ],
    ids=["closure", "default", "partial", "method", "nested", "rust", "vm", "urunc", "none"],
)
def test_probes_made_again_of_equal_parts_are_the_same(make: Make) -> None:
    assert identity(make()) == identity(make())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (closure(1), closure(2)),
        (closure(1), closure(True)),
        (closure([1]), closure([2])),
        (default(1), default(2)),
        (functools.partial(asked, 2), functools.partial(asked, 3)),
        (Parameters(kvm=True, options=[]).probe, Parameters(kvm=False, options=[]).probe),
        (closure(object()), closure(object())),
        (lambda: None, lambda: None),
        (rust_kernel(memory_mib=64).probe, rust_kernel(memory_mib=64, qemu="/x").probe),
        (urunc_container(via="ctr").probe, urunc_container(via="docker").probe),
    ],
)
def test_probes_of_other_parts_are_others(one: object, other: object) -> None:
    assert identity(one) != identity(other)


def test_a_probe_that_holds_itself_has_an_identity() -> None:
    assert identity(recursive()) is not None


def test_parts_that_can_not_be_compared_are_themselves() -> None:
    class Broken:
        def __hash__(self) -> int:
            raise RuntimeError("no")

    broken = Broken()
    assert identity(closure(broken)) == identity(closure(broken))
    assert identity(closure(broken)) != identity(closure(Broken()))
