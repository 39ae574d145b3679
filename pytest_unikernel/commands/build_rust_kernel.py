"""``pytest-unikernel build rust-kernel``."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_unikernel.commands.command import PROGRAM, Command
from pytest_unikernel.commands.output import note, refuse_no_file, show, show_path
from pytest_unikernel.errors import BuildError
from pytest_unikernel.text.grid import printable

if TYPE_CHECKING:
    from pytest_unikernel.guests.build.rust_kernel import Verification


def _describe_rust_kernel(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "crate",
        nargs="?",
        type=Path,
        metavar="CRATE",
        help="the directory of the crate; default: the crate of the shipped kernel, to verify that kernel",
    )
    parser.add_argument(
        "--new", type=Path, metavar="DIR", help="build nothing; copy the shipped crate to DIR as a template"
    )
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="copy the kernel to FILE")


def _rust_kernel(parsed: argparse.Namespace) -> int:
    if parsed.new is not None:
        if parsed.crate is not None or parsed.output is not None:
            parsed.refuse("--new only copies the crate; leave CRATE and -o out")
        return _new_crate(parsed.new)
    refuse_no_file(parsed.output)
    kernel = _shipped_crate() if parsed.crate is None else _built_crate(parsed.crate)
    if parsed.output is not None:
        shutil.copyfile(kernel, parsed.output)
        kernel = parsed.output
    show_path(kernel)
    return 0


def _new_crate(directory: Path) -> int:
    from pytest_unikernel.guests.build.rust_kernel import new_crate  # noqa: PLC0415 - see Command

    new_crate(directory)
    crate, application = (printable(str(each)) for each in (directory, directory / "src/application.rs"))
    show(
        f"copied the crate to {crate}; next:\n"
        f"  edit   sample_application() in {application}\n"
        f"  build  {PROGRAM} build rust-kernel {crate}\n"
        f'  test   load_step(rust_kernel(crate="{crate}"))\n'
    )
    return 0


def _built_crate(crate: Path) -> Path:
    from pytest_unikernel.guests.build.rust_kernel import build_kernel  # noqa: PLC0415 - see Command

    return build_kernel(crate, progress=note)


def _shipped_crate() -> Path:
    """Build the package's crate and hold the shipped kernel against it.

    Raises:
        BuildError: the same compiler made another file of the same sources.
    """
    from pytest_unikernel.guests.build.rust_kernel import verify_shipped_kernel  # noqa: PLC0415 - see Command

    verification = verify_shipped_kernel()
    note(_verdict(verification))
    return verification.built


def _verdict(verification: Verification) -> str:
    if verification.same_bytes:
        return "the build is identical to the shipped kernel"
    if not (verification.same_sources and verification.same_file):
        raise BuildError(
            "expected the shipped kernel and its crate as installed, got changed files; reinstall the package"
        )
    if verification.same_compiler:
        raise BuildError(
            "expected the build to be identical to the shipped kernel, but it differs though the compiler is "
            f"the same: see {str(verification.built)!r}"
        )
    return "the build differs from the shipped kernel, because the compiler is another version"


COMMAND = Command(
    ("build", "rust-kernel"),
    "Build a Rust kernel with cargo and print the path of the ELF file.",
    _describe_rust_kernel,
    _rust_kernel,
)
