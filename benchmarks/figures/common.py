"""Shared by the figure scripts: compiling the C programs, running one load, alternating, medians."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from tabulate import tabulate

HERE = Path(__file__).parent
COMPILE = ("-std=c11", "-O2", "-Wall", "-Wextra", "-Werror")
BARE = ("-static", "-nostdlib", "-ffreestanding", "-fno-stack-protector")
T = TypeVar("T")


def compile_c(name: str, directory: Path, *flags: str) -> Path:
    """Compile one of the C programs beside this file."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        sys.exit(f"{Path(sys.argv[0]).name}: no C compiler on PATH; apt-get install gcc libc6-dev")
    binary = directory / name
    subprocess.run([compiler, *COMPILE, *flags, "-o", str(binary), str(HERE / f"{name}.c")], check=True)
    return binary


class Ran(NamedTuple):
    """The cost of a run of a command."""

    wall_s: float
    cpu_s: float
    peak_mib: float


def run_ourselves(*arguments: str) -> Ran:
    """Run ``pytest-unikernel`` with the arguments once, its output unread; a failure ends the script."""
    argv = [sys.executable, "-m", "pytest_unikernel.commands.main", *arguments]
    begin_s = time.perf_counter()
    child = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    wall_s = time.perf_counter() - begin_s
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{' '.join(argv)} ended with {child.returncode}")
    return Ran(wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def run_json(argv: Sequence[str]) -> dict[str, Any]:
    """Run a program that prints one JSON object; its errors go to our stderr."""
    done = subprocess.run(argv, stdout=subprocess.PIPE, check=True, stdin=subprocess.DEVNULL)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def run_ours(step: str, window_s: float, command: Sequence[str], *options: str) -> dict[str, Any]:
    """Run one load by our generator in a process of its own and return its record."""
    return run_json([sys.executable, str(HERE / "ours.py"), *options, step, str(window_s), *command])


def alternate(pairs: int, first: Callable[[], T], second: Callable[[], T]) -> list[tuple[T, T]]:
    """Run both, again and again, each going first half of the time."""
    done = []
    for number in range(pairs):
        if number % 2 == 0:
            left = first()
            right = second()
        else:
            right = second()
            left = first()
        done.append((left, right))
        print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return done


def compared(name: str, pairs: Iterable[tuple[float, float]], digits: int = 4) -> list[str]:
    """Return a row: the name, both medians, the median of the pairs' ratios and their range."""
    both = list(pairs)
    ratios = sorted(left / right for left, right in both)
    medians = [statistics.median(side) for side in zip(*both, strict=True)]
    shown = [f"{median:.{digits}g}" for median in medians]
    return [name, *shown, f"{statistics.median(ratios):.2f}", f"{ratios[0]:.2f}-{ratios[-1]:.2f}"]


def show(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table."""
    print(f"\n{title}")
    print(tabulate(rows, headers=heads, disable_numparse=True), flush=True)
