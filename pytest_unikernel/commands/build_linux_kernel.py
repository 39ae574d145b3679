"""``pytest-unikernel build linux-kernel``."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from pytest_unikernel.commands.command import Command
from pytest_unikernel.commands.output import note, refuse_no_file, show_path

DEFAULT_CONFIG = "tiny"


def _describe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source",
        nargs="?",
        metavar="SOURCE",
        help="a source tree, a tarball, or a version to download; default: Debian's package linux-source",
    )
    parser.add_argument("--version", metavar="V", help="a version to download, as SOURCE")
    parser.add_argument(
        "--config",
        default=DEFAULT_CONFIG,
        metavar="tiny|defconfig|FILE",
        help="the configuration: tiny (default) has only what linux_vm needs and boots fastest; defconfig "
        "is the kernel's default with the options for guests; or the path of a .config",
    )
    parser.add_argument(
        "--packaged",
        action="store_true",
        help="download the distribution's kernel for virtual machines (Debian, Ubuntu) instead of building "
        "one: this takes seconds and installs nothing, but the kernel boots slower than a built one",
    )
    parser.add_argument(
        "-j", "--jobs", type=int, metavar="N", help="number of parallel compilers; default: one per CPU"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="copy the kernel to FILE: the bzImage if the name contains bzimage or vmlinuz, else the vmlinux",
    )


def _run(parsed: argparse.Namespace) -> int:
    if parsed.source is not None and parsed.version is not None:
        parsed.refuse(f"expected SOURCE or --version, got both: {parsed.source!r} and {parsed.version!r}")
    if parsed.jobs is not None and parsed.jobs < 1:
        parsed.refuse(f"-j must be a whole number >= 1, got {parsed.jobs}")
    refuse_no_file(parsed.output)
    kernel = _fetched(parsed) if parsed.packaged else _built(parsed)
    show_path(kernel)
    return 0


def _built(parsed: argparse.Namespace) -> Path:
    from pytest_unikernel.guests.build.linux_kernel import build_kernel  # noqa: PLC0415 - see Command

    source = parsed.source if parsed.version is None else parsed.version
    built = build_kernel(source, config=parsed.config, jobs=parsed.jobs, progress=note)
    kernel = built.vmlinux
    if parsed.output is not None:
        packed = "bzimage" in parsed.output.name.lower() or "vmlinuz" in parsed.output.name
        shutil.copyfile(built.bzimage if packed else kernel, parsed.output)
        kernel = parsed.output
    note(f"Linux {built.version}, {parsed.config}: linux_vm now boots this kernel")
    return Path(kernel)


def _fetched(parsed: argparse.Namespace) -> Path:
    from pytest_unikernel.guests.build.linux_kernel import newest_kernel  # noqa: PLC0415 - see Command
    from pytest_unikernel.guests.build.packaged_kernel import fetch_kernel  # noqa: PLC0415 - see Command

    _refuse_with_packaged(parsed)
    kernel = fetch_kernel(progress=note)
    if parsed.output is not None:
        shutil.copyfile(kernel, parsed.output)
        kernel = parsed.output
    built = newest_kernel()
    if built is None:
        note(f"{kernel.name}: linux_vm now boots this kernel")
    else:
        note(
            f"linux_vm still boots Linux {built.version}, which was built here; to boot the downloaded one: "
            f'linux_vm(kernel="{kernel}")'
        )
    return kernel


def _refuse_with_packaged(parsed: argparse.Namespace) -> None:
    given = {
        "SOURCE": parsed.source,
        "--version": parsed.version,
        "--config": None if parsed.config == DEFAULT_CONFIG else parsed.config,
        "--jobs": parsed.jobs,
    }
    for name, value in given.items():
        if value is not None:
            parsed.refuse(f"--packaged downloads a built kernel and takes no {name}, got {value!r}")


COMMAND = Command(
    ("build", "linux-kernel"),
    "Build or download a Linux kernel for linux_vm, and print its path.",
    _describe,
    _run,
)
