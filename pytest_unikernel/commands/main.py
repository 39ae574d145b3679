"""The command ``pytest-unikernel``: one entry of ``COMMANDS`` for each of its commands."""

from __future__ import annotations

import argparse
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from pytest_unikernel.commands import (
    build_linux_image,
    build_linux_kernel,
    build_rust_kernel,
    compare,
    doctor,
    import_results,
    report,
    run,
    timestamps,
    worker,
)
from pytest_unikernel.commands.command import PROGRAM
from pytest_unikernel.errors import BuildError, UnikernelError
from pytest_unikernel.text.grid import printable

FAILED, SIGNALLED = 1, 128  # + the signal's number, as shells do
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; an error is one line on stderr and exit status 1, or 2 if it is the usage.

    SIGINT, SIGTERM and SIGHUP end it once all is cleaned up, with status 128 + the signal's number.
    """
    _fill_streams()
    parsed = _parsed(arguments)
    try:
        with _cleaning_up() as came:
            return int(parsed.command.run(parsed))
    except (UnikernelError, OSError) as error:
        # A tool's own last lines have been on stderr already.
        cause = error.cause if isinstance(error, BuildError) else str(error)
        first, _, _ = cause.partition("\n")
        print(f"{PROGRAM}: {printable(first)}", file=sys.stderr)  # noqa: T201
        return getattr(error, "exit_status", FAILED)
    except MemoryError:
        cure = "give it more (ulimit -v, the cgroup's memory.max), or smaller files"
        print(f"{PROGRAM}: out of memory; {cure}", file=sys.stderr)  # noqa: T201
        return FAILED
    except KeyboardInterrupt:
        return SIGNALLED + (came or [signal.SIGINT])[0]


def _fill_streams() -> None:
    """Open /dev/null where a standard stream is closed (``>&-``), or a later file would get its number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - until the end


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the parsed command line, without ``--option=--``: older versions of argparse stumble on it.

    Without arguments the process is the command's own: ``alone``.
    """
    made = parser()
    words, program = _with_program(list(sys.argv[1:] if arguments is None else arguments))
    for word in words:
        if word == "--":
            break
        if found := re.fullmatch(r"(--?[a-z][a-z-]*?)=--|(-[a-z])--", word):
            made.error(f"argument {found[1] or found[2]}: expected a value, got '--'")
    return made.parse_args(words, argparse.Namespace(program=program, alone=arguments is None))


def _with_program(words: list[str]) -> tuple[list[str], list[str]]:
    """Return a command's own words, and those of the program that it is given after ``--``."""
    takes = any(command.takes_program and tuple(words[:1]) == command.words for command in COMMANDS)
    if not takes or "--" not in words:
        return words, []
    place = words.index("--")
    return words[:place], words[place + 1 :]


@contextmanager
def _cleaning_up() -> Iterator[list[int]]:
    """Turn the first polite signal into a KeyboardInterrupt: the clean-up after it is not interrupted.

    Gives the signals that came. Those that are ignored stay so, as under nohup; outside the main thread
    Python delivers none.
    """
    came: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        del frame
        came.append(number)
        if len(came) == 1:
            raise KeyboardInterrupt

    old = {}
    if threading.current_thread() is threading.main_thread():
        handled = [each for each in SIGNALS if signal.getsignal(each) not in {signal.SIG_IGN, None}]
        old = {each: signal.signal(each, interrupt) for each in handled}
    try:
        yield came
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


_Groups = dict[tuple[str, ...], Any]


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line; the documentation is generated from it."""
    made = argparse.ArgumentParser(
        PROGRAM,
        description="Measure launches, build guests, check which targets run on this host, import, "
        "compare and report results, and wait for sweeps that run on many hosts.",
    )
    made.add_argument("--version", action=_Version, nargs=0, help="show program's version number and exit")
    groups: _Groups = {(): made.add_subparsers(required=True, metavar="COMMAND")}
    for command in COMMANDS:
        *group, name = command.words
        among = _group(groups, tuple(group))
        own = among.add_parser(name, help=command.summary, description=command.summary)
        command.describe(own)
        own.set_defaults(command=command, refuse=own.error)
    return made


def _group(groups: _Groups, words: tuple[str, ...]) -> Any:
    """Return where the commands that begin with these words are added."""
    if words not in groups:
        parent = _group(groups, words[:-1]).add_parser(words[-1], help=GROUPS[words])
        groups[words] = parent.add_subparsers(required=True, metavar="WHAT")
    return groups[words]


class _Version(argparse.Action):
    """Prints the version; it takes a while to find, so only where it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print(f"{PROGRAM} {_version()}")  # noqa: T201
        parser.exit()


def _version() -> str:
    from importlib import metadata  # noqa: PLC0415 - imported only when needed

    try:
        return metadata.version(PROGRAM)
    except metadata.PackageNotFoundError:
        return "(not installed)"


GROUPS: dict[tuple[str, ...], str] = {("build",): "Build a kernel or a disk image."}
COMMANDS = (
    run.COMMAND,
    build_rust_kernel.COMMAND,
    build_linux_kernel.COMMAND,
    build_linux_image.COMMAND,
    timestamps.COMMAND,
    import_results.COMMAND,
    doctor.COMMAND,
    compare.COMMAND,
    report.COMMAND,
    worker.COMMAND,
)

if __name__ == "__main__":
    sys.exit(main())
