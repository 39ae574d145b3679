"""The builder of the Rust kernel, with a fake cargo where one is needed."""

from __future__ import annotations

import json
import os
import stat
import struct
import threading
from pathlib import Path

import pytest

from pytest_unikernel.errors import BuildError
from pytest_unikernel.guests.build import crate_files as files
from pytest_unikernel.guests.build import rust_kernel as builder
from pytest_unikernel.guests.build.elf import why_not_pvh

COUNTING_CARGO = """
echo "$PWD" >> "{log}/runs"
env > "{log}/env"
printf '%s\\n' "$@" > "{log}/args"
echo "   Compiling something" >&2
cp "{log}/result" "{log}/out.elf"
echo '{{"reason":"compiler-artifact","executable":"{log}/out.elf"}}'
"""


def an_elf(*, note_type: int = 18, machine: int = 62) -> bytes:
    """The smallest file with one note: header, program header, note."""
    header = struct.pack(
        "<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, machine, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0
    )
    segment = struct.pack("<IIQQQQQQ", 4, 4, 120, 0, 0, 24, 24, 4)
    return header + segment + struct.pack("<III4sQ", 4, 8, note_type, b"Xen\0", 0x100020)


@pytest.fixture
def crate(tmp_path: Path) -> Path:
    crate = tmp_path / "crate"
    files.new_crate(crate)
    return crate


