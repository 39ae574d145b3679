"""An instance's output: matched as it arrives, its end kept, the rest forgotten."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from pytest_unikernel.errors import LoadError
from pytest_unikernel.plan.outcome import OUTCOME_OF_REASON, Outcome
from pytest_unikernel.plan.readiness import Line, bytes_regex
from pytest_unikernel.plan.target import Target

TAIL_BYTES = 4096
WHOLE_BYTES = 16 << 20  # of one whose output is to be shown
LONGEST_LINE_BYTES = 1 << 16


class Wanted:
    """The patterns that a target looks for in the output; compiled once per load."""

    def __init__(self, target: Target) -> None:
        self.ready = target.ready.matcher() if isinstance(target.ready, Line) else None
        self.ready_in_whole_lines = isinstance(target.ready, Line) and target.ready.whole_lines
        self.required = None if target.output is None else bytes_regex(target.output)
        self.failures = _compiled(target.failures)
        self.marks = [(name, re.compile(pattern)) for name, pattern in target.marks.items()]
        self.anything = bool(self.ready or self.required or self.failures or self.marks)


def _compiled(failures: Mapping[bytes, str]) -> list[tuple[re.Pattern[bytes], Outcome]]:
    return [(re.compile(pattern), OUTCOME_OF_REASON[reason]) for pattern, reason in failures.items()]


class Watch:
    """An instance's output so far, and the wanted matches found in it."""

    __slots__ = ("_carry", "_marks", "_wanted", "failure", "marked", "ready", "required")

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._carry = b""
        self.ready = False
        self.required = wanted.required is None
        self.failure: Outcome | None = None
        self._marks = wanted.marks
        self.marked: list[tuple[str, re.Match[bytes]]] = []  # since they were last taken

    def feed(self, data: bytes) -> None:
        """Take the next bytes; lines may be cut anywhere between two calls."""
        text = self._carry + data
        whole, newline, self._carry = text.rpartition(b"\n")
        self._carry = self._carry[-LONGEST_LINE_BYTES:]
        if newline:
            self._search(whole + newline, complete=True)
        if self._carry:
            self._search(self._carry, complete=False)

    def end(self) -> None:
        """The output is over: a last line without line end counts as a line."""
        if self._carry:
            self._search(self._carry, complete=True)

    def _search(self, text: bytes, *, complete: bool) -> None:
        wanted = self._wanted
        if not self.ready and wanted.ready is not None and (complete or not wanted.ready_in_whole_lines):
            self.ready = _in_some_line(wanted.ready, text, by_line=wanted.ready_in_whole_lines)
        if not self.required and wanted.required is not None:
            self.required = wanted.required.search(text) is not None
        if self.failure is None:
            self.failure = next((out for pattern, out in wanted.failures if pattern.search(text)), None)
        if self._marks:
            self._search_marks(text, complete=complete)

    def _search_marks(self, text: bytes, *, complete: bool) -> None:
        """Note the first match of each mark; one with a number in it needs the whole line."""
        found = [
            (name, match)
            for name, pattern in self._marks
            if (match := pattern.search(text)) and (complete or not pattern.groups)
        ]
        if found:
            self.marked += found
            names = {name for name, _ in found}
            self._marks = [mark for mark in self._marks if mark[0] not in names]


def _in_some_line(pattern: re.Pattern[bytes], text: bytes, *, by_line: bool) -> bool:
    if not by_line:
        return pattern.search(text) is not None
    return any(pattern.search(line.rstrip(b"\r")) for line in text.split(b"\n"))


class Sink:
    """A file that receives one instance's whole output, as KB's ``-o`` did, between two stamps.

    Raises:
        LoadError: the file can't be written; an output with holes in it would be worse than none.
    """

    def __init__(self, path: Path, label: str, unix_ns: int) -> None:
        self._label = label
        self._at_line_start = True
        with _named(path):
            self._stream = path.open("xb")  # never over another result
            self._stream.write(f"{unix_ns} {label} initiated\n".encode())

    def write(self, data: bytes) -> None:
        """Append output as it came."""
        with _named(Path(self._stream.name)):
            self._stream.write(data)
        self._at_line_start = data.endswith(b"\n")

    def close(self, how: str, unix_ns: int) -> None:
        """Write the last stamp with how the instance ended, and close the file."""
        newline = "" if self._at_line_start else "\n"
        with _named(Path(self._stream.name)), self._stream:
            self._stream.write(f"{newline}{unix_ns} {self._label} {how}\n".encode())


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """Name the file in an error."""
    try:
        yield
    except OSError as error:
        raise LoadError(
            f"--sweep-output: can't write {str(path)!r}: {error.strerror}; "
            "make room, or name another directory"
        ) from error
