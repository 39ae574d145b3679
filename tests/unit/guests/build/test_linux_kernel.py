"""Building kernels: the real make on sources that are made up, so that it takes no time."""

from __future__ import annotations

import hashlib
import io
import json
import multiprocessing
import os
import shutil
import tarfile
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_unikernel.commands import main
from pytest_unikernel.errors import BuildError
from pytest_unikernel.guests.build import linux_kernel
from pytest_unikernel.guests.build.linux_kernel import BuiltKernel, build_kernel, newest_kernel
from pytest_unikernel.guests.build.rust_kernel import shipped_kernel

MAKEFILE = """
O ?= .
tinyconfig x86_64_defconfig kvm_guest.config:
	echo "# $@" > $(O)/.config
olddefconfig:
	test -f $(O)/.config
vmlinux:
	@test ! -e $(O)/../../../fail || {{ echo "  CC      broken.o"; echo "no such thing"; exit 1; }}
	echo made >> $(O)/count
	mkdir -p $(O)/include/config; echo 6.1.0-fake > $(O)/include/config/kernel.release
	cp {elf} $(O)/vmlinux
bzImage: vmlinux
	mkdir -p $(O)/arch/x86/boot; cp {elf} $(O)/arch/x86/boot/bzImage
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    made = tmp_path / "linux"
    made.mkdir()
    (made / "Makefile").write_text(MAKEFILE.format(elf=shipped_kernel()))
    (made / "Kbuild").touch()
    return made


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def listing(folder: Path) -> list[str]:
    return sorted(str(each.relative_to(folder)) for each in folder.rglob("*"))


def test_a_build_gives_both_forms_its_facts_and_the_link(tree: Path, cache: Path) -> None:
    built = build_kernel(tree, cache_dir=cache)
    assert built.version == "6.1.0-fake"
    assert listing(built.directory) == ["bzImage", "config", "kernel.json", "lock", "make.log", "vmlinux"]
    assert newest_kernel(cache) == BuiltKernel(built.directory.resolve())
    assert json.loads((built.directory / "kernel.json").read_text())["config"] == "tiny"


def test_the_fragment_is_the_last_word_of_the_configuration(tree: Path, cache: Path) -> None:
    config = (build_kernel(tree, cache_dir=cache).directory / "config").read_text()
    assert config.startswith("# tinyconfig")
    assert config.endswith(linux_kernel.FRAGMENT.read_text())


def test_the_sources_are_never_written_to(tree: Path, cache: Path) -> None:
    before = listing(tree)
    build_kernel(tree, cache_dir=cache)
    assert listing(tree) == before


def test_the_same_inputs_are_built_once_and_others_anew(tree: Path, cache: Path) -> None:
    first = build_kernel(tree, cache_dir=cache)
    stamp = first.vmlinux.stat().st_mtime_ns
    assert build_kernel(tree, cache_dir=cache).vmlinux.stat().st_mtime_ns == stamp
    assert build_kernel(tree, config="defconfig", cache_dir=cache).directory != first.directory
    (tree / "more.c").write_text("int more;")
    assert build_kernel(tree, cache_dir=cache).directory != first.directory


def test_a_failed_build_tells_its_last_lines_and_is_gone_on_with(tree: Path, cache: Path) -> None:
    cache.mkdir()
    (cache / "fail").touch()
    with pytest.raises(BuildError, match=r"(?s)failed with status 2.*its last lines:.*no such thing"):
        build_kernel(tree, cache_dir=cache)
    assert newest_kernel(cache) is None
    (cache / "fail").unlink()
    assert build_kernel(tree, cache_dir=cache).version == "6.1.0-fake"


def test_a_kernel_that_was_cut_short_is_built_anew(tree: Path, cache: Path) -> None:
    built = build_kernel(tree, cache_dir=cache)
    whole = built.vmlinux.read_bytes()
    os.truncate(built.vmlinux, len(whole) // 2)
    assert build_kernel(tree, cache_dir=cache).vmlinux.read_bytes() == whole


def test_trees_below_a_git_directory_are_told_apart(tree: Path, cache: Path, tmp_path: Path) -> None:
    inside = tmp_path / ".git" / "linux"
    shutil.copytree(tree, inside)
    (inside / ".git").mkdir()
    first = build_kernel(inside, cache_dir=cache)
    (inside / ".git" / "index").write_text("of no account")
    assert build_kernel(inside, cache_dir=cache).directory == first.directory
    (inside / "more.c").write_text("int more;")
    assert build_kernel(inside, cache_dir=cache).directory != first.directory


def test_two_at_once_build_it_once(tree: Path, cache: Path) -> None:
    context = multiprocessing.get_context("spawn")
    both = [context.Process(target=build_kernel, args=(tree,), kwargs={"cache_dir": cache}) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join(60)
    assert [each.exitcode for each in both] == [0, 0]
    built = newest_kernel(cache)
    assert built is not None
    assert (built.directory / "make.log").read_text().count("echo made") == 1


@pytest.mark.parametrize("suffix", ["gz", "xz"])
def test_a_tarball_is_unpacked(suffix: str, tree: Path, cache: Path, tmp_path: Path) -> None:
    tarball = packed(tree, tmp_path / f"linux.tar.{suffix}")
    assert build_kernel(tarball, cache_dir=cache).version == "6.1.0-fake"


def packed(tree: Path, tarball: Path) -> Path:
    with tarfile.open(tarball, f"w:{tarball.suffix[1:]}") as file:  # type: ignore[call-overload]
        file.add(tree, "linux-6.1")
    return tarball


def test_a_truncated_tarball_is_refused_and_nothing_of_it_stays(
    tree: Path, cache: Path, tmp_path: Path
) -> None:
    (tree / "ballast").write_bytes(os.urandom(1 << 16))
    tarball = packed(tree, tmp_path / "linux.tar.gz")
    os.truncate(tarball, tarball.stat().st_size // 2)
    with pytest.raises(BuildError, match="expected a complete tarball"):
        build_kernel(tarball, cache_dir=cache)
    assert listing(cache) == []


def test_a_tarball_of_something_else_is_refused(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with pytest.raises(BuildError, match="it has no Kbuild"):
        build_kernel(packed(tmp_path / "other", tmp_path / "o.tar.gz"), cache_dir=cache)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda tree: (tree / "Kbuild").unlink(), "it has no Makefile and Kbuild"),
        (lambda tree: (tree / ".config").touch(), "configured in place"),
    ],
)
def test_a_tree_that_cannot_be_built_from_is_refused(
    spoil: Callable[[Path], None], said: str, tree: Path, cache: Path
) -> None:
    spoil(tree)
    with pytest.raises(BuildError, match=said):
        build_kernel(tree, cache_dir=cache)


@pytest.mark.parametrize("given", ["nonsense", "/nowhere/linux.tar.xz"])
def test_what_is_neither_path_nor_version_is_refused(given: str, cache: Path) -> None:
    with pytest.raises(BuildError, match="expected a kernel's source tree, a tarball, or a version"):
        build_kernel(given, cache_dir=cache)


def served(tarball: Path, monkeypatch: pytest.MonkeyPatch, *, listed: str | None = None) -> list[str]:
    """Let kernel.org's answers come from a directory; return the list of requests."""
    content = tarball.read_bytes()
    sums = f"{listed or hashlib.sha256(content).hexdigest()}  {tarball.name}\n".encode()
    asked = []

    def urlopen(address: str, timeout: float) -> io.BytesIO:
        asked.append(address)
        return io.BytesIO(sums if address.endswith("sha256sums.asc") else content)

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    return asked


