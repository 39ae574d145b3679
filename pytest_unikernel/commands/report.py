"""``pytest-unikernel report``."""

from __future__ import annotations

import argparse
from pathlib import Path

from pytest_unikernel.commands.command import PROGRAM, Command
from pytest_unikernel.commands.output import show

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
    from pytest_unikernel.report.build import write_report  # noqa: PLC0415 - see Command
    from pytest_unikernel.report.series import Results  # noqa: PLC0415 - see Command

    render.check_library()
    writing.check_directory(parsed.directory)
    more = report_sections()
    results = Results(reading.read_documents(parsed.files), reading.read_documents(parsed.baseline))
    show(f"{write_report(results, parsed.directory, more)}\n")
    return 0


COMMAND = Command(
    ("report",),
    "Make a report (page, figures, tables) of pytest-benchmark's JSON files.",
    _describe,
    _run,
)
