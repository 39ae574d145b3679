"""Why a target can't run: required programs, its probe, its own program, in this order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_unikernel.host.packages import install_cure
from pytest_unikernel.launch.availability import why_not
from pytest_unikernel.plan.target import Target
from pytest_unikernel.plan.target_fields import Unavailable
from pytest_unikernel.testing import FakeTarget

NEVER = Unavailable("the probe says no", "ask it again")


def target(**fields: Any) -> Target:
    return Target(**{"name": "it", "argv": ["/bin/sh"], **fields})


@pytest.fixture
def bin_(tmp_path: Path) -> Path:
    """Return a directory with a program, a file that is none, and a directory."""
    for name, mode in (("runs", 0o755), ("does-not", 0o644)):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(mode)
    (tmp_path / "folder").mkdir()
    return tmp_path


def test_a_required_name_is_looked_up_on_the_path_of_the_instance(bin_: Path) -> None:
    assert why_not(target(requires=["runs"], env={"PATH": str(bin_)})) is None
    missing = why_not(target(requires=["runs"], env={"PATH": "/no/such"}))
    assert missing is not None
    assert missing.reason == "no runs on PATH"


@pytest.mark.parametrize("field", ["requires", "argv"])
def test_a_path_has_to_be_a_program(field: str, bin_: Path) -> None:
    said = {
        name: why_not(target(**{field: [str(bin_ / name)]})) for name in ("runs", "does-not", "folder", "x")
    }
    assert {name: why and str(why) for name, why in said.items()} == {
        "runs": None,
        "does-not": f"'{bin_}/does-not' is not executable; chmod +x {bin_}/does-not",
        "folder": f"'{bin_}/folder' is a directory, no program; name the program in it",
        "x": f"no program '{bin_}/x'; build or install it, or correct its path",
    }


def test_a_relative_path_is_looked_up_in_the_working_directory(
    bin_: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert why_not(target(argv=["./runs"], cwd=bin_)) is None
    monkeypatch.chdir(bin_)
    assert why_not(target(argv=["./runs"])) is None
    missing = why_not(target(argv=["./x"]))
    assert missing is not None
    assert missing.reason == f"no program './x' in '{bin_}'"


def test_a_working_directory_that_is_not_there_is_named() -> None:
    assert str(why_not(target(cwd="/no/such"))) == "no working directory '/no/such'; make it, or correct cwd="


def test_required_programs_come_before_the_probe_that_may_call_them() -> None:
    asked: list[str] = []
    missing = why_not(target(requires=["/no/such"], probe=lambda: asked.append("probe")))
    assert missing is not None
    assert asked == []
    assert why_not(target(requires=["/bin/sh"], probe=lambda: asked.append("probe"))) is None
    assert asked == ["probe"]


def test_the_probe_comes_before_the_own_program() -> None:
    assert why_not(target(argv=["/no/such"], probe=lambda: NEVER)) is NEVER


@pytest.mark.parametrize(
    "fields",
    [
        {"argv": ["/no/such"], "prepare": lambda target, _: target},  # it may make the program
        {"argv": ["{dir}/program"]},
    ],
)
def test_a_program_that_is_made_later_is_not_looked_for(fields: dict[str, Any]) -> None:
    assert why_not(target(**fields)) is None


def test_a_simulated_target_needs_no_program() -> None:
    assert why_not(FakeTarget()) is None


@pytest.mark.parametrize(
    ("program", "cure"),
    [
        ("redis-server", "apt-get install redis-server"),
        ("bwrap", "apt-get install bubblewrap"),
        ("qemu-system-x86_64", "apt-get install qemu-system-x86"),
    ],
)
def test_a_package_is_named_where_it_is_known(program: str, cure: str) -> None:
    assert install_cure(program) == cure


def test_no_package_is_guessed() -> None:
    assert install_cure("firecracker").startswith("install firecracker, or add its directory to PATH")
