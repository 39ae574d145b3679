"""Files that guests boot from: crates are built once, also where that fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_unikernel.errors import BuildError
from pytest_unikernel.guests.build.crate_files import CRATE, copy_crate
from pytest_unikernel.targets.qemu import guest_files


def test_a_crate_that_can_not_be_built_is_tried_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[Path] = []

    def build(crate: Path) -> Path:
        tried.append(crate)
        raise BuildError("cargo could not build it", "error: line 1\nerror: line 2")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(guest_files, "find_toolchain", lambda crate: crate)
    monkeypatch.setattr("pytest_unikernel.guests.build.rust_kernel.build_kernel", build)
    copy_crate(CRATE, tmp_path / "crate")
    for _ in range(3):
        with pytest.raises(BuildError, match="line 1\nerror: line 2") as caught:
            guest_files.built_guest(tmp_path / "crate").prepare()
        assert caught.value.cause == "cargo could not build it"
    assert len(tried) == 1
