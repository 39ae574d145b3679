"""Building an image is interrupted while file systems are mounted in its tree: no foreign file is lost.

mmdebstrap is played by a script that mounts a directory of the test's, where the real one mounts the host's
/dev/shm. So whatever goes wrong here costs nothing.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from realloads import PATIENCE_S, heed_signals, mentioning, until

from pytest_unikernel.commands import main
from pytest_unikernel.errors import BuildError
from pytest_unikernel.guests.build import mmdebstrap, scratch

MOUNTING = """#!/bin/sh
for last; do :; done
mkdir -p "$last/dev/shm" "$last/proc"
mount -t proc proc "$last/proc"
mount --bind "$PRECIOUS" "$last/dev/shm"
setsid sleep 1000 &
echo "I: mounted"
sleep 1000
"""
SLEEPING = """#!/bin/sh
trap 'echo removed > "$PRECIOUS/removed"; exit 1' TERM
echo "I: mounted"
sleep 1000 &
wait
"""

may_mount = pytest.mark.skipif(not mmdebstrap._may_mount(), reason="only root mounts among the host's own")


class Build:
    """``build linux-image`` in a process of its own, with a mmdebstrap of ours."""

    def __init__(self, place: Path, program: str) -> None:
        self.place, self.precious, self.scratch = place, place / "precious", place / "scratch"
        for folder in (self.precious, self.scratch, place / "bin"):
            folder.mkdir()
        (self.precious / "file").write_text("somebody else's")
        (place / "bin" / "mmdebstrap").write_text(program)
        (place / "bin" / "mmdebstrap").chmod(0o755)
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "pytest_unikernel.commands.main",
                "build",
                "linux-image",
                "-o",
                str(place / "x.img"),
            ],
            env={
                **os.environ,
                "PATH": f"{place / 'bin'}:{os.environ['PATH']}",
                "TMPDIR": str(self.scratch),
                "PRECIOUS": str(self.precious),
            },
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=heed_signals,  # noqa: PLW1509 - no threads here
        )

    def begun(self) -> Build:
        assert self.process.stderr is not None
        assert "mounted" in self.process.stderr.readline()
        return self

    def ended_by(self, number: int) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)

    def running(self) -> list[int]:
        """Return all processes that were started for it, found by their environment."""
        return mentioning(f"PRECIOUS={self.precious}")

    def clean_up(self) -> None:
        for pid in self.running():
            os.kill(pid, signal.SIGKILL)
        self.process.kill()
        with self.process:  # closes its pipe too
            self.process.wait(PATIENCE_S)
        for point in reversed(scratch.mounts_below(self.place)):
            subprocess.run(["umount", "--lazy", str(point)], check=True)  # noqa: S607


@pytest.fixture
def mounting(tmp_path: Path) -> Iterator[Build]:
    build = Build(tmp_path, MOUNTING)
    try:
        yield build.begun()
    finally:
        build.clean_up()


@may_mount
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_build_that_is_interrupted_leaves_neither_mounts_nor_files_nor_processes(
    mounting: Build, number: int
) -> None:
    assert scratch.mounts_below(mounting.place) == []
    assert mounting.ended_by(number) == 128 + number
    assert (mounting.precious / "file").read_text() == "somebody else's"
    assert scratch.mounts_below(mounting.place) == []
    assert mounting.running() == []
    assert list(mounting.scratch.iterdir()) == []


@may_mount
def test_a_build_that_is_killed_leaves_neither_mounts_nor_processes(mounting: Build) -> None:
    assert mounting.ended_by(signal.SIGKILL) == -signal.SIGKILL
    assert until(lambda: not mounting.running())
    assert scratch.mounts_below(mounting.place) == []
    assert (mounting.precious / "file").read_text() == "somebody else's"


@may_mount
def test_one_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "mmdebstrap"
    program.write_text("#!/bin/sh\necho begun\nsleep 1000\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(BuildError, match=r"did not end within 0\.3 s"):
        mmdebstrap.run(["bookworm"], tmp_path, print, limit_s=0.3)


@may_mount
def test_a_tree_with_a_mount_is_not_removed(tmp_path: Path) -> None:
    tree, precious = tmp_path / "my tree", tmp_path / "precious"
    (tree / "in").mkdir(parents=True)
    precious.mkdir()
    (precious / "file").touch()
    subprocess.run(["mount", "--bind", str(precious), str(tree / "in")], check=True)  # noqa: S607
    try:
        with pytest.raises(BuildError, match=r"not removed.* umount .*my tree/in"):
            scratch.remove(tree)
    finally:
        subprocess.run(["umount", str(tree / "in")], check=True)  # noqa: S607
    assert (precious / "file").exists()
    scratch.remove(tree)
    assert not tree.exists()


def test_who_may_not_mount_asks_mmdebstrap_to_remove_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "mmdebstrap"
    program.write_text(SLEEPING)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    monkeypatch.setenv("PRECIOUS", str(tmp_path))
    monkeypatch.setattr(mmdebstrap, "_may_mount", lambda: False)

    def interrupt(_line: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mmdebstrap.run(["bookworm"], tmp_path, interrupt)
    assert (tmp_path / "removed").exists()


def test_a_signal_is_answered_once_and_only_where_it_is_not_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    interrupt = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background
    try:
        with pytest.raises(KeyboardInterrupt), main._cleaning_up() as came:  # noqa: PT012
            signal.raise_signal(signal.SIGHUP)
            try:
                signal.raise_signal(signal.SIGTERM)
            finally:
                signal.raise_signal(signal.SIGINT)
        assert came == [signal.SIGTERM, signal.SIGINT]
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
        signal.signal(signal.SIGINT, interrupt)


def test_mount_points_with_spaces_are_found(tmp_path: Path) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(
        "1 2 0:1 / / rw - ext4 /dev/vda rw\n"
        f"3 1 0:2 / {tmp_path}/a\\040b/c rw shared:1 - tmpfs none rw\n"
        f"4 1 0:2 / {tmp_path}/a\\040bc rw shared:1 - tmpfs none rw\n"
    )
    assert scratch.mounts_below(tmp_path / "a b", table) == [tmp_path / "a b" / "c"]
