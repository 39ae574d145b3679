"""qcow2 images that no guest can use, found and named by the real qemu-img; and programs in its place."""

from __future__ import annotations

import json
import os
import shutil
import signal
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from needed import needs_qemu_img

from pytest_unikernel.guests.build import qemu_img
from pytest_unikernel.guests.build.qemu_img import why_not_usable

pytestmark = needs_qemu_img

SIZE, CLUSTER = 8 << 20, 1 << 16
# Source: QEMU's docs/interop/qcow2.txt, "Header".
VERSION, CLUSTER_BITS, DISK_BYTES, L1_ENTRIES, FEATURES = 4, 20, 24, 36, 72
OFFSET = 0x00FF_FFFF_FFFF_FE00
CORRUPT, UNKNOWN = 1 << 1, 1 << 60


def run(*argv: str | Path) -> None:
    subprocess.run([str(each) for each in argv], check=True, capture_output=True)


def why(image: Path) -> str | None:
    return why_not_usable(str(qemu_img.find()), str(image))


def create(image: Path, *options: str) -> Path:
    run("qemu-img", "create", "-f", "qcow2", *options, image, str(SIZE))
    return image


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image with data in every fourth cluster."""
    folder = tmp_path_factory.mktemp("qcow2")
    with (folder / "raw").open("wb") as file:
        for at in range(0, SIZE, 4 * CLUSTER):
            file.seek(at)
            file.write(b"data" * (CLUSTER // 4))
        file.truncate(SIZE)
    run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", folder / "raw", folder / "image")
    return folder / "image"


@pytest.fixture
def content(whole: Path) -> bytes:
    return whole.read_bytes()


@pytest.fixture
def image(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "image.qcow2"
    path.write_bytes(content)
    return path


def change(image: Path, at: int, form: str, value: int) -> None:
    changed = bytearray(image.read_bytes())
    struct.pack_into(form, changed, at, value)
    image.write_bytes(changed)


def test_a_whole_image_can_be_used_and_is_not_written(image: Path, content: bytes) -> None:
    assert why(image) is None
    assert image.read_bytes() == content


def test_a_compressed_image_an_old_one_and_one_with_snapshots_can_be_used(
    image: Path, tmp_path: Path
) -> None:
    options = {"packed": ("-c",), "old": ("-o", "compat=0.10"), "wide": ("-o", "extended_l2=on")}
    for name, option in options.items():
        made = tmp_path / name
        run("qemu-img", "convert", *option, "-f", "qcow2", "-O", "qcow2", image, made)
        assert why(made) is None
    run("qemu-img", "snapshot", "-c", "one", image)
    assert why(image) is None


@given(length=st.integers(512, 30 * CLUSTER))
@example(length=30 * CLUSTER)
@example(length=2 * CLUSTER + 8)  # where the check finds nothing wrong: a table that is missing is empty
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_truncated_image_is_refused_wherever_it_ends(length: int, tmp_path: Path, whole: Path) -> None:
    content = whole.read_bytes()
    assert length < len(content) - CLUSTER
    (first,) = struct.unpack_from(">Q", content, 40)
    (second,) = struct.unpack_from(">Q", content, first)
    ends = ((first, first + 8), (second & OFFSET, (second & OFFSET) + CLUSTER))
    assume(not any(begin < length < end for begin, end in ends))  # within its last table: can't be told
    (tmp_path / "image").write_bytes(content[:length])
    reason = why(tmp_path / "image")
    assert reason is not None
    assert "/dev/fd" not in reason
    assert reason.startswith(("truncated or damaged: ", "qemu-img can't read it: "))


@pytest.mark.parametrize(
    ("field", "form", "value", "reason"),
    [
        (VERSION, ">I", 9, "qemu-img can't read it: Unsupported qcow2 version 9"),
        (CLUSTER_BITS, ">I", 60, "qemu-img can't read it: Unsupported cluster size: 2^60"),
        (DISK_BYTES, ">Q", 1 << 62, "qemu-img can't read it: Image is too big"),
        (L1_ENTRIES, ">I", 2**32 - 1, "qemu-img can't read it: Active L1 table too large"),
        (FEATURES, ">Q", UNKNOWN, "qemu-img can't read it: Unsupported qcow2 feature(s)"),
        (FEATURES, ">Q", CORRUPT, "QEMU marked it as corrupt; repair it: qemu-img check -f qcow2 -r all"),
    ],
)
def test_a_header_that_cannot_be_is_named(
    field: int, form: str, value: int, reason: str, image: Path
) -> None:
    change(image, field, form, value)
    assert (why(image) or "").startswith(reason)


def test_a_cluster_that_is_used_twice_is_damage(image: Path, content: bytes) -> None:
    (table,) = struct.unpack_from(">Q", content, 40)
    (clusters,) = struct.unpack_from(">Q", content, table)
    at = clusters & OFFSET
    (first,) = struct.unpack_from(">Q", content, at)
    change(image, at + 4 * 8, ">Q", first)
    assert (why(image) or "").startswith(
        "truncated or damaged: 1 of its clusters, by qemu-img check; the first:"
    )


def test_clusters_that_leaked_are_no_damage(image: Path, content: bytes) -> None:
    refcounts = int.from_bytes(content[48:56], "big")
    (block,) = struct.unpack_from(">Q", content, refcounts)
    image.write_bytes(content + bytes(CLUSTER))
    change(image, block + 2 * (len(content) // CLUSTER), ">H", 1)
    assert qemu_img._ask("qemu-img", "check", str(image)).status == qemu_img.LEAKED
    assert why(image) is None


def test_an_encrypted_image_is_refused(tmp_path: Path) -> None:
    luks = "encrypt.format=luks,encrypt.key-secret=key,encrypt.iter-time=10"
    assert (why(create(tmp_path / "image", "--object", "secret,id=key,data=x", "-o", luks)) or "").startswith(
        "it is encrypted"
    )


def test_an_image_that_its_last_user_did_not_close_is_refused_with_the_repair(tmp_path: Path) -> None:
    image = create(tmp_path / "image", "-o", "lazy_refcounts=on")
    write = [str(shutil.which("qemu-io")), "-f", "qcow2", "-c", "write 0 1M", "-c", "abort", str(image)]
    ended = subprocess.run(write, cwd=tmp_path, capture_output=True, check=False)
    assert ended.returncode == -signal.SIGABRT
    reason = why(image) or ""
    assert "dirty" in reason
    run(*reason.replace("'", "").partition("repair it: ")[2].split())
    assert why(image) is None


def test_an_image_whose_data_is_elsewhere_is_refused_before_that_is_opened(tmp_path: Path) -> None:
    data = tmp_path / "data"
    image = create(tmp_path / "image", "-o", f"data_file={data}")
    data.unlink()
    assert (why(image) or "").startswith("its data is in another file")


# backing files ----------------------------------------------------------------------------------------


def overlay(image: Path, backing: str, backing_format: str = "qcow2") -> Path:
    return create(image, "-u", "-b", backing, "-F", backing_format)


def test_a_backing_file_is_looked_for_beside_the_image(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert why(overlay(tmp_path / "overlay", image.name)) is None
    image.rename("image.qcow2")  # where we are
    reason = why(tmp_path / "overlay") or ""
    assert reason.startswith(f"its backing file {str(image)!r} isn't there")


def test_a_backing_file_that_is_absent_is_named(tmp_path: Path) -> None:
    reason = why(overlay(tmp_path / "overlay", "/nowhere/base.qcow2")) or ""
    assert reason.startswith("its backing file '/nowhere/base.qcow2' isn't there; bring it, or name another")


@pytest.mark.parametrize("backing", ["nbd://192.0.2.1/secret", 'json:{"driver":"null-co"}', "file:/nowhere"])
def test_a_backing_file_that_is_no_path_is_left_to_qemu(backing: str, tmp_path: Path) -> None:
    assert why(overlay(tmp_path / "overlay", backing, "raw")) is None


def test_no_backing_file_is_opened(tmp_path: Path) -> None:
    """A pipe, on which an open blocks."""
    os.mkfifo(tmp_path / "pipe")
    assert why(overlay(tmp_path / "overlay", str(tmp_path / "pipe"), "raw")) is None


# paths and programs -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [b"a:b", b"json:{}", b"caf\xe9", b'"quoted", and more', b"-o"])
def test_any_name_can_be_checked(name: bytes, image: Path, tmp_path: Path, content: bytes) -> None:
    named = tmp_path / os.fsdecode(name)
    image.rename(named)
    assert why(named) is None
    named.write_bytes(content[: len(content) // 2])
    assert (why(named) or "").startswith("truncated or damaged: ")


def instead(tmp_path: Path, script: str) -> str:
    """Return a program in place of qemu-img."""
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return str(program)


def test_the_format_is_named_and_no_chain_is_opened(image: Path, tmp_path: Path) -> None:
    real, asked = shutil.which("qemu-img"), tmp_path / "asked"
    program = instead(tmp_path, f'printf "%s\\n" "$@" >>{asked}; exec {real} "$@"')
    assert why_not_usable(program, str(image)) is None
    info, check = asked.read_text().splitlines()[:5], asked.read_text().splitlines()[5:]
    assert info == ["info", "--output=json", "-f", "qcow2", str(image)]
    assert check[:-1] == ["check", "--output=json", "-f", "qcow2"]
    opened = json.loads(check[-1].removeprefix("json:"))
    assert (opened["driver"], opened["backing"]) == ("qcow2", None)
    assert opened["file"]["driver"] == "file"


def test_a_program_that_does_not_end_is_ended(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(qemu_img, "PATIENCE_S", 0.3)
    program = instead(tmp_path, "exec tail -f /dev/null")
    reason = "it can't be checked: qemu-img did not end within 0.3 s"
    assert why_not_usable(program, str(image)) == reason


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("kill -9 $$", "qemu-img can't read it: killed by SIGKILL"),
        ("exit 63", "qemu-img can't read it: status 63"),
        ("echo '[]'; exit 2", "qemu-img can't read it: status 2"),
        ("echo not JSON; [ $1 = info ] || exit 1", "qemu-img can't read it: status 1"),
        ("yes 'qemu-img: no' | head -c 3000000 >&2; exit 1", "qemu-img can't read it: qemu-img: no"),
        ("head -c 3000000 /dev/zero | tr '\\0' x >&2; exit 1", f"qemu-img can't read it: {'x' * 500}"),
    ],
)
def test_a_program_that_fails_is_a_reason(script: str, reason: str, image: Path, tmp_path: Path) -> None:
    assert why_not_usable(instead(tmp_path, script), str(image)) == reason


def test_a_program_that_cannot_be_run_is_a_reason(image: Path) -> None:
    reason = why_not_usable("/nowhere/qemu-img", str(image)) or ""
    assert reason.startswith("it can't be checked: [Errno 2] No such file or directory: ")
