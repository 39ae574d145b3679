"""The command ``pytest-unikernel``: one entry of ``COMMANDS`` for each of its commands."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_unikernel.errors import BuildError, UnikernelError

if TYPE_CHECKING:
    from pytest_unikernel.build.rust_kernel import Verification

PROGRAM = "pytest-unikernel"
FAILED, INTERRUPTED = 1, 130


class Command(NamedTuple):
    """One command: what is typed, what its help says, its parameters, what it does.

    ``run`` returns the exit status and imports what it needs: the others needn't wait for that.
    """

    words: tuple[str, ...]
    summary: str
    describe: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; an error is one line on stderr and exit status 1, or 2 if it is the usage."""
    parsed = _parser().parse_args(arguments)
    try:
        return int(parsed.command.run(parsed))
    except (UnikernelError, OSError) as error:
        # A tool's own last lines follow the first one; they have been on stderr already.
        first = str(error).partition("\n")[0].removesuffix("; its last lines:")
        print(f"{PROGRAM}: {first}", file=sys.stderr)  # noqa: T201
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


_Groups = dict[tuple[str, ...], Any]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(PROGRAM, description="Builds what the pytest plugin launches.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {_version()}")
    groups: _Groups = {(): parser.add_subparsers(required=True, metavar="COMMAND")}
    for command in COMMANDS:
        *group, name = command.words
        among = _group(groups, tuple(group))
        made = among.add_parser(name, help=command.summary, description=command.summary)
        command.describe(made)
        made.set_defaults(command=command, refuse=made.error)
    return parser


def _group(groups: _Groups, words: tuple[str, ...]) -> Any:
    """Return where the commands that begin with these words are added."""
    if words not in groups:
        parent = _group(groups, words[:-1]).add_parser(words[-1], help=GROUPS[words])
        groups[words] = parent.add_subparsers(required=True, metavar="WHAT")
    return groups[words]


def _version() -> str:
    try:
        return metadata.version(PROGRAM)
    except metadata.PackageNotFoundError:
        return "(not installed)"


# build rust-kernel --------------------------------------------------------------------------------


def _describe_rust_kernel(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "crate", nargs="?", type=Path, metavar="CRATE", help="its directory; default: our own"
    )
    parser.add_argument("--new", type=Path, metavar="DIR", help="copy our crate to DIR, to be edited there")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="put a copy of the kernel there")


def _rust_kernel(parsed: argparse.Namespace) -> int:
    if parsed.new is not None:
        if parsed.crate is not None or parsed.output is not None:
            parsed.refuse("--new only copies the crate; CRATE and -o are for building it afterwards")
        return _new_crate(parsed.new)
    kernel = _shipped_crate() if parsed.crate is None else _built_crate(parsed.crate)
    if parsed.output is not None:
        shutil.copyfile(kernel, parsed.output)
        kernel = parsed.output
    print(kernel)  # noqa: T201
    return 0


def _new_crate(directory: Path) -> int:
    from pytest_unikernel.build.rust_kernel import new_crate  # noqa: PLC0415 - see Command

    new_crate(directory)
    print(  # noqa: T201
        f"copied the crate to {directory}; what to do next:\n"
        f"  edit   {directory / 'src' / 'application.rs'}: sample_application() is yours\n"
        f"  build  {PROGRAM} build rust-kernel {directory}\n"
        f'  test   load_step(rust_kernel(crate="{directory}"))'
    )
    return 0


def _built_crate(crate: Path) -> Path:
    from pytest_unikernel.build.rust_kernel import build_kernel  # noqa: PLC0415 - see Command

    return build_kernel(crate, progress=_note)


def _shipped_crate() -> Path:
    """Build the package's crate and hold the shipped kernel against it.

    Raises:
        BuildError: the same compiler made another file of the same sources.
    """
    from pytest_unikernel.build.rust_kernel import verify_shipped_kernel  # noqa: PLC0415 - see Command

    verification = verify_shipped_kernel()
    _note(_verdict(verification))
    return verification.built


def _verdict(verification: Verification) -> str:
    if verification.same_bytes:
        return "the shipped kernel is what its crate builds"
    if not (verification.same_sources and verification.same_file):
        raise BuildError("the shipped kernel or its crate was changed since; install the package anew")
    if verification.same_compiler:
        raise BuildError(f"the shipped kernel is not what its crate builds: see {verification.built}")
    return "built with another compiler than the shipped kernel: the bytes differ"


def _note(line: str) -> None:
    print(line, file=sys.stderr)  # noqa: T201


GROUPS: dict[tuple[str, ...], str] = {("build",): "build a guest"}
COMMANDS = (
    Command(
        ("build", "rust-kernel"),
        "Build a Rust kernel with cargo and print the path of the ELF file.",
        _describe_rust_kernel,
        _rust_kernel,
    ),
)

if __name__ == "__main__":
    sys.exit(main())
