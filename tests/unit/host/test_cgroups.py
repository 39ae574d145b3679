"""The memory that the host and our cgroups leave."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from pytest_unikernel.host import cgroups


def test_the_hosts_memory_is_what_psutil_says() -> None:
    assert cgroups.host_bytes() == psutil.virtual_memory().total


@pytest.mark.parametrize(
    ("lines", "available_kib"),
    [
        (["MemTotal: 100 kB", "MemFree: 10 kB", "MemAvailable: 40 kB", "HugePages_Total: 0"], 40),
        (["MemTotal: 100 kB", "MemFree: 10 kB"], 10),  # before Linux 3.14
        (["MemTotal: 100 kB", "MemFree: 10 kB", "MemAvailable: 400 kB"], 10),  # a container, beside its host
    ],
)
def test_the_available_memory_is_at_most_all_of_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, lines: list[str], available_kib: int
) -> None:
    (tmp_path / "meminfo").write_text("\n".join(lines))
    monkeypatch.setattr(cgroups, "PROC", tmp_path)
    monkeypatch.setattr(cgroups, "CGROUP", tmp_path)
    assert cgroups.available_bytes() == 1024 * available_kib
