"""``pytest-unikernel report``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_unikernel.commands.command import PROGRAM, Command
from pytest_unikernel.commands.output import note, show

if TYPE_CHECKING:
    from pytest_unikernel.report.series import Document
    from pytest_unikernel.results.comparison import Comparison
    from pytest_unikernel.results.record import Record

EXAMPLES = f"""\
examples:
  pytest benchmarks/ --benchmark-json=out.json
  {PROGRAM} report out.json -o report
  {PROGRAM} report vms.json containers.json -o report     both together
  {PROGRAM} report out.json --baseline old.json -o report

All FILEs appear in the same figures; a target that is in several of them has
the name of the file beside its own. Baselines are drawn as dashed lines in the
colour of the same target. DIR then contains report.html, the figures as PNG and
SVG, and the numbers as CSV, TSV (a column per target) and Markdown. An earlier
report in DIR is replaced; other files are kept. The exit status is 2 if a FILE
has no results.
"""


def _describe(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EXAMPLES
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        type=Path,
        help="results: a file of --benchmark-json, or a saved run of pytest-benchmark",
    )
    parser.add_argument(
        "-o", dest="directory", metavar="DIR", type=Path, required=True, help="directory of the report"
    )
    parser.add_argument(
        "--baseline",
        action="append",
        default=[],
        metavar="FILE",
        type=Path,
        help="results to show beside FILE as a baseline; may be given several times",
    )


def _run(parsed: argparse.Namespace) -> int:
    from pytest_unikernel.extensions import report_sections  # noqa: PLC0415 - see Command
    from pytest_unikernel.report import reading, render, writing  # noqa: PLC0415 - see Command
    from pytest_unikernel.report.build import damage_notes, write_report  # noqa: PLC0415 - see Command
    from pytest_unikernel.report.series import Results  # noqa: PLC0415 - see Command
    from pytest_unikernel.text.grid import printable  # noqa: PLC0415 - see Command

    render.check_library()
    writing.check_directory(parsed.directory)
    more = report_sections()
    current, baseline = reading.read_documents(parsed.files), reading.read_documents(parsed.baseline)
    results = Results(current, baseline, _comparison(current, baseline))
    written = write_report(results, parsed.directory, more)
    for line in damage_notes(results):
        note(printable(line))
    show(f"{written}\n")
    return 0


def _comparison(current: Sequence[Document], baseline: Sequence[Document]) -> Comparison | None:
    """Return how they compare, by the records that are sound; None without a baseline."""
    from pytest_unikernel.compare.judging import compare  # noqa: PLC0415 - see Command
    from pytest_unikernel.compare.saved_run import machine_differences  # noqa: PLC0415 - see Command
    from pytest_unikernel.compare.sides import sides  # noqa: PLC0415 - see Command

    if not baseline or not current:
        return None
    was, now = (sides(map(_sound, documents)) for documents in (baseline, current))
    other = machine_differences(baseline[0].machine, current[0].machine)
    return compare(was, now, same_host=not other)


def _sound(document: Document) -> dict[str, Record]:
    from pytest_unikernel.results.record.check import Fault, checked  # noqa: PLC0415 - see Command

    known = {each.fullname: each.record for each in document.loads}
    return {name: record for name, record in known.items() if not isinstance(checked(record), Fault)}


COMMAND = Command(
    ("report",),
    "Make a report (page, figures, tables) of pytest-benchmark's JSON files.",
    _describe,
    _run,
)
