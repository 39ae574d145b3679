"""The format of urunc's ``measure_to_json.py``: extremes and averages of intervals between stamps.

{"TS00 -> TS01": {"maximum": "989525 ns", "minimum": "474103 ns", "average": "719644 ns"}, ...}
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pytest_unikernel.errors import ResultFileError
from pytest_unikernel.importers.inputs import InputFile
from pytest_unikernel.importers.readings import ImportFormat, ImportOptions, Reading, Spread, Subject

NAME = "urunc-measurements"
PAIR = re.compile(r"(\w+) -> (\w+)")
VALUE = re.compile(r"([0-9]{1,19}(?:\.[0-9]{1,9})?) ns")
BEGIN = re.compile(rb'(?:\xef\xbb\xbf)?\s*\{\s*"c?TS[0-9]+ ->')
FIELDS = ("minimum", "average", "maximum")
SUBJECT = Subject("urunc_container", "urunc_container")
NOTES = ("intervals between stamps that are neighbours in time; unknown number of launches",)


def matches(file: InputFile) -> bool:
    """Return whether the file begins with a pair of stamps."""
    return BEGIN.match(file.head()) is not None


def read(files: Sequence[InputFile], options: ImportOptions) -> Iterator[Reading]:
    """Yield the reading of each file: launches one after the other."""
    for file in files:
        for name, given in (("--type", options.type), ("--time-step", options.time_step)):
            if given is not None:
                raise ResultFileError(
                    f"{file.path}: expected no {name}, because the launches were made one after the "
                    f"other, got {given!s}"
                )
        yield Reading(SUBJECT, [file.path], neighbours_s=_intervals(file), notes=NOTES)


def _intervals(file: InputFile) -> dict[str, Spread]:
    text = file.text()
    try:
        pairs = json.loads(text, object_pairs_hook=list)
    except RecursionError:
        raise file.wrong(1, "an object of intervals", text[:40]) from None
    except ValueError as error:
        line = getattr(error, "lineno", 1)
        got = (text.splitlines() or [""])[min(line, text.count("\n") + 1) - 1][:200]
        raise file.wrong(
            line, f"JSON ({error.msg if isinstance(error, json.JSONDecodeError) else error})", got
        ) from None
    found: dict[str, Spread] = {}
    for name, fields in pairs:
        pair = PAIR.fullmatch(name)
        line = _line_of(text, name)
        if pair is None or f"{pair[1]}->{pair[2]}" in found:
            raise file.wrong(line, "every pair once, as in 'TS00 -> TS01'", name)
        found[f"{pair[1]}->{pair[2]}"] = _spread(file, line, name, fields)
    return found


def _line_of(text: str, name: str) -> int:
    return text.count("\n", 0, text.rfind(json.dumps(name))) + 1


def _spread(file: InputFile, line: int, name: str, fields: Any) -> Spread:
    given = (
        dict(fields) if isinstance(fields, list) and all(isinstance(each, tuple) for each in fields) else {}
    )
    values = [VALUE.fullmatch(str(given.get(each))) for each in FIELDS]
    low, mean, high = (float(value[1]) / 1e9 if value else None for value in values)
    if low is None or mean is None or high is None:
        raise file.wrong(line, f"maximum, minimum and average of {name!r} as '989525 ns'", given or fields)
    # Their average is cut to whole nanoseconds.
    if not low - 1e-9 <= mean <= high:
        raise file.wrong(line, f"the average of {name!r} between minimum and maximum", given)
    return Spread(low, mean, high)


def formats() -> Iterable[ImportFormat]:
    """Return this format."""
    return [ImportFormat(NAME, matches, read)]
