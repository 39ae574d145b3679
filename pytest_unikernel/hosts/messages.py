"""The values that travel between pytest and the hosts, and how they are packed.

cloudpickle and not pickle: targets hold lambdas and closures. Functions of test modules and conftest files
are packed whole, because these can't be imported elsewhere; all other modules must be installed there.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import cloudpickle

from pytest_unikernel.plan.load_plan import ColdPlan, LoadPlan
from pytest_unikernel.plan.target import Target
from pytest_unikernel.results.digest import Digest
from pytest_unikernel.run.part import Part

MOST_OUTPUT_BYTES = 64 << 20  # of one host in one trial
MOST_LAUNCHES = 1_000_000  # of all hosts in one trial, at some 70 bytes each; beyond, digests come home
REWRITTEN = "AssertionRewritingHook"  # pytest's loader of test modules, conftest files and plugins


@dataclass(frozen=True)
class Request:
    """A trial of a load, or cold starts, that a host is to run.

    Attributes:
        elsewhere: the host is another machine than pytest's: it is asked whether the target can run there,
            and the instances' outputs go home with the answer.
        most_launches: the launches of a trial that may come home; of more, some and a digest of all.
    """

    target: Target
    plan: LoadPlan | ColdPlan
    number: int = 0
    elsewhere: bool = False
    most_launches: int = MOST_LAUNCHES


@dataclass(frozen=True)
class Answer:
    """What a host ran.

    Attributes:
        part: the part of the load.
        origin_ns: the instant of its clock at which the schedule began.
        outputs: the instances' outputs by the names of their files; up to ``MOST_OUTPUT_BYTES``.
        left_out: how many outputs were beyond that.
        digest: the figures of all launches, where the part has only some of them.
    """

    part: Part
    origin_ns: int = 0
    outputs: dict[str, bytes] = field(default_factory=dict)
    left_out: int = 0
    digest: Digest | None = None


@dataclass(frozen=True)
class HostFacts:
    """The facts about a host that its process reports.

    Attributes:
        clock: names the clock: equal on two hosts whose CLOCK_MONOTONIC is the same one.
        progress: the file in which its generator writes how far a load has come.
    """

    hostname: str
    cores: float
    versions: dict[str, str]
    clock: tuple[str, str]
    progress: str = ""


def dumps(value: object) -> bytes:
    """Return a value as bytes; functions of test modules go with it."""
    with ExitStack() as undo:
        for module in _modules_of_tests():
            cloudpickle.register_pickle_by_value(module)
            undo.callback(cloudpickle.unregister_pickle_by_value, module)
        return bytes(cloudpickle.dumps(value))


def loads(data: bytes) -> Any:
    """Return the value of bytes that a host of this run made."""
    return cloudpickle.loads(data)


def _modules_of_tests() -> Iterator[ModuleType]:
    for name, module in list(sys.modules.items()):
        loader = type(getattr(module, "__loader__", None)).__name__
        is_plugin = "site-packages" in (getattr(module, "__file__", None) or "")
        if loader == REWRITTEN and not is_plugin and name.split(".")[0] != "pytest_unikernel":
            yield module
