"""Runs cases, makes those that fail smaller, and keeps their inputs."""

from __future__ import annotations

import tempfile
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from bounds import TooSlowError, bounded_memory, bounded_time
from cases import Case, Reader

COMMAND = "python tests/fuzz/fuzz.py --case"
MOST_KINDS = 20  # of faults: one of each kind is enough


class Finding(NamedTuple):
    """A case that failed.

    Attributes:
        kind: equal for cases that fail in the same place.
        case: with as few changes as still fail in the same place.
        text: the traceback.
        input: where its input is kept.
    """

    kind: str
    case: Case
    text: str
    input: Path | None = None

    def __str__(self) -> str:
        return f"{COMMAND} '{self.case}'\n    {self.kind}\n    its input: {self.input}"


def run(reader: Reader, case: Case) -> Finding | None:
    """Return what is wrong with a case, or None."""
    value = reader.input(case)
    try:
        with tempfile.TemporaryDirectory(prefix="fuzz-") as place, bounded_time():
            reader.read(value, Path(place))
    except (Exception, SystemExit, TooSlowError) as error:  # noqa: BLE001 - that is what is looked for
        return Finding(_kind(error), case, "".join(traceback.format_exception(error)))
    return None


def _kind(error: BaseException) -> str:
    """Return the error's type and the innermost place of ours that it comes from."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/pytest_unikernel/" in frame.filename] or frames
    text = str(error).partition("\n")[0][:200]
    return f"{type(error).__name__} in {Path(ours[-1].filename).name}:{ours[-1].lineno}: {text!a}"


def _place(finding: Finding) -> str:
    return finding.kind.partition(": ")[0]


def smaller(reader: Reader, finding: Finding) -> Finding:
    """Return the same finding with as few changes as still fail in the same place."""
    for seed in finding.case.seeds:
        left = tuple(each for each in finding.case.seeds if each != seed)
        again = run(reader, finding.case._replace(seeds=left))
        if again is not None and _place(again) == _place(finding):
            finding = again
    return finding


def search(reader: Reader, numbers: Iterable[int], seed: int, kept: Path) -> list[Finding]:
    """Run cases of a reader; return one finding of each kind, its input kept in a directory."""
    found: dict[str, Finding] = {}
    with bounded_memory():
        for number in numbers:
            finding = run(reader, reader.case(seed, number))
            if finding is not None and _place(finding) not in found and len(found) < MOST_KINDS:
                found[_place(finding)] = _kept(reader, smaller(reader, finding), kept)
    return list(found.values())


def _kept(reader: Reader, finding: Finding, directory: Path) -> Finding:
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / str(finding.case).replace(":", "-").replace(",", "-")[:200]
    value = reader.input(finding.case)
    path.write_bytes(value if isinstance(value, bytes) else ascii(value).encode())
    path.with_suffix(".traceback").write_text(finding.text, errors="backslashreplace")
    return finding._replace(input=path)
