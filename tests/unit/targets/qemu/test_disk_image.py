"""Who else has an image: looked up in a device tree that is made up."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_unikernel.targets.qemu import disk_image
from pytest_unikernel.targets.qemu.disk_image import DiskImage, loop_device


@pytest.fixture
def devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path / "block"
    monkeypatch.setattr(disk_image, "BLOCK_DEVICES", made)
    return made


def attach(devices: Path, name: str, file: Path) -> None:
    (devices / name / "loop").mkdir(parents=True)
    (devices / name / "loop" / "backing_file").write_text(f"{file}\n")


def test_an_image_on_a_loop_device_is_in_use_and_the_device_is_named(devices: Path, tmp_path: Path) -> None:
    image, other = tmp_path / "image", tmp_path / "other"
    image.write_bytes(bytes(512))
    other.write_bytes(bytes(512))
    attach(devices, "loop0", tmp_path / "gone")
    attach(devices, "loop1", other)
    assert loop_device(str(image)) is None
    assert DiskImage(str(image), "raw").why_not() is None
    attach(devices, "loop2", image)
    missing = DiskImage(str(image), "raw").why_not()
    assert missing is not None
    assert "attached to /dev/loop2" in missing.reason
    assert "losetup --detach /dev/loop2" in missing.cure
