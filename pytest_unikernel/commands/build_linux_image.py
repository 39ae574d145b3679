"""``pytest-unikernel build linux-image``."""

from __future__ import annotations

import argparse
from pathlib import Path

from pytest_unikernel.commands.command import Command
from pytest_unikernel.commands.output import note, show_path


def _describe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="the image to write; default: one in the cache, which benchmarks/ use",
    )
    parser.add_argument("--size", help="size of the image in bytes, or with k, M, G (default: 384M)")
    parser.add_argument("--suite", help="release of Debian (default: bookworm)")
    parser.add_argument("--include", metavar="PKG,…", help="packages to install in addition")
    parser.add_argument(
        "--format",
        choices=("raw", "qcow2"),
        help="format of the image; default: qcow2 if the name of FILE ends with it, else raw",
    )
    parser.add_argument("--force", action="store_true", help="replace FILE if it exists")
    parser.add_argument(
        "--from",
        dest="source",
        type=Path,
        metavar="IMAGE",
        help="make the new image from a copy of IMAGE, which is not changed",
    )
    edits = parser.add_argument_group("changes to the copy (with --from)")
    edits.add_argument(
        "--copy",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="copy FILE into /root; may be given several times",
    )
    edits.add_argument(
        "--run",
        type=Path,
        action="append",
        default=[],
        metavar="SCRIPT",
        help="copy SCRIPT into /root and call it in root's .profile, at login; may be given several times",
    )
    edits.add_argument("--shutdown", action="store_true", help="shut the guest down after the scripts")
    edits.add_argument(
        "--shell", action="store_true", help="boot the copy and open a root shell in it, on this terminal"
    )
    edits.add_argument(
        "--kernel",
        type=Path,
        metavar="FILE",
        help="the kernel that --shell boots; default: the newest one that build linux-kernel built",
    )


def _run(parsed: argparse.Namespace) -> int:
    edits = parsed.copy or parsed.run or parsed.shutdown or parsed.shell
    if parsed.source is None:
        if edits:
            parsed.refuse("--copy, --run, --shutdown and --shell change an existing image: add --from IMAGE")
        show_path(_new(parsed))
        if parsed.output is not None:
            note(
                "linux_vm(image=…) boots this image; benchmarks/ boot the image in the cache (made "
                "without -o)"
            )
        return 0
    if parsed.output is None or not edits:
        parsed.refuse("--from needs -o FILE and one of --copy, --run, --shutdown, --shell")
    if parsed.size or parsed.suite or parsed.include:
        parsed.refuse("--size, --suite and --include are for a new installation; leave them out with --from")
    show_path(_edited(parsed))
    return 0


def _new(parsed: argparse.Namespace) -> Path:
    from pytest_unikernel.guests.build.linux_image import (  # noqa: PLC0415 - see Command
        DEFAULT_SIZE,
        DEFAULT_SUITE,
        build_image,
    )

    return build_image(
        parsed.output,
        size=parsed.size or DEFAULT_SIZE,
        suite=parsed.suite or DEFAULT_SUITE,
        include=[each for each in (parsed.include or "").split(",") if each],
        image_format=parsed.format,
        force=parsed.force,
        progress=note,
    )


def _edited(parsed: argparse.Namespace) -> Path:
    from pytest_unikernel.commands.image_shell import image_shell  # noqa: PLC0415 - see Command
    from pytest_unikernel.guests.build.image_edit import Edit, edit_image  # noqa: PLC0415 - see Command

    shell = image_shell(parsed.kernel) if parsed.shell else None
    edit = Edit(parsed.copy, parsed.run, parsed.shutdown, shell)
    return edit_image(parsed.source, parsed.output, edit, image_format=parsed.format, force=parsed.force)


COMMAND = Command(
    ("build", "linux-image"),
    "Make a disk image with Debian for linux_vm, or a changed copy of an image; print its path.",
    _describe,
    _run,
)
