"""What comes home from a host, and how many CPUs hosts are."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_unikernel.hosts import joining, messages, process


def test_outputs_come_home_up_to_a_bound_and_the_others_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).write_bytes(b"1234")
    monkeypatch.setattr(messages, "MOST_OUTPUT_BYTES", 8)
    assert process._outputs(tmp_path) == ({"a": b"1234", "b": b"1234"}, 1)


def test_workers_on_one_machine_share_its_cpus() -> None:
    def host(boot: str, namespace: str, cores: float) -> Any:
        return SimpleNamespace(
            facts=SimpleNamespace(clock=(boot, namespace), cores=cores), name=boot + namespace
        )

    assert joining._cores([host("x", "1", 4), host("x", "2", 4), host("y", "1", 8)]) == 12
