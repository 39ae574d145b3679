"""The page about the fixtures, their parameters, and the types that describe targets."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from docstrings import described, fields_table, parameters_table, prose
from markdown_parts import page, paragraph

from pytest_unikernel import (
    Event,
    Exit,
    Http,
    Instance,
    Line,
    Place,
    Port,
    Stamp,
    StampLog,
    Stamps,
    Unavailable,
)
from pytest_unikernel.plan.target_fields import TargetFields
from pytest_unikernel.plugin import fixtures
from pytest_unikernel.targets.containers.docker import docker_container
from pytest_unikernel.targets.containers.oci import oci_container
from pytest_unikernel.targets.containers.podman import podman_container
from pytest_unikernel.targets.linux_process import linux_process
from pytest_unikernel.targets.qemu.linux_vm import linux_vm
from pytest_unikernel.targets.qemu.rust_kernel import rust_kernel
from pytest_unikernel.targets.urunc.target import urunc_container
from pytest_unikernel.testing import FakeTarget

FACTORIES = (
    *(linux_process, rust_kernel, linux_vm, docker_container, podman_container, oci_container),
    urunc_container,
)
READINESS = (Exit, Line, Port, Http, Event)
OTHERS = (Instance, Place, Unavailable, Stamp, Stamps, StampLog)


def fixtures_page() -> str:
    """Return the page about the fixtures, their parameters, and the types that describe targets."""
    return page(
        "Fixtures and targets",
        paragraph(FIXTURES_INTRODUCTION),
        "## Ways to load a target",
        *(section for name in ("load_step", "cold_start", "timestep") for section in fixture_section(name)),
        "## Targets",
        *(section for factory in FACTORIES for section in factory_section(factory)),
        "## Target",
        paragraph(TARGET_INTRODUCTION),
        fields_table(TargetFields),
        "## Readiness",
        *(section for kind in (Exit, Line, Port, Http, Event) for section in type_section(kind)),
        "## Other types",
        *(section for kind in OTHERS for section in type_section(kind)),
        "## FakeTarget, for tests",
        prose(FakeTarget),
        parameters_table(FakeTarget),
    )


FIXTURES_INTRODUCTION = """\
Each fixture of a target *is* a `Target`. Calling it gives a changed copy: `linux_vm(kvm=True)` is the
variant `linux_vm[kvm]`. Besides its own parameters each takes every field of [Target](#target) by name, and
`label=`, which names the copy by hand. Requesting a fixture never skips a test: whether the copy can run
here is probed when its load starts."""
TARGET_INTRODUCTION = """\
A target of your own is `Target(name, argv, …)`: [how](../how-to/your-own-target.md). The placeholders
`{id}`, `{dir}`, `{port}`, `{session}` and `{events}` in `argv` and `env` are replaced for each instance.
Each instance has `UNIKERNEL_ID`, `UNIKERNEL_DIR` (private and empty), `UNIKERNEL_SESSION` and
`UNIKERNEL_EVENTS` in its environment, and `UNIKERNEL_PORT` where it has a port."""


def fixture_section(name: str) -> list[str]:
    """Return a fixture that is no target, by its docstring."""
    return [f"### {name}", prose(getattr(fixtures, name))]


def factory_section(factory: Callable[..., Any]) -> list[str]:
    """Return a target: what it is by default, what its factory says, its parameters."""
    first = described(getattr(fixtures, factory.__name__)).partition("Called, it gives")[0]
    rule = re.sub("^Return a target that ", "It ", prose(factory))
    return [f"### {factory.__name__}", f"{first.strip()} {rule}", parameters_table(factory)]


def type_section(kind: type) -> list[str]:
    """Return a public type: its docstring and its fields."""
    return [f"### {kind.__name__}", prose(kind), *filter(None, [fields_table(kind)])]
