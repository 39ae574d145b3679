"""``pytest-unikernel import``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_unikernel.commands.command import PROGRAM, Command
from pytest_unikernel.commands.output import (
    STREAM,
    deliver,
    note,
    refuse_no_file,
    show,
)
from pytest_unikernel.errors import BuildError, ResultFileError

if TYPE_CHECKING:
    from pytest_unikernel.importers.inputs import InputFile
    from pytest_unikernel.importers.pool import Pooled
    from pytest_unikernel.importers.readings import ImportFormat

TYPES = ("linux", "linux-kvm", "rust", "docker", "process")
SHOWN = 5
EXAMPLES = f"""\
examples:
  {PROGRAM} import Results/ -o 2020.json         their tables of means
  {PROGRAM} import rust-output-r0.5/ rust-results-r0.5.txt -o old.json
  {PROGRAM} import out/ --type linux --time-step 0.5 -o old.json
  {PROGRAM} import ts.json -o urunc.json         measure_to_json.py's
  pytest benchmarks/ -m sweep --benchmark-compare=2020.json

What is known:
  kernel-benchmark-instances   a file per launch, with its stamps; types by
                               content; latency and success by their rules
  kernel-benchmark-results     BEGIN/END and an id per exit: throughput
  kernel-benchmark-tables      latency.tsv (s), throughput.tsv (per minute),
                               raw_latency.tsv (s, without contention)
  urunc-measurements           what measure_to_json.py writes
and what installed packages add by the hook pytest_unikernel_import_formats.

Files of one target and time step become one record. The time step is that of
the file's or directory's name (-r0.5), or --time-step. What a file doesn't say
is null, never a guess. Nothing is written unless everything could be read.
"""


def _describe(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EXAMPLES
    parser.add_argument(
        "inputs", nargs="+", type=Path, metavar="DIR|FILE", help="what was measured; only read"
    )
    parser.add_argument(
        "-o", "--output", required=True, metavar="FILE", help="pytest-benchmark's JSON; - is standard output"
    )
    parser.add_argument("--force", action="store_true", help="replace FILE if it exists")
    parser.add_argument(
        "--type", choices=TYPES, help="whose rules hold; default: told by content, then by name"
    )
    when = parser.add_mutually_exclusive_group()
    when.add_argument(
        "--time-step", type=_time_step, metavar="SECONDS", help="where no name says it: 0.5, 1/1024"
    )
    when.add_argument("--cold", action="store_true", help="the launches were without contention")
    parser.add_argument("--format", metavar="NAME", help="only this one; default: told by name and content")
    parser.add_argument(
        "--target", metavar="NAME", help="call it so, as in 'linux_vm[debian]'; default: by type"
    )
    parser.add_argument(
        "--fullname",
        metavar="TEMPLATE",
        help="the tests that it is to be compared with: 'benchmarks/test_it.py::test_{target}[{timestep}]'; "
        "without contention _cold instead of [...]; default: those of this project's benchmarks/",
    )
    for name, text in (("window", "the window"), ("warmup", "the warm-up")):
        parser.add_argument(
            f"--{name}", type=_seconds, metavar="SECONDS", help=f"{text}, if you know it; default: unknown"
        )


def _time_step(value: str) -> Fraction:
    from pytest_unikernel.plan.schedule import parse_step  # noqa: PLC0415 - see Command

    try:
        return parse_step(value)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _seconds(value: str) -> float:
    from pytest_unikernel.plan.readers import seconds  # noqa: PLC0415 - see Command

    try:
        return float(seconds("it", zero=True)(value))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _run(parsed: argparse.Namespace) -> int:
    from pytest_unikernel.importers import summary  # noqa: PLC0415 - see Command
    from pytest_unikernel.importers.document import document  # noqa: PLC0415 - see Command
    from pytest_unikernel.importers.names import check_template  # noqa: PLC0415 - see Command
    from pytest_unikernel.importers.records import Stated  # noqa: PLC0415 - see Command

    if parsed.fullname is not None:
        check_template(parsed.fullname)
    _check_output(parsed)
    pooled = _read(parsed)
    made = document(pooled, Stated(parsed.window, parsed.warmup), parsed.fullname)
    text = json.dumps(made, indent=2) + "\n"
    deliver(parsed.output, text)
    if parsed.output != STREAM:
        show("\n".join(summary.lines(made["benchmarks"])) + "\n")
    return 0


def _check_output(parsed: argparse.Namespace) -> None:
    """Refuse an output that can't be written, or that would replace a file."""
    if parsed.output == STREAM:
        return
    output = Path(parsed.output)
    try:
        refuse_no_file(output)
    except BuildError as error:
        raise ResultFileError(str(error)) from None
    if output.is_file() and not parsed.force:
        raise ResultFileError(
            f"expected -o to name a new file, got {parsed.output!r}, which exists; --force replaces it"
        )


