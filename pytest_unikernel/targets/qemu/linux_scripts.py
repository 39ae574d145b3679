"""The files for a Linux guest: our init, the user's scripts and files, an interpreter for scripts."""

from __future__ import annotations

import functools
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from pytest_unikernel.errors import TargetError
from pytest_unikernel.guests.build import initramfs
from pytest_unikernel.guests.build.initramfs import ArchiveEntry
from pytest_unikernel.guests.build.static_program import LINUX_INIT
from pytest_unikernel.plan.target_fields import Unavailable

SHEBANG = re.compile(rb"#![ \t]*(\S+)(?:[ \t]+(\S+))?")
BUSYBOX_PLACES = {Path("/bin"), Path("/usr/bin")}
BUSYBOX = "busybox"
INSTALL = "apt-get install busybox-static"
PATIENCE_S = 10.0
INTERPRETER_SEGMENT = re.compile(rb"/lib(?:64)?/ld-[\w.-]+")  # the interpreter that a dynamic ELF file names
# Below the root of the archive, where guests/linux/init.c looks for them.
SCRIPTS, FILES, PROFILE = "unikernel/scripts", "unikernel/files", "unikernel/profile"


class Carried(NamedTuple):
    """The user's files for a guest, read when the target is described."""

    scripts: tuple[tuple[str, bytes], ...] = ()
    files: tuple[tuple[str, bytes, int], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.scripts or self.files)

    @property
    def last_words(self) -> re.Pattern[bytes] | None:
        """The guest's line when all scripts have run and the last one succeeded; None without scripts."""
        if not self.scripts:
            return None
        return re.compile(
            rb"unikernel: script " + re.escape(os.fsencode(self.scripts[-1][0])) + rb" exit 0\b"
        )


def carried(scripts: Sequence[str | os.PathLike[str]], files: Sequence[str | os.PathLike[str]]) -> Carried:
    """Read the files for the guest.

    Raises:
        TargetError: one can't be read, a script has no shebang, or two have the same name.
    """
    for key, given in (("scripts", scripts), ("files", files)):
        if isinstance(given, (str, bytes, os.PathLike)):
            raise TargetError(f"linux_vm: {key} must be a list of paths, got {given!r}")
    read_scripts = tuple(_script(Path(each)) for each in scripts)
    read_files = tuple(_file(Path(each)) for each in files)
    names = [name for name, *_ in (*read_scripts, *read_files)]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise TargetError(
            "linux_vm: scripts= and files= must have different names, because all are put "
            f"into /root, got {twice!r} twice"
        )
    return Carried(read_scripts, read_files)


def _script(path: Path) -> tuple[str, bytes]:
    content = _read("scripts", path)
    if not SHEBANG.match(content):
        raise TargetError(
            f"linux_vm: script {str(path)!r} has no shebang (#!…) in its first line; "
            "add one, or use files= for a file that is not run"
        )
    if content.partition(b"\n")[0].endswith(b"\r"):
        raise TargetError(
            f"linux_vm: script {str(path)!r} has DOS line ends, so its interpreter would not be found; "
            "convert it: sed -i 's/\\r$//' FILE"
        )
    return path.name, content


def _file(path: Path) -> tuple[str, bytes, int]:
    return path.name, _read("files", path), path.stat().st_mode & 0o777


