"""A root shell in an image, in a virtual machine on the user's terminal: ``build linux-image --shell``."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import termios
from dataclasses import dataclass
from pathlib import Path

from pytest_unikernel.commands.output import note
from pytest_unikernel.errors import BuildError
from pytest_unikernel.guests.build import ext4
from pytest_unikernel.guests.build.static_program import GUESTS
from pytest_unikernel.guests.build.status import how
from pytest_unikernel.plan.target_fields import Unavailable
from pytest_unikernel.targets.qemu import machine as qemu

SCRIPT, NAME = GUESTS / "linux" / "shell.sh", "/unikernel-shell"
MEMORY_MIB = 512
WORDS = "console=ttyS0 root=/dev/vda rw reboot=t panic=-1 no_timer_check loglevel=1"
# Ctrl-C is the guest's. Source: qemu(1), -chardev stdio.
TERMINAL = ("-chardev", "stdio,id=terminal,signal=off", "-serial", "chardev:terminal")
HOW_TO_END = (
    "a root shell in the new image, without a network; end it with exit, poweroff, reboot or halt to "
    "write the image"
)


@dataclass(frozen=True)
class ImageShell:
    """A machine that gives a shell in a disk.

    Attributes:
        program: QEMU.
        kernel: the kernel to boot, with drivers for the disk and ext4 built in.
    """

    program: str
    kernel: str

    def __call__(self, image: Path) -> None:
        """Give the terminal to a shell in the image until it ends.

        Raises:
            BuildError: QEMU failed, or no shell came.
        """
        ext4.write(image, NAME, SCRIPT.read_bytes(), 0o755)
        note(HOW_TO_END)
        before = termios.tcgetattr(sys.stdin)
        try:
            ended = subprocess.run(self._argv(image), check=False)
        finally:
            with contextlib.suppress(termios.error):  # there is no terminal any more
                termios.tcsetattr(
                    sys.stdin, termios.TCSANOW, before
                )  # QEMU has no time for it if it is killed
        if ended.returncode:
            raise BuildError(
                f"--shell: {self.program!r} failed: {how(ended.returncode)}; no image was written"
            )
        ext4.mend(image)
        if ext4.read(image, NAME) is not None:
            raise BuildError(
                f"--shell: no shell started: {self.kernel!r} can't read the disk, or the image has no "
                "/bin/sh; no image was written; try another kernel with --kernel FILE"
            )

    def _argv(self, image: Path) -> tuple[str, ...]:
        columns, rows = shutil.get_terminal_size()
        settings = f"TERM={_terminal_type()} ROWS={rows} COLUMNS={columns}"
        words = f"{WORDS} init={NAME} {settings}"
        name = str(image).replace(",", ",,")
        disk = f"id=disk,file={name},format=raw,if=none"
        boot = (
            *qemu.kernel_boot(self.kernel, words),
            *("-drive", disk, "-device", "virtio-blk-device,drive=disk"),
        )
        machine = qemu.Machine(memory_mib=MEMORY_MIB, linux=True)
        argv = qemu.arguments(self.program, machine, qemu.Screen(), boot)
        at = argv.index("-serial")
        return (*argv[:at], *TERMINAL, *argv[at + 2 :])


def image_shell(kernel: Path | None) -> ImageShell:
    """Return the shell, with the kernel of that path or the latest build.

    Raises:
        BuildError: no terminal, no QEMU, no kernel.
    """
    from pytest_unikernel.guests.build.linux_kernel import newest_kernel  # noqa: PLC0415 - see Command

    if not sys.stdin.isatty():
        raise BuildError("--shell: expected a terminal on stdin, got none; run it in a terminal")
    found = qemu.find(None)
    if isinstance(found, Unavailable):
        raise BuildError(f"--shell: {found.reason}; {found.cure}")
    built = newest_kernel()
    chosen = kernel or (built.vmlinux if built is not None else None)
    if chosen is None:
        raise BuildError(
            "--shell: no kernel to boot; pytest-unikernel build linux-kernel, or give --kernel FILE"
        )
    if not chosen.is_file():
        raise BuildError(f"expected --kernel to name a file, got {str(chosen)!r}")
    return ImageShell(found.program, os.path.abspath(chosen))  # noqa: PTH100 - not where a link leads


def _terminal_type() -> str:
    """Return the terminal's type, if it can be a word of the kernel's command line."""
    given = os.environ.get("TERM", "")
    return given if re.fullmatch(r"[A-Za-z0-9.+-]+", given) else "linux"
