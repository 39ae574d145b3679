"""Checks of options' values that ask this host, for every face."""

from __future__ import annotations

import os
from pathlib import Path

from pytest_unikernel.plan.option_table import Option


def check_usable(cpus: frozenset[int], given: object) -> None:
    """Raise a ValueError if this process may not run on some of the CPUs."""
    usable = os.sched_getaffinity(0)
    if not cpus <= usable:
        shown = ",".join(map(str, sorted(usable)))
        raise ValueError(f"cpus must be among those this process may run on ({shown}), got {given!r}")


def located(option: Option, path: Path) -> Path:
    """Return the path; raise a ValueError if a file or a directory there is not of the option's kind."""
    if option.metavar == "FILE" and not path.is_file():
        raise ValueError(f"{option.name} must be a file that exists, got {str(path)!r}")
    if option.metavar == "FILE.md" and path.is_dir():
        raise ValueError(f"{option.name} must be a file, existing or new, got the directory {str(path)!r}")
    if option.metavar == "DIR" and path.exists() and not path.is_dir():
        raise ValueError(f"{option.name} must be a directory, existing or new, got {str(path)!r}")
    return path
