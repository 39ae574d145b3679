"""The command ``pytest-unikernel`` in this process: its status and what it prints, checked."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from pytest_unikernel.commands import main
from pytest_unikernel.compare.limits import UNTESTED

STEERING = [chr(each) for each in range(32) if chr(each) not in "\n\t"]


class Asked(NamedTuple):
    """The answer of the command."""

    status: int
    out: str
    error: str

    def json(self) -> Any:
        """Return stdout as JSON, which has neither NaN nor Infinity."""
        return json.loads(self.out, parse_constant=_refuse)


def _refuse(word: str) -> None:
    raise AssertionError(f"{word} is no JSON")


def asked(arguments: Sequence[str], given: bytes = b"") -> Asked:
    """Run the command with streams as a terminal's; any exception but argparse's exit goes on."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    error = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace", write_through=True)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error), _stdin(given):
        try:
            status = main.main(arguments)
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else 1
    return Asked(status, *(each.buffer.getvalue().decode() for each in (out, error)))


@contextlib.contextmanager
def _stdin(given: bytes) -> Any:
    import sys

    old, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(given))
    try:
        yield
    finally:
        sys.stdin = old


def answered(arguments: Sequence[str], given: bytes = b"") -> Asked:
    """Run the command and check its answer: a result, or one clear line of error and its status.

    Status 75 is that of limits without a figure that could be tested.
    """
    answer = asked(arguments, given)
    last = answer.error.rstrip("\n").rpartition("\n")[2]
    limited = any(each.startswith("--f") for each in arguments)  # --fail, which may be abbreviated
    assert answer.status in ({0, 1, 2, UNTESTED} if limited else {0, 1, 2}), answer
    assert "Traceback" not in answer.error, answer
    if not answer.error.startswith("usage:"):  # argparse repeats what was typed
        assert not answer.status or last.startswith("pytest-unikernel"), answer
        assert not any(each in answer.out + answer.error for each in STEERING), answer
    return answer


def sentence(error: BaseException) -> str:
    """Return an error's text, which must be one line."""
    text = str(error)
    assert text, f"{type(error).__name__} without a text"
    assert "\n" not in text, text
    return text
