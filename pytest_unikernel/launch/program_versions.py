"""The versions of the programs that a target launches, for targets that don't report their own.

``PROGRAM --version`` is asked of installed binaries only: the GNU Coding Standards demand the option, and the
systems' packages follow. Scripts, and programs in directories of users, may do anything when they are
called: they are named by their hash and not called, as programs are that have no answer.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from pytest_unikernel.host.asking import ask
from pytest_unikernel.launch.cleanup import leftovers
from pytest_unikernel.plan.target_fields import TargetFields

PATIENCE_S = 1.0
MOST_BYTES = 1 << 16  # of any file that the program writes, its output included
# The limit has to be there before the program is; ulimit's unit is 512 bytes. Source: POSIX, sh, ulimit.
BOUNDED = ("/bin/sh", "-c", f'ulimit -c 0; ulimit -f {MOST_BYTES // 512} && exec "$0" --version')
MOST_HASHED_BYTES = 256 << 20
SHOWN_COLUMNS, SHOWN_DIGITS = 80, 16
ELF = b"\x7fELF"
# Where packages put programs. Source: the Filesystem Hierarchy Standard 3.0; Nix, Guix, Snap.
INSTALLED = ("/usr", "/bin", "/sbin", "/opt", "/nix/store", "/gnu/store", "/snap")
KEPT = ("PATH", "LD_LIBRARY_PATH")  # of the environment


def versions_of(target: TargetFields) -> dict[str, str]:
    """Return the versions of a target's programs, by their names."""
    called = [] if target.supervisor is not None else target.argv[:1]
    return program_versions((*called, *target.requires), target.env.get("PATH"), target.cwd)


def program_versions(
    programs: Iterable[str | os.PathLike[str]], path: str | None = None, cwd: str | None = None
) -> dict[str, str]:
    """Return what is known of the versions of programs; one that isn't there is left out.

    Args:
        programs: names on PATH, or paths.
        path: the PATH; by default this process's.
        cwd: the directory of relative paths.
    """
    found: dict[str, str] = {}
    for program in [os.fspath(each) for each in programs]:
        file = Path(cwd or "", program) if os.sep in program else shutil.which(program, path=path)
        with contextlib.suppress(OSError):
            status = os.stat(file or program)  # noqa: PTH116 - of either kind
            known = (os.path.abspath(file or program), status.st_mtime_ns, status.st_size)  # noqa: PTH100
            version = _version(*known)
            found |= {Path(program).name: version} if version else {}
    return found


@functools.cache
def _version(file: str, changed_ns: int, size: int) -> str:
    """Return a program's own first line, or its hash; once per process and state of the file."""
    del changed_ns
    if is_asked(file):
        line = _own_line(file)
        if line:
            return line
    return _hash(file) if size <= MOST_HASHED_BYTES else ""


def is_asked(file: str) -> bool:
    """Whether a program is called for its version: an installed binary."""
    real = os.path.realpath(file)
    if not any(real.startswith(f"{place}/") for place in INSTALLED):
        return False
    with open(real, "rb") as program:  # noqa: PTH123
        return program.read(len(ELF)) == ELF


def _own_line(file: str) -> str:
    """Return the first line with a digit that ``--version`` prints; empty if there is none.

    The program has no terminal and no input, a directory and an environment of its own, and a second. What it
    has started is ended by the token in its environment, even if it left the process group.
    """
    token = os.urandom(16).hex()
    with tempfile.TemporaryDirectory(prefix="unikernel-") as directory:
        environment = {key: os.environ[key] for key in KEPT if key in os.environ}
        environment |= {"HOME": directory, "TMPDIR": directory, "LC_ALL": "C", "UNIKERNEL_SESSION": token}
        try:
            answer = ask(*BOUNDED, file, within_s=PATIENCE_S, environment=environment, directory=directory)
        except (OSError, subprocess.TimeoutExpired):
            return ""
        finally:
            leftovers.sweep(token)
    if answer.status != 0:
        return ""
    return _line_of(answer.out) or _line_of(answer.error)  # some print it as an error: java -version


def _line_of(output: bytes) -> str:
    text = "".join(each if each.isprintable() else "\n" for each in output.decode(errors="replace"))
    lines = (line.strip() for line in text.splitlines())
    line = next((line for line in lines if re.search(r"[0-9]", line)), "")
    return line if len(line) <= SHOWN_COLUMNS else f"{line[: SHOWN_COLUMNS - 1]}…"


def _hash(file: str) -> str:
    import hashlib  # noqa: PLC0415 - slow to import, and few programs are named by their hash

    digest = hashlib.sha256()
    with open(file, "rb") as program:  # noqa: PTH123
        while part := program.read(1 << 20):
            digest.update(part)
    return f"sha256:{digest.hexdigest()[:SHOWN_DIGITS]}"
