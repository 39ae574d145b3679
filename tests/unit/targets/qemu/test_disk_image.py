"""Who else has an image, looked up in a device tree that is made up; and when a qcow2 image is checked."""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from needed import needs_qemu_img

from pytest_unikernel.errors import TargetError
from pytest_unikernel.guests.build import qemu_img
from pytest_unikernel.targets.qemu import disk_image
from pytest_unikernel.targets.qemu.disk_image import FLOCK, WRITER_BYTE, DiskImage, given_image, loop_device

F_OFD_SETLK = 37  # Source: fcntl(2), <bits/fcntl-linux.h>


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


# qcow2 images ---------------------------------------------------------------------------------------------

SIZE_MIB = 4


@pytest.fixture
def qcow2(tmp_path: Path, devices: Path) -> Path:
    raw, made = tmp_path / "raw", tmp_path / "image"
    raw.write_bytes(bytes(range(256)) * (SIZE_MIB << 12))
    convert = [str(qemu_img.find()), "convert", "-f", "raw", "-O", "qcow2", str(raw), str(made)]
    subprocess.run(convert, check=True)
    return made


def damage(image: Path) -> None:
    os.truncate(image, image.stat().st_size // 2)


@contextlib.contextmanager
def written_to(image: Path) -> Iterator[None]:
    """Lock what a QEMU locks that has the image open for writing."""
    lock = FLOCK.pack(fcntl.F_RDLCK, os.SEEK_SET, WRITER_BYTE, 1, 0)
    with image.open("rb") as file:
        fcntl.fcntl(file, F_OFD_SETLK, lock)
        yield


@needs_qemu_img
@pytest.mark.parametrize("name", ["image.qcow2", "image.raw"])
def test_the_content_and_not_the_name_says_what_an_image_is(name: str, qcow2: Path, tmp_path: Path) -> None:
    content, named = qcow2.read_bytes(), tmp_path / name
    for start, image_format in ((bytes(4), "raw"), (content[:4], "qcow2")):
        named.write_bytes(start + content[4:])
        assert given_image(named).format == image_format


@needs_qemu_img
def test_a_damaged_image_is_refused_when_it_is_named(qcow2: Path) -> None:
    damage(qcow2)
    with pytest.raises(TargetError, match=f"got '{qcow2}': truncated or damaged"):
        given_image(qcow2)


@needs_qemu_img
def test_an_image_that_is_damaged_later_is_refused_when_it_is_to_be_booted(qcow2: Path) -> None:
    image = given_image(qcow2)
    assert image.why_not() is None
    damage(qcow2)
    for _ in range(2):  # a refusal is not what is remembered
        with pytest.raises(TargetError, match=f"got '{qcow2}': truncated or damaged"):
            image.why_not()


@needs_qemu_img
def test_an_image_that_did_not_change_is_checked_once(qcow2: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = given_image(qcow2)
    monkeypatch.setattr(qemu_img, "why_not_usable", lambda *_: pytest.fail("checked again"))
    assert image.why_not() is None
    assert given_image(qcow2).why_not() is None


@needs_qemu_img
def test_an_image_in_use_is_not_checked_until_it_is_free(qcow2: Path) -> None:
    damage(qcow2)  # a look at what another one writes can find damage where none is
    with written_to(qcow2):
        image = given_image(qcow2)
        missing = image.why_not()
    assert missing is not None
    assert "is in use: another process has it open for writing" in missing.reason
    with pytest.raises(TargetError, match="truncated or damaged"):
        image.why_not()


@needs_qemu_img
def test_without_qemu_img_only_a_qcow2_image_is_unavailable(
    qcow2: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    missing = given_image(qcow2).why_not()
    assert missing is not None
    assert str(missing) == f"no qemu-img on PATH to check image={str(qcow2)!r}; apt-get install qemu-utils"
    assert given_image(tmp_path / "raw").why_not() is None