def test_a_version_is_downloaded_once_checked_and_built(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``build_linux.sh``, as the documentation says: ``build linux-kernel 5.8``."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    asked = served(packed(tree, tmp_path / "linux-5.8.tar.xz"), monkeypatch)
    assert main.main(["build", "linux-kernel", "5.8"]) == 0
    kernel = Path(capsys.readouterr().out.rstrip())
    place = "https://cdn.kernel.org/pub/linux/kernel/v5.x"
    assert asked == [f"{place}/sha256sums.asc", f"{place}/linux-5.8.tar.xz"]
    assert main.main(["build", "linux-kernel", "--version", "5.8", "--config", "tiny"]) == 0
    assert len(asked) == 2
    built = newest_kernel()
    assert built is not None
    assert built.vmlinux.samefile(kernel)


def test_a_download_that_is_not_what_is_listed_is_refused_and_removed(
    tree: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served(packed(tree, tmp_path / "linux-5.8.tar.xz"), monkeypatch, listed="0" * 64)
    with pytest.raises(BuildError, match=r"that sha256sums\.asc lists, got"):
        build_kernel("5.8", cache_dir=cache)
    assert listing(cache) == ["downloads"]


def test_without_a_network_the_error_names_the_file_to_provide(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise urllib.error.URLError("no network")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    with pytest.raises(BuildError, match=r"no network; download it elsewhere, then: .* linux-5\.8\.tar\.xz"):
        build_kernel("5.8", cache_dir=cache)


@pytest.mark.parametrize("content", [None, "nothing of the kind"])
def test_a_bad_configuration_is_refused(content: str | None, tree: Path, tmp_path: Path, cache: Path) -> None:
    config = tmp_path / "my.config"
    if content is not None:
        config.write_text(content)
    with pytest.raises(BuildError, match=r"my\.config"):
        build_kernel(tree, config=config, cache_dir=cache)


def test_missing_tools_are_named_with_their_packages(
    tree: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None if name in {"flex", "ld"} else f"/bin/{name}")
    with pytest.raises(BuildError, match="apt-get install binutils flex"):
        build_kernel(tree, cache_dir=cache)


def test_missing_headers_are_named_with_their_packages(
    tree: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linux_kernel, "_HEADERS", {"stdio.h": "libc6-dev", "no-such.h": "libnone-dev"})
    with pytest.raises(BuildError, match="no libnone-dev; apt-get install libnone-dev"):
        build_kernel(tree, cache_dir=cache)


def test_a_broken_cache_has_no_newest_kernel(cache: Path) -> None:
    cache.mkdir()
    (cache / "newest").symlink_to("nowhere")
    assert newest_kernel(cache) is None


def test_the_command_prints_the_path_and_copies_the_kernel(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert main.main(["build", "linux-kernel", str(tree), "-o", str(tmp_path / "k")]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'k'}\n"
    assert (tmp_path / "k").read_bytes()


def test_a_failed_make_says_why_on_stderr_once(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    cache = tmp_path / "xdg" / "pytest-unikernel" / "linux-kernel"
    cache.mkdir(parents=True)
    (cache / "fail").touch()
    assert main.main(["build", "linux-kernel", str(tree)]) == 1
    said = capsys.readouterr().err
    assert said.splitlines().count("no such thing") == 1
    assert "make.log" in said.splitlines()[-1]


@pytest.mark.parametrize("output", ["/nowhere/k", "/"])
def test_an_output_that_cannot_be_is_refused_before_anything_is_built(
    output: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(linux_kernel, "build_kernel", lambda *_, **__: pytest.fail("built"))
    assert main.main(["build", "linux-kernel", "-o", output]) == 1
    assert "expected -o to name a file in a directory that exists" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [["-j0"], ["5.8", "--version", "5.9"]])
def test_wrong_usage_ends_with_status_2(wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main.main(["build", "linux-kernel", *wrong])
    assert ended.value.code == 2
