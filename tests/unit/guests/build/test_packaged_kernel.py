"""Fetching a packaged kernel: apt is a script that knows one package, dpkg-deb is real where it matters."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from kernelfiles import bzimage

from pytest_unikernel.commands import main
from pytest_unikernel.errors import BuildError
from pytest_unikernel.guests.build import packaged_kernel
from pytest_unikernel.guests.build.packaged_kernel import fetch_kernel, packaged_kernels
from pytest_unikernel.targets.qemu.kernel_file import default_kernel

UBUNTU = "linux-image-6.8.0-49-generic"
DEBIAN = "linux-image-6.1.0-56-cloud-amd64"
CONTENT = b"a kernel" * 1000


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a directory that is the whole PATH, with programs of this test."""
    place = tmp_path / "bin"
    place.mkdir()
    for name in ("sh", "cat", "echo"):
        (place / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", str(place))
    return place


def script(place: Path, name: str, text: str) -> None:
    (place / name).write_text(f"#!/bin/sh\n{text}\n")
    (place / name).chmod(0o755)


def package(path: Path, member: str | None = "./boot/vmlinuz-x", content: bytes = CONTENT) -> Path:
    """Write what ``dpkg-deb --fsys-tarfile`` makes of a package."""
    with tarfile.open(path, "w") as archive:
        names = ["./boot/config-x", *([member] if member else []), "./lib/modules/big.ko"]
        for name in names:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


@pytest.fixture
def apt(programs: Path, tmp_path: Path) -> Path:
    """An apt that knows Debian's package: it notes each download in the file that is returned."""
    archive = package(tmp_path / "archive.tar")
    script(
        programs,
        "apt-cache",
        f'[ "$3" = linux-image-cloud-amd64 ] && printf "$3\\n  Depends: {DEBIAN}\\n" || exit 100',
    )
    script(programs, "apt-get", f'echo "$LC_ALL $*" >> {tmp_path}/downloads; cat {archive} > it.deb')
    script(programs, "dpkg-deb", '[ "$1" = --fsys-tarfile ] && cat "$2"')
    return tmp_path / "downloads"


def test_the_kernel_of_the_package_is_kept_and_nothing_else(apt: Path, tmp_path: Path) -> None:
    kernel = fetch_kernel(cache_dir=tmp_path / "cache")
    assert kernel == tmp_path / "cache" / "vmlinuz-6.1.0-56-cloud-amd64"
    assert kernel.read_bytes() == CONTENT
    assert kernel.stat().st_mode & 0o777 == 0o644
    assert {each.name for each in kernel.parent.iterdir()} == {kernel.name, "lock"}
    assert packaged_kernels(tmp_path / "cache") == [kernel]
    assert apt.read_text().splitlines() == [f"C -qq -o APT::Sandbox::User=root download {DEBIAN}"]


def test_a_kernel_that_is_there_is_not_downloaded_again(apt: Path, tmp_path: Path) -> None:
    told: list[str] = []
    for _ in range(2):
        fetch_kernel(cache_dir=tmp_path / "cache", progress=told.append)
    assert len(apt.read_text().splitlines()) == 1
    assert told == [f"downloading {DEBIAN}; it is not installed"]


@pytest.mark.usefixtures("apt")
def test_ubuntus_kernel_is_found_by_the_name_it_has_there(programs: Path, tmp_path: Path) -> None:
    depends = f"  Depends: linux-base\\n  Depends: {UBUNTU}\\n |Depends: other\\n"
    script(
        programs,
        "apt-cache",
        f'[ "$3" = linux-image-virtual ] && printf "$3\\n{depends}" || exit 100',
    )
    assert fetch_kernel(cache_dir=tmp_path / "cache").name == "vmlinuz-6.8.0-49-generic"


@pytest.mark.usefixtures("apt")
def test_without_lists_the_cure_is_to_fetch_them(programs: Path, tmp_path: Path) -> None:
    script(programs, "apt-cache", "exit 100")
    with pytest.raises(BuildError, match=r"apt lists none of linux-image-cloud-amd64, .*apt-get update"):
        fetch_kernel(cache_dir=tmp_path / "cache")


@pytest.mark.usefixtures("apt")
def test_a_download_that_fails_says_why_and_leaves_nothing(programs: Path, tmp_path: Path) -> None:
    script(programs, "apt-get", "echo 'E: no network' >&2; exit 100")
    with pytest.raises(BuildError, match=r"download linux-image-.* failed: E: no network; apt-get update"):
        fetch_kernel(cache_dir=tmp_path / "cache")
    assert [each.name for each in (tmp_path / "cache").iterdir()] == ["lock"]


@pytest.mark.usefixtures("apt")
@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: package(path, None), r"expected a /boot/vmlinuz-… in it\.deb, found none"),
        (lambda path: os.truncate(path, 3000), r"it\.deb can't be unpacked: unexpected end of data"),
        (lambda path: os.truncate(path, 0), r"it\.deb can't be unpacked: empty file"),
    ],
    ids=["without a kernel", "cut short", "empty"],
)
def test_a_package_without_a_whole_kernel_is_refused(
    damage: Callable[[Path], object], said: str, tmp_path: Path
) -> None:
    damage(tmp_path / "archive.tar")
    with pytest.raises(BuildError, match=said):
        fetch_kernel(cache_dir=tmp_path / "cache")
    assert packaged_kernels(tmp_path / "cache") == []