def _read(key: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise TargetError(f"linux_vm: can't read {str(path)!r} of {key}=: {error.strerror}") from error


# the minimal guest --------------------------------------------------------------------------------


def minimal_archive(brought: Carried) -> bytes | Unavailable:
    """Return the minimal guest's file system; scripts bring a busybox with them.

    Raises:
        TargetError: a script's interpreter isn't one of busybox.
    """
    names = [f"{SCRIPTS}/{number:03}-{name}" for number, (name, _) in enumerate(brought.scripts)]
    run = [
        initramfs.program(path, content) for path, (_, content) in zip(names, brought.scripts, strict=True)
    ]
    other = [initramfs.plain_file(f"root/{name}", content, mode) for name, content, mode in brought.files]
    box: list[ArchiveEntry] = []
    if run:
        found = _busybox()
        if isinstance(found, Unavailable):
            return found
        _refuse_other_interpreters(brought, found)
        box = list(_applets(found))
    entries = [
        initramfs.program("init", LINUX_INIT.shipped.read_bytes()),
        initramfs.console(),
        *box,
        *run,
        *other,
    ]
    return initramfs.archive([*initramfs.parents(each.name for each in entries), *entries])


class _Busybox(NamedTuple):
    content: bytes
    applets: tuple[str, ...]


def _busybox() -> _Busybox | Unavailable:
    program = shutil.which(BUSYBOX)
    if program is None:
        return Unavailable("scripts= in the minimal guest need a static busybox, got none on PATH", INSTALL)
    return _asked(program)


@functools.cache
def _asked(program: str) -> _Busybox | Unavailable:
    content = Path(program).read_bytes()
    if INTERPRETER_SEGMENT.search(content[:4096]):
        return Unavailable(
            f"scripts= in the minimal guest need a static busybox, got {program!r}, which is not static",
            INSTALL,
        )
    listed = subprocess.run(
        [program, "--list"], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    return _Busybox(content, tuple(listed.stdout.split()))


def _applets(busybox: _Busybox) -> Iterator[ArchiveEntry]:
    yield initramfs.program("bin/busybox", busybox.content)
    yield initramfs.link("usr/bin", "../bin")
    yield from (initramfs.link(f"bin/{name}", BUSYBOX) for name in busybox.applets if name != BUSYBOX)


def _refuse_other_interpreters(brought: Carried, busybox: _Busybox) -> None:
    for name, content in brought.scripts:
        match = SHEBANG.match(content)
        program, argument = (match[1], match[2]) if match else (b"", None)
        wanted = argument if program.endswith(b"/env") and argument is not None else program
        base = Path(os.fsdecode(wanted)).name
        elsewhere = Path(os.fsdecode(program)).parent not in BUSYBOX_PLACES
        if elsewhere or base not in (*busybox.applets, BUSYBOX):
            raise TargetError(
                f"linux_vm: script {name!r} needs {os.fsdecode(wanted)!r}, "
                "but the minimal guest has only busybox; "
                "use #!/bin/sh, or an image= that has it"
            )


# an image ---------------------------------------------------------------------------------------------


def switching_archive(brought: Carried, *, shutdown: bool) -> bytes:
    """Return the archive whose init carries the scripts into an image's throw-away overlay."""
    run = [initramfs.program(f"{FILES}/{name}", content) for name, content in brought.scripts]
    other = [initramfs.plain_file(f"{FILES}/{name}", content, mode) for name, content, mode in brought.files]
    profile = initramfs.plain_file(PROFILE, _profile(brought, shutdown=shutdown))
    init = initramfs.program("init", LINUX_INIT.shipped.read_bytes())
    entries = [init, initramfs.console(), *run, *other, profile]
    return initramfs.archive([*initramfs.parents(each.name for each in entries), *entries])


def _profile(brought: Carried, *, shutdown: bool) -> bytes:
    """Return the first lines for /root/.profile; the overlay is thrown away, so nothing is written back."""
    lines = ["# for this run only"]
    if brought.scripts:
        lines.append("chmod +x" + "".join(f" /root/{shlex.quote(name)}" for name, _ in brought.scripts))
    lines += ['echo "$(date +%s%N) VM successfully running"', "cd /root"]
    for name, _ in brought.scripts:
        quoted = shlex.quote(name)
        lines.append(f'/root/{quoted}; echo "unikernel: script "{quoted}" exit $?"')
    return "\n".join([*lines, *(["reboot -ff || reboot -f"] if shutdown else []), ""]).encode()
