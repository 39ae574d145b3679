"""Images made of images, on small ones; and a whole Debian made once, where mmdebstrap is."""

from __future__ import annotations

import hashlib
import io
import re
import resource
import shutil
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from needed import needs_ext4, needs_qemu_img

from pytest_unikernel.commands import main
from pytest_unikernel.errors import BuildError
from pytest_unikernel.guests.build import ext4, mmdebstrap
from pytest_unikernel.guests.build.image_edit import Edit, edit_image
from pytest_unikernel.guests.build.linux_image import PROFILE, build_image, newest_image
from pytest_unikernel.guests.build.ownership import all_owners, unpack

pytestmark = [needs_ext4, needs_qemu_img]


@pytest.fixture
def image(tmp_path: Path) -> Path:
    root = tmp_path / "files" / "root"
    root.mkdir(parents=True)
    (root / ".profile").write_text("echo first\n")
    made = tmp_path / "image.img"
    ext4.make(tmp_path / "files", made, 4 << 20)
    return made


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def script(path: Path, text: str = "#!/bin/sh\n") -> Path:
    path.write_text(text)
    return path


def test_files_and_scripts_are_in_the_new_image_and_the_old_one_is_untouched(
    image: Path, tmp_path: Path
) -> None:
    before = sha256(image)
    data, run = script(tmp_path / "data", "42"), script(tmp_path / "it's run")
    new = edit_image(image, tmp_path / "new.img", Edit(copy=[data], run=[run], shutdown=True))
    assert sha256(image) == before
    assert ext4.read(new, "/root/data") == b"42"
    profile = (ext4.read(new, "/root/.profile") or b"").decode()
    assert profile.splitlines()[0] == "echo first"
    assert profile.index("""/root/'it'"'"'s run'""") < profile.index("reboot -ff")
    checked = subprocess.run([str(shutil.which("e2fsck")), "-fn", str(new)], capture_output=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_in_an_image_of_ours_scripts_are_called_before_it_ends(image: Path, tmp_path: Path) -> None:
    ext4.write(image, "/root/.profile", PROFILE.read_bytes(), 0o644)
    new = edit_image(image, tmp_path / "new.img", Edit(run=[script(tmp_path / "run")]))
    profile = (ext4.read(new, "/root/.profile") or b"").decode()
    assert (
        profile.index("successfully") < profile.index("\n/root/run\n") < profile.index("unikernel.shutdown")
    )


def test_who_owns_what_is_kept_by_who_is_not_root(image: Path, tmp_path: Path) -> None:
    (tmp_path / "in" / "etc").mkdir(parents=True)
    (tmp_path / "in" / "etc" / "shadow").write_text("root::")
    archive = tmp_path / "a.tar"
    with tarfile.open(archive, "w") as tar:
        for name in (".", "./etc", "./etc/shadow"):
            member = tar.gettarinfo(tmp_path / "in" / name, name)
            member.uid, member.gid = 7, 42
            member.mode = 0 if member.isfile() else 0o755  # which Debian's gshadow- has
            with (tmp_path / "in" / "etc" / "shadow").open("rb") as content:
                tar.addfile(member, content if member.isfile() else None)
    owners = unpack(archive, tmp_path / "out")
    assert owners["etc/shadow"] == (7, 42)
    assert (tmp_path / "out" / "etc" / "shadow").stat().st_mode & 0o777 == 0o400
    made = tmp_path / "owned.img"
    ext4.make(tmp_path / "out", made, 4 << 20)
    ext4.set_owners(made, all_owners(tmp_path / "out", owners))
    argv = [str(shutil.which("debugfs")), "-R", "stat /etc/shadow", str(made)]
    shown = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    assert re.search(r"User: +7 +Group: +42", shown)


def test_a_script_can_be_run_and_a_file_cannot(image: Path, tmp_path: Path) -> None:
    edit = Edit(copy=[script(tmp_path / "data")], run=[script(tmp_path / "run")])
    new = edit_image(image, tmp_path / "new.img", edit)
    argv = [str(shutil.which("debugfs")), "-R", "ls -l /root", str(new)]
    listed = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    modes = {line.split()[-1]: line.split()[1] for line in listed.splitlines() if line.strip()}
    assert (modes["run"], modes["data"]) == ("100755", "100644")


def test_qcow2_goes_in_and_comes_out(image: Path, tmp_path: Path) -> None:
    first = edit_image(image, tmp_path / "a.qcow2", Edit(shutdown=True))
    assert first.read_bytes()[:4] == b"QFI\xfb"
    second = edit_image(first, tmp_path / "b.img", Edit(copy=[script(tmp_path / "more")]))
    assert b"reboot -ff" in (ext4.read(second, "/root/.profile") or b"")
    assert ext4.read(second, "/root/more") == b"#!/bin/sh\n"


def test_a_script_without_shebang_is_refused(image: Path, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"no shebang .* use --copy"):
        edit_image(image, tmp_path / "new.img", Edit(run=[script(tmp_path / "plain", "echo")]))
    assert not (tmp_path / "new.img").exists()


def test_a_full_file_system_is_an_error_and_leaves_no_image(image: Path, tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(bytes(range(256)) * (8 << 12))
    with pytest.raises(BuildError):
        edit_image(image, tmp_path / "new.img", Edit(copy=[large]))
    assert not list(tmp_path.glob("*new.img*"))


def test_what_is_no_bare_file_system_is_refused(tmp_path: Path) -> None:
    (tmp_path / "disk").write_bytes(bytes(1 << 20))
    with pytest.raises(BuildError, match="no partitions"):
        edit_image(tmp_path / "disk", tmp_path / "new.img", Edit(shutdown=True))


def test_an_image_of_that_name_is_not_written_over_unless_forced(image: Path, tmp_path: Path) -> None:
    taken = script(tmp_path / "taken.img", "mine")
    with pytest.raises(BuildError, match="which exists; --force replaces it"):
        edit_image(image, taken, Edit(shutdown=True))
    assert taken.read_text() == "mine"
    assert ext4.is_ext(edit_image(image, taken, Edit(shutdown=True), force=True))


def test_an_image_is_not_replaced_by_itself(image: Path) -> None:
    before = sha256(image)
    with pytest.raises(BuildError, match="another file than --from"):
        edit_image(image, image, Edit(shutdown=True), force=True)
    assert sha256(image) == before


def test_a_size_that_does_not_suffice_names_one_that_does(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "large").write_bytes(bytes(range(256)) * (8 << 12))
    with pytest.raises(BuildError, match=r"can't fill an image of 1 MiB .* try --size \d+M"):
        ext4.make(tmp_path / "files", tmp_path / "image", 1 << 20)


def test_a_shell_without_a_terminal_is_refused_before_anything_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert edited("/no/image", "-o", str(tmp_path / "new.img"), "--shell") == 1
    assert "expected a terminal on stdin" in capsys.readouterr().err


def test_a_shell_without_qemu_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert edited("/no/image", "-o", str(tmp_path / "new.img"), "--shell") == 1
    assert "apt-get install qemu-system-x86" in capsys.readouterr().err


def test_the_shell_comes_after_the_files_and_before_the_calls(image: Path, tmp_path: Path) -> None:
    seen = []

    def shell(raw: Path) -> None:
        seen.extend([ext4.read(raw, "/root/run"), ext4.read(raw, "/root/.profile")])
        ext4.write(raw, "/root/.profile", b"echo mine\n", 0o644)

    run = script(tmp_path / "run")
    new = edit_image(image, tmp_path / "new.img", Edit(run=[run], shutdown=True, shell=shell))
    assert seen == [b"#!/bin/sh\n", b"echo first\n"]
    assert (ext4.read(new, "/root/.profile") or b"").startswith(b"echo mine\n\n/root/run\nreboot")


def test_every_option_of_an_edit_does_its_part(
    image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """``edit_image.sh -i IMAGE -s SCRIPT``, through the command line."""
    data, run = script(tmp_path / "data", "42"), script(tmp_path / "run")
    new = tmp_path / "new.qcow2"
    options = ("--copy", str(data), "--run", str(run), "--shutdown", "--format", "raw")
    assert edited(str(image), "-o", str(new), *options) == 0
    assert capsys.readouterr().out == f"{new}\n"
    assert ext4.read(new, "/root/data") == b"42"
    assert (ext4.read(new, "/root/.profile") or b"").decode().splitlines()[-2:] == [
        "/root/run",
        "reboot -ff || reboot -f || shutdown now",
    ]


def test_names_with_a_colon_are_files_and_not_protocols(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    image.rename("a:b.img")
    assert edited("a:b.img", "-o", "c:d.img", "--shutdown") == 0
    assert ext4.is_ext(Path("c:d.img"))


def edited(source: str, *options: str) -> int:
    return main.main(["build", "linux-image", "--from", source, *options])


@pytest.fixture
def bootstrapped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of hardly any size in place of Debian's."""

    def run(arguments: Sequence[str], work: Path, tell: object) -> mmdebstrap.Ended:
        for name in ("root/etc/systemd/system", "root/root"):
            (work / name).mkdir(parents=True)
        (work / "root" / "etc" / "shadow").write_text("root:*:::::::\n")
        return mmdebstrap.Ended(0, [])

    monkeypatch.setattr(mmdebstrap, "run", run)
    monkeypatch.setattr("os.geteuid", lambda: 0)


@pytest.mark.parametrize(("size", "size_bytes"), [("4M", 4 << 20), ("2048k", 2 << 20), ("3145728", 3 << 20)])
def test_an_image_has_the_size_that_was_asked_for(
    size: str, size_bytes: int, bootstrapped: None, tmp_path: Path
) -> None:
    """``create_image.sh -i FILE -s SIZE``, through the command line."""
    made = tmp_path / "new.img"
    assert main.main(["build", "linux-image", "-o", str(made), "--size", size]) == 0
    assert (made.stat().st_size, ext4.is_ext(made)) == (size_bytes, True)


def test_what_is_built_without_a_name_is_what_the_benchmarks_boot(
    bootstrapped: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert main.main(["build", "linux-image", "-o", str(tmp_path / "mine.img"), "--size", "4M"]) == 0
    assert "benchmarks/ boot the image in the cache" in capsys.readouterr().err
    assert newest_image() is None
    assert main.main(["build", "linux-image", "--size", "4M"]) == 0
    assert capsys.readouterr().out == f"{newest_image()}\n"


def test_a_bare_number_is_bytes(
    bootstrapped: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(["build", "linux-image", "-o", str(tmp_path / "new.img"), "--size", "8192"]) == 1
    assert "can't fill an image of 0.007812 MiB" in capsys.readouterr().err


def test_a_file_that_may_not_be_so_large_is_named_with_the_reason(
    bootstrapped: None, image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, before[1]))
    try:
        statuses = (
            main.main(["build", "linux-image", "-o", str(tmp_path / "new.img"), "--size", "8M"]),
            edited(str(image), "-o", str(tmp_path / "new.img"), "--shutdown"),
        )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    said = capsys.readouterr().err.splitlines()
    assert statuses == (1, 1)
    assert "can't make a file of 8 MiB: File too large (see `ulimit -f`)" in said[0]
    assert "`ulimit -f`" in said[1] or "File too large" in said[1]
    assert not list(tmp_path.glob("*new.img*"))


@pytest.mark.parametrize("size", ["", "lots", "-1M", "384 M"])
def test_a_size_that_is_none_is_refused(size: str, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="expected a size such as 384M"):
        build_image(tmp_path / "new.img", size=size)


def test_without_mmdebstrap_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BuildError, match="apt-get install mmdebstrap"):
        build_image(tmp_path / "new.img")


@pytest.mark.parametrize(
    "wrong",
    [
        ["--copy", "x"],
        ["--from", "a"],
        ["--from", "a", "-o", "b"],
        ["--from", "a", "--shutdown"],
        ["--from", "a", "-o", "b", "--shutdown", "--size", "1G"],
        ["--from", "a", "-o", "b", "--shutdown", "--suite", "trixie"],
        ["--from", "a", "-o", "b", "--shutdown", "--include", "vim"],
    ],
)
def test_wrong_usage_ends_with_status_2(wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main.main(["build", "linux-image", *wrong])
    assert ended.value.code == 2
