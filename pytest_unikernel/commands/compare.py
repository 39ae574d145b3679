"""``pytest-unikernel compare``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_unikernel.commands.command import PROGRAM, Command
from pytest_unikernel.commands.output import STREAM, deliver, json_text, note, refuse_no_place, show

if TYPE_CHECKING:
    from pytest_unikernel.compare.saved_runs import Compared
    from pytest_unikernel.plan.tolerances import Tolerance
    from pytest_unikernel.results.comparison import Comparison, Regression

EXAMPLES = f"""\
examples:
  {PROGRAM} compare before.json after.json
  {PROGRAM} compare before.json after.json --fail throughput:20%,p50:20%,knee:20%
  several runs of each side, measured in turn, so that a drift of the host
  affects both sides equally:
  {PROGRAM} compare before1.json after1.json before2.json after2.json
  two targets whose trials took turns in the rounds of one run:
  {PROGRAM} compare run.json --between linux_process "linux_process[b]"

The statistical unit is the trial: with fewer than 5 trials on each side the
answer is "no evidence"; --between needs 8 pairs. Files are written by
--benchmark-json, --benchmark-save or --benchmark-autosave. The samples that
--benchmark-save-data adds are not needed.
Exit status: 0; 1 with --fail, if a metric is worse than its limit; 2 if a file
can't be compared; 75 with --fail, if nothing is worse but no metric with a
limit could be tested.
"""


def _describe(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EXAMPLES
    parser.add_argument("old", metavar="BEFORE.json", type=Path, help="the baseline")
    parser.add_argument(
        "new", metavar="AFTER.json", type=Path, nargs="?", help="the run to compare with the baseline"
    )
    parser.add_argument(
        "more",
        metavar="BEFORE.json AFTER.json",
        type=Path,
        nargs="*",
        help="more runs of both sides; their trials are added",
    )
    parser.add_argument(
        "--between",
        nargs=2,
        metavar=("A", "B"),
        help="compare two targets of the same run, or of runs made in turn: their names, or those of their "
        "tests; the trials of a round are a pair, and what changed on the host affects both",
    )
    parser.add_argument(
        "--fail",
        metavar="METRIC:PERCENT,...",
        help="end with status 1 if a metric is worse by more than PERCENT with statistical evidence, or "
        "if a time step that was ok no longer is; with 75 if no such metric could be tested; metrics: "
        "throughput, knee, p50, p90, p99, failure_rate",
    )
    parser.add_argument(
        "--busy",
        action="store_true",
        help="compare although other work kept the host busy in one of the runs; default: such figures are "
        "no evidence",
    )
    parser.add_argument(
        "--as-measured",
        action="store_true",
        help="compare response times as measured; default: corrected for the speed of the host, as far as "
        "the trials show a dependence on it; not if the kernel or another fact of the machine differs",
    )
    parser.add_argument(
        "--json",
        metavar="FILE",
        help="also write all figures to FILE; - writes them to standard output instead of the tables",
    )


def _run(parsed: argparse.Namespace) -> int:
    from pytest_unikernel.compare.limits import regressions  # noqa: PLC0415 - see Command
    from pytest_unikernel.compare.saved_runs import compare_files  # noqa: PLC0415 - see Command

    files: list[Path] = [path for path in (parsed.old, parsed.new, *parsed.more) if path is not None]
    limits = _checked(parsed, files)
    if parsed.between is not None:
        return _between(parsed, files, limits)
    lifted = {"as_measured": parsed.as_measured, "despite_busy": parsed.busy}
    compared = compare_files(files[::2], files[1::2], **lifted)
    found = list(regressions(compared.comparison, limits)) if limits else []
    _write(parsed.json, compared, found)
    return _status(found, compared.comparison, limits)


def _status(found: Sequence[Regression], comparison: Comparison, limits: Sequence[Tolerance]) -> int:
    """Name what is worse, or why nothing could be tested; return the exit status."""
    from pytest_unikernel.compare.limits import UNTESTED, could_test  # noqa: PLC0415 - see Command
    from pytest_unikernel.text.comparison import regression_lines, untested_lines  # noqa: PLC0415 - see Command

    for line in regression_lines(found):
        note(f"{PROGRAM}: worse: {line}")
    if found or not limits or could_test(comparison, limits):
        return 1 if found else 0
    for line in untested_lines(comparison, "--fail", "--busy"):
        note(f"{PROGRAM}: {line}")
    return UNTESTED


def _checked(parsed: argparse.Namespace, files: Sequence[Path]) -> tuple[Tolerance, ...]:
    """Refuse an odd number of files, malformed limits, and an output that would replace a run."""
    from pytest_unikernel.plan.tolerances import parse  # noqa: PLC0415 - see Command

    if parsed.between is not None and (parsed.busy or parsed.as_measured):
        parsed.refuse(
            "--busy and --as-measured mean nothing with --between: what changed on the host affects both"
        )
    if len(files) % 2 and parsed.between is None:
        parsed.refuse(f"expected pairs of files, before and after, got {len(files)} files")
    refuse_no_place(parsed, files)
    try:
        return () if parsed.fail is None else parse(parsed.fail, "--fail")
    except ValueError as error:
        parsed.refuse(str(error))
        raise


def _between(parsed: argparse.Namespace, files: Sequence[Path], limits: Sequence[Tolerance]) -> int:
    """Compare two targets; the status says whether the second one is worse by more than the limits."""
    from pytest_unikernel.compare.between import between_files  # noqa: PLC0415 - see Command
    from pytest_unikernel.compare.document import document  # noqa: PLC0415 - see Command
    from pytest_unikernel.compare.limits import regressions  # noqa: PLC0415 - see Command
    from pytest_unikernel.text.between import between_lines  # noqa: PLC0415 - see Command

    found = between_files(files, *parsed.between)
    worse = list(regressions(found.comparison, tuple(limits))) if limits else []
    if parsed.json is not None:
        deliver(parsed.json, json_text(document(found.comparison, (), worse)))
    if parsed.json != STREAM:
        lines = between_lines(
            found.comparison, found.shown, found.first, found.second, in_rounds=found.in_rounds
        )
        show("\n".join(lines) + "\n")
    return _status(worse, found.comparison, limits)


def _write(where: str | None, compared: Compared, found: Sequence[object]) -> None:
    from pytest_unikernel.compare.document import document  # noqa: PLC0415 - see Command

    if where is not None:
        deliver(where, json_text(document(compared.comparison, compared.machine, found)))  # type: ignore[arg-type]
    if where != STREAM:
        show("\n".join(compared.lines()) + "\n")


COMMAND = Command(
    ("compare",),
    "Compare two saved runs: changes, their confidence intervals, and regressions.",
    _describe,
    _run,
)
