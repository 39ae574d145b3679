"""``pytest-unikernel build linux-kernel``."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from pytest_unikernel.commands.command import Command
from pytest_unikernel.commands.output import note, refuse_no_file


def _describe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source",
        nargs="?",
        metavar="SOURCE",
        help="a source tree, a tarball, or a version to download; default: Debian's linux-source",
    )
    parser.add_argument("--version", metavar="V", help="the same as a version for SOURCE")
    parser.add_argument(
        "--config",
        default="tiny",
        metavar="tiny|defconfig|FILE",
        help="tiny (default): what boots fastest; defconfig: the kernel's own, for guests; or a .config",
    )
    parser.add_argument("-j", "--jobs", type=int, metavar="N", help="compilers at once; default: one per CPU")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="put a copy there: of the bzImage if FILE is called so or vmlinuz, else of the vmlinux",
    )


def _run(parsed: argparse.Namespace) -> int:
    from pytest_unikernel.guests.build.linux_kernel import build_kernel  # noqa: PLC0415 - see Command

    if parsed.source is not None and parsed.version is not None:
        parsed.refuse(f"expected SOURCE or --version, got both: {parsed.source!r} and {parsed.version!r}")
    if parsed.jobs is not None and parsed.jobs < 1:
        parsed.refuse(f"-j must be a whole number >= 1, got {parsed.jobs}")
    refuse_no_file(parsed.output)
    source = parsed.source if parsed.version is None else parsed.version
    built = build_kernel(source, config=parsed.config, jobs=parsed.jobs, progress=note)
    kernel = built.vmlinux
    if parsed.output is not None:
        packed = "bzimage" in parsed.output.name.lower() or "vmlinuz" in parsed.output.name
        shutil.copyfile(built.bzimage if packed else kernel, parsed.output)
        kernel = parsed.output
    note(f"Linux {built.version}, {parsed.config}: linux_vm boots it from now on")
    print(kernel)  # noqa: T201
    return 0


COMMAND = Command(
    ("build", "linux-kernel"),
    "Build a Linux kernel for linux_vm and print the path of the vmlinux.",
    _describe,
    _run,
)