def _refuse_input(name: str, files: Iterable[InputFile]) -> None:
    """Refuse to replace an imported file. Names are compared first: there may be 200,000 files."""
    if name == STREAM or not Path(name).exists():
        return
    output = Path(name).resolve()
    for file in files:
        if file.name in {output.name, Path(name).name} and output.samefile(file.path):
            raise ResultFileError(f"expected -o to name another file than those imported, got {name!r}")


def _read(parsed: argparse.Namespace) -> list[Pooled]:
    from pytest_unikernel.importers.handed_over import handed_over_by  # noqa: PLC0415 - see Command
    from pytest_unikernel.importers.identify import identify, readings  # noqa: PLC0415 - see Command
    from pytest_unikernel.importers.inputs import found  # noqa: PLC0415 - see Command
    from pytest_unikernel.importers.pool import pool  # noqa: PLC0415 - see Command
    from pytest_unikernel.importers.readings import ImportOptions  # noqa: PLC0415 - see Command

    files = identify(found(parsed.inputs), _formats(parsed.format))
    _refuse_input(parsed.output, (file for each in files.known for file in each.files))
    _note_unknown(files.unknown)
    said = list(readings(files.known, ImportOptions(parsed.type, parsed.time_step, parsed.cold)))
    if not said:
        where = ", ".join(map(repr, map(str, parsed.inputs)))
        raise ResultFileError(f"expected results to import, got none in {where}; --help says what is known")
    if parsed.target is not None:
        said = _named(said, parsed.target)
    with handed_over_by(name for name, _ in said):
        return pool(said)


def _formats(name: str | None) -> list[ImportFormat]:
    from pytest_unikernel.extensions import import_formats  # noqa: PLC0415 - see Command

    formats = import_formats()
    chosen = [each for each in formats if name in (None, each.name)]
    if not chosen:
        known = ", ".join(each.name for each in formats)
        raise ResultFileError(f"--format: expected one of {known}, got {name!r}")
    return chosen


def _note_unknown(paths: Sequence[str]) -> None:
    if paths:
        more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
        note(f"{PROGRAM}: passed by, of no known format: {', '.join(paths[:SHOWN])}{more}")


def _named(said: list[Any], name: str) -> list[Any]:
    """Return the readings under the target's name that the user gave."""
    from dataclasses import replace  # noqa: PLC0415 - see Command

    from pytest_unikernel.importers.names import named_subject  # noqa: PLC0415 - see Command

    targets = list(dict.fromkeys(reading.subject.target for _, reading in said))
    if len(targets) > 1:
        raise ResultFileError(f"--target: expected files of one target, got those of {', '.join(targets)}")
    return [(format_, replace(each, subject=named_subject(name, each.subject))) for format_, each in said]


COMMAND = Command(
    ("import",),
    "Read old results, of the kernel-benchmark scripts' or urunc's, to compare them.",
    _describe,
    _run,
)
