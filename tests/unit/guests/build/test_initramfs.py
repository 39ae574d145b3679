"""Archives for guests, compared with cpio's own format; and kernels and images as files."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest
from kernelfiles import bzimage

from pytest_unikernel.errors import TargetError
from pytest_unikernel.guests.build import initramfs
from pytest_unikernel.plan.target_fields import Unavailable
from pytest_unikernel.targets.qemu import kernel_file
from pytest_unikernel.targets.qemu.kernel_file import default_kernel
from pytest_unikernel.targets.qemu.linux_guest import guest
from pytest_unikernel.targets.qemu.linux_scripts import Carried, carried, switching_archive

HEADER = 110


def members(content: bytes) -> dict[str, tuple[int, bytes]]:
    """Read an archive back: name -> mode and content."""
    found: dict[str, tuple[int, bytes]] = {}
    at = 0
    while True:
        assert content[at : at + 6] == b"070701"
        fields = [int(content[at + 6 + 8 * n : at + 14 + 8 * n], 16) for n in range(13)]
        mode, size, name_size = fields[1], fields[6], fields[11]
        name = content[at + HEADER : at + HEADER + name_size - 1].decode()
        begin = at + (HEADER + name_size + 3 & ~3)
        if name == initramfs.TRAILER:
            return found
        found[name] = (mode, content[begin : begin + size])
        at = begin + (size + 3 & ~3)


def test_an_archive_reads_back_as_it_was_written() -> None:
    entries = [initramfs.directory("a"), initramfs.program("a/run", b"#!x"), initramfs.link("l", "a/run")]
    assert members(initramfs.archive(entries)) == {
        "a": (0o040755, b""),
        "a/run": (0o100755, b"#!x"),
        "l": (0o120777, b"a/run"),
    }


def test_parents_come_once_and_outer_ones_first() -> None:
    names = [each.name for each in initramfs.parents(["a/b/c", "a/b/d", "e"])]
    assert names == ["a", "a/b"]


def test_an_archive_is_stored_once_by_its_content(tmp_path: Path) -> None:
    first = initramfs.store(b"one", tmp_path / "cache")
    assert first == initramfs.store(b"one", tmp_path / "cache")
    assert first != initramfs.store(b"two", tmp_path / "cache")
    assert first.read_bytes() == b"one"
    assert (tmp_path / "cache").stat().st_mode & 0o777 == 0o700


def test_a_stored_archive_that_was_cut_short_is_written_anew(tmp_path: Path) -> None:
    stored = initramfs.store(b"whole", tmp_path)
    stored.write_bytes(b"who")
    assert initramfs.store(b"whole", tmp_path).read_bytes() == b"whole"


def test_archives_nobody_asked_for_in_a_week_are_removed_but_for_the_last_ones(tmp_path: Path) -> None:
    week_s, many = initramfs.KEPT_S, initramfs.KEPT + 3
    stored = [initramfs.store(b"%d" % number, tmp_path) for number in range(many)]
    cut_short = tmp_path / "x.123"
    cut_short.touch()
    assert all(each.exists() for each in stored), "young ones stay, however many"
    now_s = stored[0].stat().st_mtime
    for number, each in enumerate([cut_short, *stored]):
        os.utime(each, (now_s, now_s - 2 * week_s + number))
    assert initramfs.store(b"0", tmp_path) == stored[0], "asked for again"
    assert sorted(tmp_path.glob("*.*")) == sorted([stored[0], *stored[-initramfs.KEPT :]])


def test_names_with_quotes_stay_one_word_in_an_images_profile(tmp_path: Path) -> None:
    script = tmp_path / "it's; rm -rf x"
    script.write_text("#!/bin/sh\n")
    profile = members(switching_archive(carried([script], []), shutdown=True))["unikernel/profile"][
        1
    ].decode()
    assert """/root/'it'"'"'s; rm -rf x'""" in profile
    assert profile.rstrip().endswith("reboot -ff || reboot -f")


def test_a_long_lived_image_is_not_told_to_end() -> None:
    assert b"reboot" not in switching_archive(Carried(), shutdown=False)[-4096:]


@pytest.mark.parametrize("given", ["one", b"one", Path("one")])
def test_one_path_in_place_of_a_list_is_refused(given: object) -> None:
    with pytest.raises(TargetError, match="must be a list"):
        carried(given, [])  # type: ignore[arg-type]


def test_two_of_the_same_name_are_refused(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "run").write_text("#!/bin/sh\n")
    with pytest.raises(
        TargetError, match=r"scripts= and files= must have different names, .* got 'run' twice"
    ):
        carried([tmp_path / "a" / "run"], [tmp_path / "b" / "run"])


def test_scripts_with_a_foreign_initrd_are_refused(tmp_path: Path) -> None:
    missing = Unavailable("none", "none")
    with pytest.raises(TargetError, match="leave initrd= out"):
        guest(missing, None, tmp_path, Carried(files=(("a", b"", 0o644),)), shutdown=True)


# kernels ------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_the_newest_kernel_is_by_version_and_not_by_text(tmp_path: Path) -> None:
    for version in ("6.1.9", "6.1.10"):
        (tmp_path / f"vmlinuz-{version}").write_bytes(bzimage(b"data", version))
    found = default_kernel(None, tmp_path)
    assert not isinstance(found, Unavailable)
    assert found.version == "6.1.10"


def test_a_broken_kernel_is_passed_over_and_named_if_there_is_no_other(tmp_path: Path) -> None:
    broken = tmp_path / "built"
    broken.write_bytes(b"nonsense")
    (tmp_path / "vmlinuz-9.9").write_bytes(b"nonsense too")
    missing = default_kernel(broken, tmp_path)
    assert isinstance(missing, Unavailable)
    assert "the built one is broken" in missing.reason
    assert "vmlinuz-9.9': neither an ELF file nor a bzImage" in missing.reason
    (tmp_path / "vmlinuz-6.1").write_bytes(bzimage(gzip.compress(b"not an ELF file")))
    assert not isinstance(default_kernel(broken, tmp_path), Unavailable)


def test_the_fault_of_a_kernel_is_told_whole_whatever_its_file_is_called(tmp_path: Path) -> None:
    (tmp_path / "vmlinuz-got it").write_bytes(b"nonsense")
    missing = default_kernel(None, tmp_path)
    assert isinstance(missing, Unavailable)
    assert "vmlinuz-got it': neither an ELF file nor a bzImage)" in missing.reason


def test_a_bzimage_that_cannot_be_unpacked_is_booted_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "vmlinuz").write_bytes(bzimage(gzip.compress(b"not an ELF file")))
    found = kernel_file.given_kernel(tmp_path / "vmlinuz")
    assert (found.boot, found.path) == ("bzImage", str(tmp_path / "vmlinuz"))


def test_a_damaged_payload_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "vmlinuz").write_bytes(bzimage(gzip.compress(b"x" * 1000)[:40]))
    assert kernel_file.given_kernel(tmp_path / "vmlinuz").boot == "bzImage"


def test_a_kernel_for_32_bits_is_refused(tmp_path: Path) -> None:
    content = bytearray(bzimage(b"data"))
    content[0x236] = 0
    (tmp_path / "vmlinuz").write_bytes(content)
    with pytest.raises(TargetError, match="32-bit"):
        kernel_file.given_kernel(tmp_path / "vmlinuz")


def test_a_distributions_own_initrd_is_found_beside_its_kernel(tmp_path: Path) -> None:
    (tmp_path / "vmlinuz-1").write_bytes(bzimage(b"data"))
    found = kernel_file.given_kernel(tmp_path / "vmlinuz-1")
    assert kernel_file.own_initrd(found) is None
    (tmp_path / "initrd.img-1").write_bytes(b"x")
    assert kernel_file.own_initrd(found) == tmp_path / "initrd.img-1"
