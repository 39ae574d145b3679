"""``build linux-image --shell``, typed at on a terminal, with a small image of a busybox."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from needed import needs_busybox, needs_ext4, needs_linux, needs_qemu, needs_qemu_img
from realloads import mentioning, until
from typed import PATIENCE_S, Typed

from pytest_unikernel.guests.build import ext4

pytestmark = [needs_busybox, needs_ext4, needs_qemu_img, needs_qemu, needs_linux]

APPLETS = (
    "sh",
    "mount",
    "setsid",
    "stty",
    "sync",
    "mkdir",
    "chmod",
    "ln",
    "rm",
    "cat",
    "sleep",
    "touch",
    "tr",
)
PROMPT = "# "


@pytest.fixture
def image(tmp_path: Path) -> Path:
    root = tmp_path / "files"
    for name in ("bin", "dev", "proc", "sys", "run", "root"):
        (root / name).mkdir(parents=True)
    shutil.copy(str(shutil.which("busybox")), root / "bin" / "busybox")
    for name in APPLETS:
        (root / "bin" / name).symlink_to("busybox")
    (root / "root" / ".profile").write_text("touch /root/profile-was-run\n")
    made = tmp_path / "image.img"
    ext4.make(root, made, 16 << 20)
    return made


@contextlib.contextmanager
def shell_in(image: Path, *options: str) -> Iterator[tuple[Typed, Path]]:
    new = image.with_name("new.img")
    typed = Typed("--from", str(image), "-o", str(new), *options, "--shell")
    try:
        typed.until("exit, poweroff, reboot or halt")
        typed.until(PROMPT)
        yield typed, new
    finally:
        typed.close()


@pytest.mark.parametrize("end", ["exit\n", "\4", "poweroff\n", "reboot\n", "halt\n", "shutdown now\n"])
def test_what_was_done_is_in_the_new_image_however_the_shell_is_ended(end: str, image: Path) -> None:
    with shell_in(image) as (typed, new):
        typed.type("echo some text > /root/made; echo d'one'\n")
        typed.until("done")
        typed.until(PROMPT)
        typed.type(end)
        assert typed.status() == 0, typed.shown
    assert ext4.read(new, "/root/made") == b"some text\n"
    assert ext4.read(new, "/unikernel-shell") is None
    assert ext4.read(new, "/root/profile-was-run") is None
    checked = subprocess.run([str(shutil.which("e2fsck")), "-fn", str(new)], capture_output=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_ctrl_c_is_for_what_runs_in_the_shell(image: Path) -> None:
    with shell_in(image) as (typed, new):
        # What says that it began is the foreground job itself.
        typed.type("sh -c 'echo begun $((40 + 2)); exec sleep 1000'; touch /root/after\n")
        typed.until("begun 42")
        typed.type("\3")
        typed.until(PROMPT)
        typed.type("touch /root/later; exit\n")
        assert typed.status() == 0, typed.shown
    assert ext4.read(new, "/root/later") == b""


def test_a_shell_in_an_image_that_is_to_end_by_itself_comes_before_that(image: Path) -> None:
    with shell_in(image, "--shutdown") as (typed, new):
        typed.type("exit\n")
        assert typed.status() == 0, typed.shown
    assert b"reboot -ff" in (ext4.read(new, "/root/.profile") or b"")


def test_the_shell_knows_the_size_and_the_type_of_the_terminal(image: Path) -> None:
    with shell_in(image) as (typed, _):
        typed.type("echo $TERM=$(stty size)\n")
        typed.until(f"{os.environ.get('TERM') or 'linux'}=24 80")
        typed.type("exit\n")
        assert typed.status() == 0


def test_a_machine_without_a_shell_gives_no_image(image: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    bare = tmp_path / "bare.img"
    ext4.make(tmp_path / "empty", bare, 4 << 20)
    typed = Typed("--from", str(bare), "-o", str(tmp_path / "new.img"), "--shell")
    assert typed.status() == 1
    assert "no shell started" in typed.shown
    assert not (tmp_path / "new.img").exists()
    typed.close()


def test_a_machine_that_is_killed_gives_no_image_and_the_terminal_is_as_it_was(image: Path) -> None:
    with shell_in(image) as (typed, new):
        children = Path(f"/proc/{typed.process.pid}/task/{typed.process.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGKILL)
        assert typed.status() == 1
        assert "killed by SIGKILL; no image was written" in typed.shown
        assert not new.exists()


def test_a_terminal_that_is_closed_ends_the_machine_and_leaves_nothing(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "scratch"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    with shell_in(image) as (typed, new):
        assert list(place.iterdir())
        typed.hang_up()
        assert typed.process.wait(PATIENCE_S) == 128 + signal.SIGHUP
        assert until(lambda: not mentioning(str(place)))
        assert list(place.iterdir()) == []
        assert not new.exists()
