"""The doctor's facts about urunc: its release, its monitors, timestamps on or off and where."""

from __future__ import annotations

from pathlib import Path

import pytest
from uruncs import fake

from pytest_unikernel.plan.target_fields import Unavailable
from pytest_unikernel.targets.urunc import program as programs
from pytest_unikernel.targets.urunc.facts import urunc_facts
from pytest_unikernel.targets.urunc.target import URUNC_CONTAINER


@pytest.fixture(autouse=True)
def nothing_but_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(programs, "SYSTEM_CONFIG", tmp_path / "config.toml")


def test_no_urunc_is_said_with_the_cure() -> None:
    found = urunc_facts()
    assert str(found.missing).startswith("no urunc on PATH; install urunc")
    assert (found.program, found.hypervisors, found.timestamps) == ("", {}, "")


@pytest.mark.parametrize(
    ("release", "line", "timestamps", "log"),
    [
        ("0.6", "0.5-0.6", "per run", programs.FIXED_LOG),
        ("0.7", "0.7-0.8", "off", ""),
        ("0.8", "0.7-0.8", "per run", ""),
    ],
)
def test_timestamps_are_told_by_the_release(
    tmp_path: Path, release: str, line: str, timestamps: str, log: str
) -> None:
    fake(tmp_path, release)
    found = urunc_facts()
    assert (found.release, found.timestamps, found.log) == (line, timestamps, log)
    assert (found.why_no_timestamps is not None) == (timestamps == "off")


def test_timestamps_that_the_system_has_on_are_told_with_their_place(tmp_path: Path) -> None:
    fake(tmp_path, "0.7")
    log = tmp_path / "ts.log"
    (tmp_path / "config.toml").write_text(f'[timestamps]\nenabled = true\ndestination = "{log}"\n')
    found = urunc_facts()
    assert (found.timestamps, found.log, found.why_no_timestamps) == ("on", str(log), None)


def test_monitors_are_those_on_path_and_those_that_the_configuration_names(tmp_path: Path) -> None:
    fake(tmp_path, "0.8")
    (tmp_path / "qemu-system-x86_64").symlink_to("/bin/true")
    (tmp_path / "config.toml").write_text(
        '[monitors.spt]\npath = "/bin/true"\n[monitors.hvt]\npath = "/no"\n'
    )
    found = urunc_facts()
    assert found.hypervisors == {"qemu": f"{tmp_path}/qemu-system-x86_64", "spt": "/bin/true"}


def test_a_configuration_that_cannot_be_read_is_no_reason_to_say_nothing(tmp_path: Path) -> None:
    fake(tmp_path, "0.7")
    (tmp_path / "config.toml").write_text("[timestamps")
    found = urunc_facts()
    assert (found.timestamps, found.program) == ("off", str(tmp_path / "urunc"))
    assert "can't read" in str(found.why_no_timestamps)


@pytest.mark.parametrize(
    ("why_not", "accelerator"), [(None, "monitor's own"), (Unavailable("no", "cure"), "")]
)
def test_a_deep_look_launches_our_unikernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why_not: Unavailable | None, accelerator: str
) -> None:
    fake(tmp_path, "0.8")
    monkeypatch.setattr("pytest_unikernel.targets.qemu.kvm.DEVICE", tmp_path / "no-kvm")
    monkeypatch.setattr(
        "pytest_unikernel.targets.urunc.target.URUNC_CONTAINER", URUNC_CONTAINER(probe=lambda: why_not)
    )
    found = urunc_facts(deep=True)
    assert (found.why_no_launch, found.was_tried, found.accelerator) == (why_not, True, accelerator)
