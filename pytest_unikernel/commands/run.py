"""``pytest-unikernel run``: loads without a test, as easily as hyperfine times commands."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_unikernel.bench.settings import checked, one_step
from pytest_unikernel.commands.command import PROGRAM, Command
from pytest_unikernel.commands.output import note, show
from pytest_unikernel.commands.run_target import READY, target_of
from pytest_unikernel.commands.run_words import WORDING, flag
from pytest_unikernel.plan.option_table import OPTIONS, Option
from pytest_unikernel.plan.readers import whole
from pytest_unikernel.text.none_completed import none_completed_text

if TYPE_CHECKING:
    from pytest_unikernel.bench.results import BenchResult
    from pytest_unikernel.commands.run_bench import RunBench
    from pytest_unikernel.plan.target import Target

    Load = Callable[[RunBench, Target], object]

DONE, FAILED, USAGE = 0, 1, 2
LAUNCHES = 10
SHARED = tuple(option for option in OPTIONS if not option.pytest_only)
STEPS_ONLY = ("time_steps", "knee")  # either means a sweep
EXAMPLES = f"""\
examples:
  {PROGRAM} run -- ./prog --its-own=option       {LAUNCHES} cold starts
  {PROGRAM} run --rate 64 -- ./prog              64 launches per second
  {PROGRAM} run --sweep --json out.json -- ./prog
                                                 1 s, 1/2 s ... between launches
  {PROGRAM} run rust_kernel --sweep --knee       a usual target: its knee
  {PROGRAM} run --ready port -- redis-server --port {{port}} --dir {{dir}}
  {PROGRAM} run --ready line:READY --cold 20 -- ./prog
  {PROGRAM} compare old.json out.json

TARGET is a name as {PROGRAM} doctor lists them. All that follows -- is the
command and its arguments, as they are: no shell reads them.
--cold (the default) launches one instance after the other, and one before them
that is not measured. --rate and --time-step launch on a schedule, whether or
not earlier instances have ended; --sweep does so at one time step after the
other, until one is not ok.

The live line and a line per load go to standard error, the tables to standard
output. FILE is written after each load, as --benchmark-json would be, with
what was measured until then: {PROGRAM} compare and report read it, and
--benchmark-compare and --resume do.

