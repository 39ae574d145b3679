"""The phases that partition a launch: what a target may declare, and what becomes of it in variants."""

from __future__ import annotations

import re
from typing import Any

import pytest

from pytest_unikernel.errors import TargetError
from pytest_unikernel.plan.partition import chain_of
from pytest_unikernel.plan.target import Exit, Line, Target
from pytest_unikernel.targets.containers.docker import DOCKER_CONTAINER
from pytest_unikernel.targets.containers.oci import OCI_CONTAINER
from pytest_unikernel.targets.containers.podman import PODMAN_CONTAINER
from pytest_unikernel.targets.qemu.linux_vm import linux_vm
from pytest_unikernel.targets.qemu.rust_kernel import RUST_KERNEL

PHASES = {
    "boot": ("started", "kernel"),
    "all": ("started", "ready"),
    "init": ("kernel", "ready"),
    "end": ("ready", "exited"),
    "late": ("kernel", "exited"),
    "due": ("scheduled", "kernel"),
    "back": ("kernel", "started"),
    "again": ("ready", "kernel"),
    "nothing": ("kernel", "kernel"),
    "guest": ("guest:marker", "exited"),
    "other": ("kernel", "ready"),
}
VM = Target("vm", ["true"], phases=PHASES, partition=["boot", "init", "end"])


def test_a_partition_is_a_chain_of_events_from_the_start_on() -> None:
    assert chain_of(VM) == ("started", "kernel", "ready", "exited")
    assert VM.partition == ("boot", "init", "end")
    assert chain_of(Target("plain", ["true"], phases=PHASES)) == ()


def test_a_partition_may_begin_after_the_start_and_end_before_ready() -> None:
    assert chain_of(Target("vm", ["true"], phases=PHASES, partition=["init"])) == ("kernel", "ready")
    assert chain_of(Target("vm", ["true"], phases=PHASES, partition=["boot"])) == ("started", "kernel")


@pytest.mark.parametrize(
    ("partition", "why"),
    [
        ("boot", "expected a list of the names of phases, in order, got 'boot'"),
        (
            [("started", "kernel")],
            "expected a list of the names of phases, in order, got [('started', 'kernel')]",
        ),
        (7, "expected a list of the names of phases, in order, got 7"),
        (["boot", "boots"], "'boots' is no phase of phases=; known are 'boot', 'all'"),
        (["boot", "end"], "'boot' ends with 'kernel', and 'end' begins with 'ready'"),
        (["init", "boot"], "'init' ends with 'ready', and 'boot' begins with 'started'"),
        (["boot", "all"], "'boot' ends with 'kernel', and 'all' begins with 'started'"),
        (["due", "init"], "it begins with 'started' or later, got 'scheduled'"),
        (["back"], "nothing comes before 'started'"),
        (["init", "again"], "each event comes once, got 'kernel' twice"),
        (["boot", "nothing"], "each event comes once, got 'kernel' twice"),
        (["guest"], "'guest:marker' is by the instance's own clock"),
        (["boot", "other"], "'other' names what the phases leave out"),
    ],
)
def test_phases_that_cannot_be_added_up_are_refused_when_the_target_is_made(partition: Any, why: str) -> None:
    with pytest.raises(TargetError, match=f"^vm: partition: .*{re.escape(why)}"):
        Target("vm", ["true"], phases=PHASES, partition=partition)
    with pytest.raises(TargetError, match=re.escape(why)):
        VM(partition=partition)


def test_a_partition_needs_phases() -> None:
    with pytest.raises(TargetError, match="'boot' is no phase of phases=; known are none"):
        Target("vm", ["true"], partition=["boot"])


# variants ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", [DOCKER_CONTAINER, PODMAN_CONTAINER, OCI_CONTAINER, RUST_KERNEL, VM])
def test_a_variant_that_is_ready_elsewhere_keeps_its_partition(target: Target) -> None:
    for ready in (Line("up"), Exit()):
        moved = target(ready=ready)
        assert moved.partition == target.partition != ()
        assert (moved.ready, chain_of(moved)) == (ready, chain_of(target))


def test_a_variant_with_more_phases_keeps_its_partition() -> None:
    more = VM(phases={**PHASES, "more": ("boot", "ready")})
    assert more.partition == VM.partition


@pytest.mark.parametrize("target", [VM, DOCKER_CONTAINER])
def test_a_variant_with_phases_of_its_own_has_the_partition_that_it_declares(target: Target) -> None:
    phases = {"up": ("started", "up"), "down": ("up", "exited")}
    assert target(phases=phases).partition == ()
    own = target(phases=phases, partition=["up", "down"])
    assert chain_of(own) == chain_of(own(timeout_s=2.0)) == ("started", "up", "exited")
    assert own(phases={}).partition == ()


def test_a_phase_of_the_same_name_between_other_events_is_another_phase() -> None:
    changed = {**PHASES, "boot": ("started", "init")}
    assert VM(phases=changed).partition == ()


def test_a_virtual_machine_whose_output_is_not_looked_at_has_no_phases() -> None:
    assert RUST_KERNEL(console=True).phases == {}
    assert linux_vm(console=True).partition == ()


def test_only_a_guest_that_is_known_to_print_has_a_partition(tmp_path: Any) -> None:
    for name in ("dev", "proc", "sys"):
        (tmp_path / name).mkdir()
    silent = OCI_CONTAINER(rootfs=tmp_path, command=["/true"])
    assert (list(silent.phases), silent.partition) == (["before output", "after output"], ())
