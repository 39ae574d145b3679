"""``pytest-unikernel build linux-image``."""

from __future__ import annotations

import argparse
from pathlib import Path

from pytest_unikernel.commands.command import Command, note
from pytest_unikernel.errors import BuildError


def _describe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="the image; default: in the cache")
    parser.add_argument("--size", default="384M", help="its size (default: 384M)")
    parser.add_argument("--suite", default="bookworm", help="Debian's release (default: bookworm)")
    parser.add_argument("--include", default="", metavar="PKG,…", help="more packages")
    parser.add_argument("--format", choices=("raw", "qcow2"), help="default: by FILE's name, else raw")
    parser.add_argument("--force", action="store_true", help="write over an image of that name")
    parser.add_argument(
        "--from",
        dest="source",
        type=Path,
        metavar="IMAGE",
        help="make a new image of that one, which stays as it is",
    )
    edits = parser.add_argument_group("with --from")
    edits.add_argument("--copy", type=Path, action="append", default=[], metavar="FILE", help="into /root")
    edits.add_argument(
        "--run", type=Path, action="append", default=[], metavar="SCRIPT", help="into /root, called at login"
    )
    edits.add_argument("--shutdown", action="store_true", help="end the machine when they are done")
    edits.add_argument("--shell", action="store_true", help="a shell in it, on this terminal, until it ends")
    edits.add_argument(
        "--kernel", type=Path, metavar="FILE", help="what --shell boots; default: the one built"
    )


def _run(parsed: argparse.Namespace) -> int:
    edits = parsed.copy or parsed.run or parsed.shutdown or parsed.shell
    if parsed.source is None:
        if edits:
            parsed.refuse("--copy, --run, --shutdown and --shell change an image: name it with --from")
        print(_new(parsed))  # noqa: T201
        return 0
    if parsed.output is None or not edits:
        parsed.refuse("--from needs -o FILE and one of --copy, --run, --shutdown, --shell")
    print(_edited(parsed))  # noqa: T201
    return 0


def _new(parsed: argparse.Namespace) -> Path:
    from pytest_unikernel.build.linux_image import build_image  # noqa: PLC0415 - see Command

    include = [each for each in parsed.include.split(",") if each]
    return build_image(
        parsed.output,
        size=parsed.size,
        suite=parsed.suite,
        include=include,
        image_format=parsed.format,
        force=parsed.force,
        progress=note,
    )


def _edited(parsed: argparse.Namespace) -> Path:
    from pytest_unikernel.build.image_edit import Edit, edit_image  # noqa: PLC0415 - see Command

    shell = _machine(parsed.kernel) if parsed.shell else ()
    edit = Edit(parsed.copy, parsed.run, parsed.shutdown, shell)
    return edit_image(parsed.source, parsed.output, edit, image_format=parsed.format, force=parsed.force)


def _machine(kernel: Path | None) -> tuple[str, ...]:
    """Return the machine whose disk is edited: writable, its console on the terminal."""
    from pytest_unikernel.build.linux_kernel import newest_kernel  # noqa: PLC0415 - see Command
    from pytest_unikernel.targets import qemu  # noqa: PLC0415 - see Command

    built = newest_kernel()
    chosen = kernel or (built.vmlinux if built is not None else None)
    if chosen is None:
        raise BuildError("no kernel for --shell; pytest-unikernel build linux-kernel, or give --kernel FILE")
    machine = qemu.Machine(memory_mib=512, linux=True)
    disk = ("-drive", "id=disk,file={image},format=raw,if=none", "-device", "virtio-blk-device,drive=disk")
    boot = (
        *qemu.kernel_boot(
            str(chosen), "console=ttyS0 root=/dev/vda rw reboot=t panic=-1 no_timer_check quiet"
        ),
        *disk,
    )
    return qemu.arguments(qemu.PROGRAM, machine, qemu.Screen(), boot)


COMMAND = Command(
    ("build", "linux-image"),
    "Make a disk image with Debian for linux_vm, or a new one of another; print its path.",
    _describe,
    _run,
)
