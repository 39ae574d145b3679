"""A machine with working KVM on any x86-64 host: QEMU's TCG with emulated AMD SVM, and Debian in it.

    bed = Bed(cached_image(Recipe()))
    done = bed.run(Path("script"), {"name": Path("file or directory")}, work, limit_s=120)

The script runs in the guest as root, in /payload with the files beside it; what it leaves in /out comes back
in ``done.output``. There is no network. Source: QEMU's ``-cpu max,+svm`` with TCG.
"""

from __future__ import annotations

import contextlib
import functools
import os
import platform
import shutil
import subprocess
import tarfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from kvmbed_image import Image
from kvmbed_payload import write_archive

from pytest_unikernel.targets.qemu import machine

OUTPUT_MIB = 64
# Time for starting and stopping the machine on a slow host, in addition to the script's limit.
MARGIN_S = 120.0
# The machine writes a sign of life every 5 s.
SILENCE_S = 60.0
LOOK_S = 0.2
HUNG = "no sign of life"
TOOLS = {
    "qemu-system-x86_64": "qemu-system-x86",
    "mmdebstrap": "mmdebstrap",
    "mke2fs": "e2fsprogs",
}


@functools.cache
def why_no_bed() -> str:
    """Return the reason why a bed cannot run here; empty if it can."""
    if platform.machine() != "x86_64":
        return f"the KVM bed emulates x86-64 on x86-64, not on {platform.machine()}"
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    missing = [package for tool, package in TOOLS.items() if shutil.which(tool, path=path) is None]
    if missing:
        return f"the KVM bed needs programs that are not on PATH; install {' '.join(missing)}"
    if os.geteuid() and shutil.which("newuidmap") is None:
        return "not root, so mmdebstrap needs user namespaces; install uidmap"
    return ""


class BedRun(NamedTuple):
    """The result of a script in the bed.

    Attributes:
        status: its exit status; 124 after its time limit, None if it was not started or did not end.
        output: the directory with its files from /out, and its output in ``log``.
        console: the machine's output, the log included.
    """

    status: int | None
    output: Path
    console: str


class Bed(NamedTuple):
    """A machine and its payload."""

    image: Image
    memory_mib: int = 1536
    cpus: int = 1  # with two, one run of six hung with both spinning: nested guests on an emulated SVM

    def run(self, script: Path, payload: Mapping[str, Path], work: Path, *, limit_s: float) -> BedRun:
        """Run an executable file in a fresh machine.

        Args:
            script: the file; its first line names its interpreter.
            payload: files and directories beside it, by their names there.
            work: an empty directory for archives and results; nothing else is written.
            limit_s: the script's time limit; the machine is ended ``MARGIN_S`` later.
        """
        archive = write_archive(work / "payload.tar", {**payload, "run": script})
        out, console = work / "out.img", work / "console"
        with out.open("wb") as file:
            file.truncate(OUTPUT_MIB << 20)
        try:
            trouble = ended(self._argv(archive, out, console, limit_s), work, limit_s + MARGIN_S)
            output = _unpacked(out, work / "out")
        finally:
            archive.unlink()
            out.unlink()
        text = console.read_text(errors="replace") if console.exists() else ""
        return BedRun(_status(output), output, text + trouble + _trouble(output))

    def _argv(self, archive: Path, out: Path, console: Path, limit_s: float) -> list[str]:
        words = f"root=/dev/vda rw console=ttyS0 loglevel=4 panic=-1 init=/bed-init bed.limit={limit_s:g}"
        return [
            *(machine.PROGRAM, "-nodefaults", "-no-user-config", "-no-reboot", "-nic", "none"),
            *("-M", "q35", "-accel", "tcg,thread=multi", "-cpu", "max,+svm"),
            *("-smp", str(self.cpus), "-m", str(self.memory_mib), "-monitor", "none", "-display", "none"),
            *("-kernel", str(self.image.kernel), "-initrd", str(self.image.initrd), "-append", words),
            *_drive(self.image.disk, "snapshot=on"),
            *_drive(archive, "readonly=on"),
            *_drive(out),
            *("-device", "virtio-rng-pci", "-serial", _option("file:", console)),
        ]


def _drive(file: Path, *options: str) -> tuple[str, str]:
    return "-drive", ",".join((_option("file=", file), "format=raw,if=virtio", *options))


def _option(prefix: str, file: Path) -> str:
    return prefix + str(file.resolve()).replace(",", ",,")


def ended(argv: list[str], work: Path, limit_s: float, *, silence_s: float = SILENCE_S) -> str:
    """Run a program until it ends, or end it; return its error, empty if there is none.

    Args:
        argv: the command.
        work: its writable directory, with its console, to which it must write regularly.
        limit_s: its time limit.
        silence_s: the longest time without output on the console.
    """
    console = work / "console"
    with (work / "said").open("w+b") as said:
        with subprocess.Popen(
            argv,
            env={**os.environ, "TMPDIR": str(work.resolve())},  # for the overlay
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        ) as process:
            try:
                trouble = _why_to_end(process, console, limit_s, silence_s)
            finally:
                process.kill()  # no effect if it has ended
        said.seek(0)
        text = said.read().decode(errors="replace")
    (work / "said").unlink()
    return text + trouble


def _why_to_end(process: subprocess.Popen[bytes], console: Path, limit_s: float, silence_s: float) -> str:
    """Wait until a program has ended or must be ended; return the reason to end it, or an empty text."""
    begin = changed = time.monotonic()
    size = 0
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=LOOK_S)
            return ""
        now, last = time.monotonic(), size
        size = console.stat().st_size if console.exists() else 0
        changed = now if size != last else changed
        if now - begin > limit_s:
            return f"\nbed: ended after {limit_s:g} s\n"
        if now - changed > silence_s:
            return f"\nbed: ended, {HUNG} for {silence_s:g} s\n"


def _unpacked(archive: Path, directory: Path) -> Path:
    """Unpack the guest's archive without trusting it: only plain files, below the directory."""
    directory.mkdir(mode=0o700)
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                content = tar.extractfile(member) if member.isfile() else None
                place = directory / member.name
                if content is None or not place.resolve().is_relative_to(directory.resolve()):
                    continue
                place.parent.mkdir(parents=True, exist_ok=True)
                with place.open("wb") as file:
                    shutil.copyfileobj(content, file)
    except tarfile.ReadError as error:
        (directory / "trouble").write_text(f"what the machine wrote is no whole archive: {error}\n")
    return directory


def _trouble(output: Path) -> str:
    file = output / "trouble"
    return file.read_text() if file.is_file() else ""


def _status(output: Path) -> int | None:
    file = output / "status"
    return int(file.read_text()) if file.is_file() else None
