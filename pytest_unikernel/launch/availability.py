"""Why a target can't run here: programs that are missing, and what its own probe finds."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from pytest_unikernel.host.packages import install_cure
from pytest_unikernel.plan.target_fields import TargetFields, Unavailable


def why_not(target: TargetFields) -> Unavailable | None:
    """Return why a target can't run here, or None.

    First the programs that it requires, which its probe may call; then its probe; then the program of its
    argv, for which the probe may have the better words.

    Raises:
        Exception: the probe did.
    """
    for program in target.requires:
        missing = why_no_program(os.fspath(program), target)
        if missing is not None:
            return missing
    missing = target.probe() if target.probe is not None else None
    return missing or _why_no_argv(target)


def why_no_program(program: str, target: TargetFields) -> Unavailable | None:
    """Return why an instance of the target could not start a program; None if it could.

    Args:
        program: a name on the instance's PATH, or a path, relative to its working directory.
        target: has the PATH and the working directory.
    """
    if os.sep not in program:
        found = shutil.which(program, path=target.env.get("PATH"))
        return None if found else Unavailable(f"no {program} on PATH", install_cure(program))
    path = Path(target.cwd or "", program)
    if path.is_dir():
        return Unavailable(f"{program!r} is a directory, no program", "name the program in it")
    if not path.exists():
        return Unavailable(
            f"no program {program!r}{_where(path)}", "build or install it, or correct its path"
        )
    if not os.access(path, os.X_OK):
        return Unavailable(f"{program!r} is not executable", f"chmod +x {path}")
    return None


def _why_no_argv(target: TargetFields) -> Unavailable | None:
    """Return why the target's own program can't be started, as far as that is known before it is."""
    made_later = target.prepare is not None or target.supervisor is not None
    if made_later or not target.argv or "{" in target.argv[0]:
        return None
    if target.cwd is not None and not Path(target.cwd).is_dir():
        return Unavailable(f"no working directory {target.cwd!r}", "make it, or correct cwd=")
    return why_no_program(os.fspath(target.argv[0]), target)


def _where(path: Path) -> str:
    """Return where a relative path was looked up."""
    return "" if os.path.isabs(path) else f" in {str(Path.cwd())!r}"  # noqa: PTH117 - of the text
