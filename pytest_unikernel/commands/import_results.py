"""``pytest-unikernel import``."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_unikernel.commands.command import PROGRAM, Command
from pytest_unikernel.commands.output import (
    STREAM,
    deliver,
    json_text,
    note,
    refuse_no_file,
    show,
)
from pytest_unikernel.errors import BuildError, ResultFileError

if TYPE_CHECKING:
    from pytest_unikernel.importers.inputs import InputFile
    from pytest_unikernel.importers.pool import Pooled
    from pytest_unikernel.importers.readings import ImportFormat

TYPES = ("linux", "linux-kvm", "rust", "docker", "process", "podman", "osv")
SHOWN = 5
EXAMPLES = f"""\
examples:
  {PROGRAM} import Results/ -o 2020.json         tables of means
  {PROGRAM} import rust-output-r0.5/ rust-results-r0.5.txt -o old.json
  {PROGRAM} import out/ --type linux --time-step 0.5 -o old.json
  {PROGRAM} import ts.json -o urunc.json         from measure_to_json.py
  pytest benchmarks/ -m sweep --benchmark-compare=2020.json

Formats:
  kernel-benchmark-instances   one file per launch, with timestamps; the type
                               is recognised by content; latency and success
                               as the scripts define them
  kernel-benchmark-results     BEGIN, END, and an id per exit: throughput
  kernel-benchmark-tables      latency.tsv (s), throughput.tsv (per minute),
                               raw_latency.tsv (s, without contention), the
                               same as .csv; avg_perfs.csv (both)
  urunc-measurements           the JSON of measure_to_json.py
Installed packages add formats by the hook pytest_unikernel_import_formats.

Files of the same target and time step become one record. The time step is part
of the name of the file or directory (-r0.5), or is given by --time-step.
Values that a file does not have are null, never guessed. Nothing is written
unless every file could be read.
"""


def _describe(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EXAMPLES
    parser.add_argument(
        "inputs", nargs="+", type=Path, metavar="DIR|FILE", help="results to import; they are only read"
    )
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="FILE",
        help="the file to write, as pytest-benchmark's JSON; - is standard output",
    )
    parser.add_argument("--force", action="store_true", help="replace FILE if it exists")
    parser.add_argument(
        "--type",
        choices=TYPES,
        help="type of the instances, which decides how files are read; default: by content, then by name",
    )
    when = parser.add_mutually_exclusive_group()
    when.add_argument(
        "--time-step",
        type=_time_step,
        metavar="SECONDS",
        help="time step of results whose names do not have it: 0.5, 1/1024",
    )
    when.add_argument("--cold", action="store_true", help="the launches were made without contention")
    parser.add_argument(
        "--format", metavar="NAME", help="read this format only; default: recognised by name and content"
    )
    parser.add_argument(
        "--target", metavar="NAME", help="name of the target, such as 'linux_vm[debian]'; default: by type"
    )
    parser.add_argument(
        "--fullname",
        metavar="TEMPLATE",
        help="name of the tests to compare the results with: "
        "'benchmarks/test_it.py::test_{target}[{timestep}]'; results without contention get _cold instead of "
        "[...]; default: the tests of this project's benchmarks/",
    )
    for name, text in (("window", "window"), ("warmup", "warm-up")):
        parser.add_argument(
            f"--{name}",
            type=_seconds,
            metavar="SECONDS",
            help=f"duration of the {text} in the imported runs; default: unknown",
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
    deliver(parsed.output, json_text(made))
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
        raise ResultFileError(f"expected results to import, got none in {where}; --help lists the formats")
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
        note(f"{PROGRAM}: ignored files of unknown format: {', '.join(paths[:SHOWN])}{more}")


def _named(said: list[Any], name: str) -> list[Any]:
    """Return the readings under the target's name that the user gave."""
    from dataclasses import replace  # noqa: PLC0415 - see Command

    from pytest_unikernel.importers.names import named_subject  # noqa: PLC0415 - see Command

    targets = list(dict.fromkeys(reading.subject.target for _, reading in said))
    if len(targets) > 1:
        raise ResultFileError(f"--target: expected files of one target, got files of {', '.join(targets)}")
    return [(format_, replace(each, subject=named_subject(name, each.subject))) for format_, each in said]


COMMAND = Command(
    ("import",),
    "Import results of the kernel-benchmark scripts or of urunc's scripts.",
    _describe,
    _run,
)