class FakeTools:
    """A cargo and a rustc on PATH, in a directory of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.result(an_elf())
        self.cargo(COUNTING_CARGO.format(log=folder))
        self.rustc("1.85.0")

    def _script(self, name: str, body: str) -> None:
        file = self.folder / name
        file.write_text(f"#!/bin/sh\n{body}\n")
        file.chmod(0o700)

    def cargo(self, body: str) -> None:
        self._script("cargo", body)

    def rustc(self, release: str) -> None:
        self._script("rustc", f'[ "$1" = -vV ] && echo "rustc {release}" || echo /nowhere')

    def result(self, content: bytes) -> None:
        (self.folder / "result").write_bytes(content)

    def log(self, name: str) -> list[str]:
        file = self.folder / name
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeTools:
    folder = tmp_path / "tools"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return FakeTools(folder)


def test_the_hash_is_the_same_in_another_directory(crate: Path, tmp_path: Path) -> None:
    files.copy_crate(crate, tmp_path / "other")
    assert files.source_hash(crate) == files.source_hash(tmp_path / "other") == files.source_hash(files.CRATE)


@pytest.mark.parametrize("name", ["src/application.rs", ".cargo/config.toml", "kernel.ld", "Cargo.lock"])
def test_a_changed_file_changes_the_hash(crate: Path, name: str) -> None:
    before = files.source_hash(crate)
    (crate / name).write_text((crate / name).read_text() + " ")
    assert files.source_hash(crate) != before


def test_a_renamed_file_changes_the_hash(crate: Path) -> None:
    before = files.source_hash(crate)
    (crate / "src" / "exit.rs").rename(crate / "src" / "exix.rs")
    assert files.source_hash(crate) != before


def test_what_is_built_or_versioned_does_not_change_the_hash(crate: Path) -> None:
    before = files.source_hash(crate)
    for name in ("target/release/x", ".git/config", "src/.git/config"):
        (crate / name).parent.mkdir(parents=True)
        (crate / name).write_text("x")
    (crate / "rust_kernel.elf").write_text("x")
    assert files.source_hash(crate) == before


def test_a_source_directory_called_target_counts(crate: Path) -> None:
    before = files.source_hash(crate)
    (crate / "src" / "target").mkdir()
    (crate / "src" / "target" / "mod.rs").write_text("x")
    assert files.source_hash(crate) != before


def test_a_linked_directory_is_refused_by_name(crate: Path, tmp_path: Path) -> None:
    (crate / "elsewhere").symlink_to(tmp_path)
    with pytest.raises(BuildError, match=r"link to a directory.*elsewhere"):
        files.source_hash(crate)


def test_a_directory_without_cargo_toml_is_not_a_crate(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"no Cargo\.toml.*--new DIR"):
        builder.build_kernel(tmp_path)


def test_a_new_crate_has_sources_and_no_results(crate: Path) -> None:
    names = {file.as_posix() for file in files.crate_files(crate)}
    assert {"Cargo.toml", "Cargo.lock", ".cargo/config.toml", "src/application.rs", "src/boot.s"} <= names
    assert not (crate / "rust_kernel.elf").exists()
    assert not (crate / "rust_kernel.json").exists()


def test_a_new_crate_may_go_into_an_empty_directory(tmp_path: Path) -> None:
    files.new_crate(tmp_path)
    assert (tmp_path / "Cargo.toml").is_file()


def test_a_new_crate_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "Cargo.toml").write_text("mine")
    with pytest.raises(BuildError, match="which has files"):
        files.new_crate(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["Cargo.toml"]
    assert (tmp_path / "Cargo.toml").read_text() == "mine"


def test_a_new_crate_does_not_replace_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(BuildError, match="is a file"):
        files.new_crate(tmp_path / "file")


def test_missing_cargo_is_named_with_the_cure(crate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(BuildError, match=r"needs cargo.*install Rust.*without crate="):
        builder.build_kernel(crate)


def test_a_build_is_kept_below_the_cache_directory(tools: FakeTools, crate: Path, tmp_path: Path) -> None:
    kernel = builder.build_kernel(crate)
    assert kernel.read_bytes() == an_elf()
    assert kernel.parent.parent == tmp_path / "cache" / "pytest-unikernel" / "rust-kernel"
    for folder in (kernel.parent, kernel.parent.parent, kernel.parent.parent.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert sorted(file.name for file in kernel.parent.iterdir()) == ["kernel.elf", "lock"]


def test_the_same_sources_are_built_once(tools: FakeTools, crate: Path, tmp_path: Path) -> None:
    files.copy_crate(crate, tmp_path / "same")
    assert builder.build_kernel(crate) == builder.build_kernel(tmp_path / "same")
    assert len(tools.log("runs")) == 1


def test_changed_sources_and_another_compiler_are_built_again(tools: FakeTools, crate: Path) -> None:
    first = builder.build_kernel(crate)
    (crate / "src" / "application.rs").write_text("// changed")
    second = builder.build_kernel(crate)
    tools.rustc("1.99.0")
    assert len({first, second, builder.build_kernel(crate)}) == 3


def test_a_damaged_cache_is_built_again(tools: FakeTools, crate: Path) -> None:
    kernel = builder.build_kernel(crate)
    kernel.write_bytes(an_elf()[:100])
    assert builder.build_kernel(crate).read_bytes() == an_elf()
    assert len(tools.log("runs")) == 2


def test_two_builders_at_once_build_once(tools: FakeTools, crate: Path) -> None:
    start = threading.Barrier(4)
    kernels: list[Path] = []

    def build() -> None:
        start.wait()
        kernels.append(builder.build_kernel(crate))

    threads = [threading.Thread(target=build) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(kernels) == 4
    assert len(set(kernels)) == 1
    assert len(tools.log("runs")) == 1


def test_nothing_is_written_in_the_crate(tools: FakeTools, crate: Path) -> None:
    (crate / "Cargo.lock").unlink()
    before = sorted(crate.rglob("*"))
    tools.cargo("touch Cargo.lock src/new.rs; " + COUNTING_CARGO.format(log=tools.folder))
    builder.build_kernel(crate)
    assert sorted(crate.rglob("*")) == before
    assert Path(tools.log("runs")[0]) != crate


@pytest.mark.parametrize("has_lock", [True, False])
def test_the_lock_file_binds_when_there_is_one(tools: FakeTools, crate: Path, has_lock: bool) -> None:
    if not has_lock:
        (crate / "Cargo.lock").unlink()
    builder.build_kernel(crate)
    assert ("--locked" in tools.log("args")) is has_lock


def test_the_callers_flags_do_not_reach_the_compiler(
    tools: FakeTools, crate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (
        "RUSTFLAGS",
        "CARGO_TARGET_DIR",
        "CARGO_PROFILE_RELEASE_LTO",
        "CARGO_BUILD_TARGET",
        "RUSTC_BOOTSTRAP",
    ):
        monkeypatch.setenv(name, "sabotage")
    monkeypatch.setenv("CARGO_NET_OFFLINE", "true")
    builder.build_kernel(crate)
    env = dict(line.split("=", 1) for line in tools.log("env") if "=" in line)
    assert "sabotage" not in env.values()
    assert env["CARGO_NET_OFFLINE"] == "true"
    flags = env["CARGO_ENCODED_RUSTFLAGS"].split("\x1f")
    assert flags[:2] == ["-Crelocation-model=static", "-Cno-redzone=yes"]
    assert any(flag.endswith("=/build") for flag in flags)


def test_what_cargo_says_reaches_the_caller(tools: FakeTools, crate: Path) -> None:
    said: list[str] = []
    builder.build_kernel(crate, progress=said.append)
    assert said == ["Compiling something"]


def test_a_failed_build_shows_the_end_of_what_cargo_said(tools: FakeTools, crate: Path) -> None:
    tools.cargo("seq 1 2000 >&2; echo 'error: expected one of `;`' >&2; exit 101")
    with pytest.raises(BuildError, match=r"exit status 101") as caught:
        builder.build_kernel(crate)
    text = str(caught.value)
    assert text.endswith("2000\nerror: expected one of `;`")
    assert "\n1500\n" not in text


def test_a_failed_build_leaves_nothing_that_looks_built(
    tools: FakeTools, crate: Path, tmp_path: Path
) -> None:
    tools.cargo("exit 1")
    with pytest.raises(BuildError):
        builder.build_kernel(crate, cache_dir=tmp_path / "mine")
    assert [file.name for file in (tmp_path / "mine").rglob("*") if file.is_file()] == ["lock"]
    tools.cargo(COUNTING_CARGO.format(log=tools.folder))
    assert builder.build_kernel(crate, cache_dir=tmp_path / "mine").is_file()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"#!/bin/sh\n", "not a 64-bit ELF"),
        (an_elf(note_type=17), "without the PVH entry note"),
        (an_elf(machine=183), "ELF machine EM_AARCH64"),
        (an_elf()[:100], "damaged ELF"),
    ],
)
def test_a_result_that_cannot_boot_is_refused(
    tools: FakeTools, crate: Path, content: bytes, reason: str
) -> None:
    tools.result(content)
    with pytest.raises(BuildError, match=f"expected a PVH kernel.*{reason}"):
        builder.build_kernel(crate)


def test_a_crate_with_two_binaries_is_refused(tools: FakeTools, crate: Path) -> None:
    lines = [json.dumps({"executable": f"/x/{name}"}) for name in ("one", "two")]
    tools.cargo("\n".join(f"echo '{line}'" for line in lines))
    with pytest.raises(BuildError, match=r"exactly one binary.*'one', 'two'"):
        builder.build_kernel(crate)


def test_a_broken_configuration_is_an_error_and_not_a_default(tools: FakeTools, crate: Path) -> None:
    (crate / ".cargo" / "config.toml").write_text("[target")
    with pytest.raises(BuildError, match=r"expected TOML in the crate's \.cargo/config\.toml"):
        builder.build_kernel(crate)


def test_a_relative_cache_home_is_ignored(
    tools: FakeTools, crate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert (tmp_path / "home" / ".cache") in builder.build_kernel(crate).parents


def test_a_cache_that_cannot_be_made_says_what_to_do(tools: FakeTools, crate: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BuildError, match="set XDG_CACHE_HOME"):
        builder.build_kernel(crate, cache_dir=tmp_path / "file" / "cache")


def test_the_shipped_kernel_is_the_one_noted_and_can_boot() -> None:
    assert why_not_pvh(builder.shipped_kernel()) is None
    assert builder.shipped_facts().elf_sha256 == builder._sha256(builder.shipped_kernel())
    assert builder.shipped_facts().source_sha256 == builder.source_hash(files.CRATE)


def test_the_shipped_kernel_names_no_directory_of_its_builder() -> None:
    content = builder.shipped_kernel().read_bytes()
    assert not any(
        name.encode() in content for name in ("/home/", "/root/", "/work/", "/tmp/", os.sep + "build/")
    )