Exit status: 0 if launches completed in each load and none was failing, 1 if
not, or if the target can't run here; 2 for a wrong command line; 130 after
Ctrl-C, 143 after SIGTERM: what was measured is shown and saved.
"""


def _describe(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.usage = f"{PROGRAM} run [options] (TARGET | -- COMMAND [ARGUMENT ...])"
    parser.epilog = EXAMPLES
    parser.set_defaults(show_help=parser.print_help)
    parser.add_argument(
        "target", nargs="?", metavar="TARGET", help="a usual target: rust_kernel, linux_vm[kvm]"
    )
    _describe_load(parser)
    _describe_target(parser)
    _describe_results(parser)
    shared = parser.add_argument_group("settings, as pytest's --sweep-... have them")
    for option in SHARED:
        shared.add_argument(f"--{_word(option)}", help=_help(option), **_how(option))


def _word(option: Option) -> str:
    return option.name.replace("_", "-")


def _how(option: Option) -> dict[str, Any]:
    if option.is_switch:
        return {"action": "store_const", "const": True, "default": None}
    return {"metavar": option.metavar, "default": None}


def _help(option: Option) -> str:
    return f"{option.help} (default: {option.shown})".replace("%", "%%")


def _describe_load(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the load (default: --cold)")
    load = group.add_mutually_exclusive_group()
    load.add_argument(
        "--cold",
        nargs="?",
        const=LAUNCHES,
        metavar="N",
        help=f"N launches, one after the other (default: {LAUNCHES})",
    )
    load.add_argument("--rate", metavar="HZ", help="launches per second")
    load.add_argument("--time-step", metavar="SECONDS", help="time between launches: 0.5, 1/64")
    load.add_argument(
        "--sweep", action="store_true", help="a load at each time step (those of --time-steps), slow to fast"
    )


def _describe_target(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the target")
    group.add_argument("--name", metavar="NAME", help="name of a command (default: its program's)")
    group.add_argument("--ready", metavar="WHEN", help=f"when an instance is ready: {READY} (default: exit)")
    group.add_argument(
        "--long-lived",
        action=argparse.BooleanOptionalAction,
        help="a ready instance has succeeded, and is stopped (default: with port and http only)",
    )
    group.add_argument(
        "--env",
        action="append",
        metavar="NAME=VALUE",
        help="added to the environment; may be given several times",
    )
    group.add_argument(
        "--exit-status", metavar="LIST", help="exit statuses that mean success: 0,33 (default: 0)"
    )


def _describe_results(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("results")
    group.add_argument("--json", metavar="FILE", help="file for the results, as --benchmark-json writes it")
    group.add_argument(
        "--report", metavar="DIR", help="directory for a report: an HTML page, figures, tables"
    )
    group.add_argument(
        "--resume",
        metavar="FILE",
        help="results of an interrupted run: loads that are in it are not run again",
    )


def _run(parsed: argparse.Namespace) -> int:
    _tell_apart(parsed)
    if not parsed.target and not parsed.program:
        parsed.show_help()
        note(f"{PROGRAM} run: expected TARGET, or -- COMMAND, got neither")
        return USAGE
    _check(parsed)
    settings = _settings(parsed)
    how = _how_to_load(parsed)
    return _measured(parsed, target_of(parsed), how, settings)


def _tell_apart(parsed: argparse.Namespace) -> None:
    """Take the word after --cold as the target where it is no number and there is nothing else to launch."""
    cold = parsed.cold
    if isinstance(cold, str) and not (parsed.target or parsed.program) and cold[:1].isalpha():
        parsed.target, parsed.cold = cold, LAUNCHES


def _check(parsed: argparse.Namespace) -> None:
    """Refuse a command line that contradicts itself."""
    if parsed.target and parsed.program:
        parsed.refuse(f"expected TARGET or -- COMMAND, got both: {parsed.target!r} and {parsed.program[0]!r}")
    if parsed.name is not None and not parsed.program:
        parsed.refuse("--name names a command, got a TARGET, which has a name")
    sweeps = [flag(name) for name in STEPS_ONLY if getattr(parsed, name) is not None]
    others = [name for name in ("cold", "rate", "time_step") if getattr(parsed, name) is not None]
    if sweeps and others:
        parsed.refuse(f"{sweeps[0]} is for --sweep, got {flag(others[0])} too")


def _how_to_load(parsed: argparse.Namespace) -> Load:
    """Return the function that runs the load, or the loads, of a command line."""
    if parsed.rate is not None or parsed.time_step is not None:
        one_step(parsed.rate, parsed.time_step, WORDING)
        return lambda bench, target: bench.load(target, rate_hz=parsed.rate, time_step=parsed.time_step)
    if parsed.sweep or any(getattr(parsed, name) is not None for name in STEPS_ONLY):
        return lambda bench, target: bench.sweep(target)
    try:
        launches = whole("--cold")(LAUNCHES if parsed.cold is None else parsed.cold)
    except ValueError as error:
        parsed.refuse(str(error))
        raise
    return lambda bench, target: bench.cold(target, launches)


def _settings(parsed: argparse.Namespace) -> dict[str, Any]:
    """Return the values of the shared options that were given.

    Raises:
        SettingError: a value is wrong; the text names the option.
    """
    given = {option.name: getattr(parsed, option.name) for option in SHARED}
    given = {name: value for name, value in given.items() if value is not None}
    checked(given, WORDING.call(""), flag)
    return given


def _measured(parsed: argparse.Namespace, target: Target, load: Load, settings: dict[str, Any]) -> int:
    """Run the loads; whatever ends them, show what was measured. It is saved after each load."""
    from pytest_unikernel.commands.early import imports, session  # noqa: PLC0415 - see Command

    _check_report(parsed.report)
    with session() as started:
        with imports(alone=parsed.alone):
            from pytest_unikernel.commands.run_bench import RunBench  # noqa: PLC0415 - see Command
            from pytest_unikernel.run.held_signals import HeldSignals  # noqa: PLC0415 - see Command

        bench = RunBench(started, json=parsed.json, resume=parsed.resume, **settings)
        try:
            load(bench, target)
        finally:
            with HeldSignals() as held:
                bench.close()
                _show(bench, parsed.report)
            if held.first:
                signal.raise_signal(held.first)
    return FAILED if bench.warned or any(map(_failed, bench.results)) else DONE


def _failed(result: BenchResult) -> bool:
    return not result.completed or result.verdict == "failing"


def _check_report(directory: str | None) -> None:
    """Refuse a report that can't be made, before the first load.

    Raises:
        ReportError: the drawing library is missing, or the directory can't take a report.
    """
    if directory is not None:
        from pytest_unikernel.report import render, writing  # noqa: PLC0415 - see Command

        render.check_library()
        writing.check_directory(Path(directory))


def _show(bench: RunBench, directory: str | None) -> None:
    """Show the tables; make the report."""
    if not bench.results:
        return
    show(f"{bench}\n")
    for result in bench.results:
        if not result.completed and not result.interrupted:
            note(f"{PROGRAM}: {none_completed_text(result.as_json())}")
    if directory is not None:
        show(f"report: {bench.report(directory)}\n")


COMMAND = Command(
    ("run",),
    "Measure how fast a target or a command starts, without a test.",
    _describe,
    _run,
    takes_program=True,
)