def test_where_there_is_no_apt_the_error_says_what_else_to_do(programs: Path, tmp_path: Path) -> None:
    assert not list(programs.glob("apt*"))
    with pytest.raises(BuildError, match=r"no apt dpkg .*; build a kernel"):
        fetch_kernel(cache_dir=tmp_path)


def test_the_kernel_that_was_fetched_is_booted_before_the_hosts_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cache = tmp_path / "pytest-unikernel" / packaged_kernel.CACHE
    for directory, release in ((cache, "6.1.0-9"), (cache, "6.1.0-10"), (tmp_path, "6.12")):
        directory.mkdir(parents=True, exist_ok=True)
        (directory / f"vmlinuz-{release}").write_bytes(bzimage(b"data", release))
    assert default_kernel(None, tmp_path).version == "6.1.0-10"  # type: ignore[union-attr]


def test_a_cache_that_can_not_be_holds_no_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert packaged_kernels() == []


@pytest.mark.usefixtures("apt")
def test_the_command_prints_the_path_and_says_what_is_booted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert main.main(["build", "linux-kernel", "--packaged"]) == 0
    written = capsys.readouterr()
    assert Path(written.out.rstrip()).read_bytes() == CONTENT
    assert "vmlinuz-6.1.0-56-cloud-amd64: linux_vm now boots this kernel" in written.err
    assert main.main(["build", "linux-kernel", "--packaged", "-o", str(tmp_path / "copy")]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'copy'}\n"
    assert (tmp_path / "copy").read_bytes() == CONTENT


@pytest.mark.usefixtures("apt")
def test_a_kernel_that_was_built_stays_the_one_that_is_booted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    built = tmp_path / "pytest-unikernel" / "linux-kernel" / "newest"
    built.mkdir(parents=True)
    (built / "vmlinux").touch()
    (built / "kernel.json").write_text('{"version": "6.1.150"}')
    assert main.main(["build", "linux-kernel", "--packaged"]) == 0
    assert "still boots Linux 6.1.150, which was built here" in capsys.readouterr().err


@pytest.mark.parametrize("more", [["5.8"], ["--version=5.8"], ["--config=defconfig"], ["-j2"]])
def test_what_is_about_building_does_not_go_with_it(
    more: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main.main(["build", "linux-kernel", "--packaged", *more])
    assert ended.value.code == 2
    assert "--packaged downloads a built kernel and takes no" in capsys.readouterr().err
