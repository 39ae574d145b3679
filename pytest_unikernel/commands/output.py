"""The output of commands: progress on stderr, results on stdout or in files that appear whole."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_unikernel.errors import BuildError
from pytest_unikernel.results.whole_file import write_whole
from pytest_unikernel.text.grid import encodable, printable

STREAM = "-"  # in place of a file: stdout, or stdin


def refuse_no_file(output: Path | None) -> None:
    """Refuse an output that can't be written, before hours are spent on its content.

    Raises:
        BuildError: it is a directory, or its directory does not exist.
    """
    if output is not None and (output.is_dir() or not output.parent.is_dir()):
        raise BuildError(f"expected -o to name a file in a directory that exists, got {str(output)!r}")


def note(line: str) -> None:
    """Write a line of progress to stderr; results alone go to stdout."""
    print("\n".join(map(printable, line.split("\n"))), file=sys.stderr, flush=True)  # noqa: T201


def show(text: str) -> None:
    """Write results to stdout; a reader that ends early, such as ``| head``, is no error."""
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    try:
        sys.stdout.write(encodable(text, encoding))
        sys.stdout.flush()
    except BrokenPipeError:
        # The rest of the buffer must go somewhere, or the interpreter complains about it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def show_path(path: Path) -> None:
    """Write the file that a command made to stdout."""
    show(f"{printable(str(path))}\n")


def refuse_no_place(parsed: argparse.Namespace, others: Sequence[Path] = ()) -> None:
    """Refuse a --json that can't be written, or that would replace one of the other files."""
    if parsed.json in (None, STREAM):
        return
    file = Path(parsed.json)
    if any(_same(file, each) for each in others):
        parsed.refuse(f"--json must name another file than the runs, got {parsed.json!r}")
    if file.is_dir() or not file.parent.is_dir():
        parsed.refuse(f"--json must name a file in a directory that exists, got {parsed.json!r}")


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def json_text(document: Any) -> str:
    """Return a document as JSON, which knows no infinity: what isn't finite is null."""
    return json.dumps(_finite(document), indent=2, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(each) for key, each in value.items()}
    return [_finite(each) for each in value] if isinstance(value, (list, tuple)) else value


def deliver(where: str, text: str) -> None:
    """Write results to a file, or to stdout for ``-``."""
    if where == STREAM:
        show(text)
    else:
        write_whole(Path(where), text)
