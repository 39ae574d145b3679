"""The settings, the plugin's version and the command lines of the runs, as a table. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pytest_unikernel.report import cells as cell
from pytest_unikernel.report.hover import name
from pytest_unikernel.report.load import ReportedLoad
from pytest_unikernel.report.overview import Table
from pytest_unikernel.report.series import Results
from pytest_unikernel.results.record.check import fits
from pytest_unikernel.results.record.parts import Number
from pytest_unikernel.text.grid import Cells, cut, printable

COLUMNS = 500
ALL = "all"
NOTE = (
    "As requested. A setting that differs between targets has a row for each value; unset ones are left out."
)


def settings(results: Results) -> Table | None:
    """Return each setting with its values, and the targets that had them; None where none is known."""
    found: dict[str, dict[str, list[str]]] = {}
    for series in (*results.sweeps, *results.colds):
        for load in series.loads:
            for key, value in _values(load):
                labels = found.setdefault(key, {}).setdefault(value, [])
                if name(series) not in labels:
                    labels.append(name(series))
    everyone = list(dict.fromkeys(name(series) for series in (*results.sweeps, *results.colds)))
    rows = [row for key, values in found.items() for row in _rows(key, values, everyone)]
    return Table("Settings", ["setting", "value", "targets"], rows, 3, NOTE) if rows else None


def _rows(key: str, values: Mapping[str, list[str]], everyone: Sequence[str]) -> Iterator[Cells]:
    for value, labels in values.items():
        of_all = len(values) == 1 and len(labels) == len(everyone) > 1
        yield [key, value, ALL if of_all else ", ".join(labels)]


def _values(load: ReportedLoad) -> Iterator[tuple[str, str]]:
    """Yield what is known of a load, in words."""
    run = load.mapping("run")
    known = {
        "command line": _command(run.get("command_line")),
        "pytest-unikernel": run.get("plugin_version"),
        **{_words(key): _text(key, value) for key, value in load.mapping("settings").items()},
        "program": _command(load.mapping("settings").get("argv")),
    }
    known.pop("argv", None)
    for key, value in known.items():
        if value not in (None, ""):
            yield _printed(key), _printed(value)


def _words(key: str) -> str:
    return key.removesuffix("_s").replace("_", " ")


def _text(key: str, value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if key.endswith("_s") and fits(value, Number):
        return cell.duration(float(value))
    return ", ".join(map(str, value)) if isinstance(value, list) else f"{value}"


def _command(argv: Any) -> str:
    return shlex.join(map(str, argv)) if isinstance(argv, (list, tuple)) else ""


def _printed(text: object) -> str:
    return cut(printable(str(text)), COLUMNS)
