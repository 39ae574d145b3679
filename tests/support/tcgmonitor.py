"""A monitor for urunc on machines without usable KVM: ``python tcgmonitor.py`` makes it.

The command prints the monitor's path. urunc starts QEMU with ``-enable-kvm -cpu host``, in a root directory
with little more than /usr/lib. So a wrapper and a copy of QEMU are put there; ``python tcgmonitor.py remove``
removes them.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

DIRECTORY = Path("/usr/lib/pytest-unikernel-tcg")
NAME = "qemu-system-x86_64"  # urunc mounts QEMU's data only for names that begin with qemu
SOURCE = Path(__file__).with_name("tcg_monitor.c")
PATIENCE_S = 60.0


def why_not() -> str:
    """Return the reason why the monitor cannot be made here; empty if it can."""
    missing = [program for program in ("cc", NAME) if shutil.which(program) is None]
    if missing:
        return f"no {' and no '.join(missing)} on PATH (install gcc libc6-dev qemu-system-x86)"
    parent = DIRECTORY.parent
    try:
        DIRECTORY.mkdir(exist_ok=True)
    except OSError as error:
        return f"can't write into {str(parent)!r}: {error.strerror} (run as root)"
    return ""


def make() -> Path:
    """Make the wrapper; return its path, in a directory with the real QEMU."""
    DIRECTORY.mkdir(exist_ok=True)
    real, made = DIRECTORY / "real", DIRECTORY / NAME
    if not real.exists():
        shutil.copy(_qemu(), DIRECTORY / "new")
        (DIRECTORY / "new").replace(real)
    if not made.exists():
        new = DIRECTORY / "new-wrapper"
        defined = [f'-DDIRECTORY="{DIRECTORY}"', f'-DMODULES="{_modules()}"']
        argv = ["cc", "-static", "-O2", "-Wall", "-Werror", *defined, "-o", str(new)]
        subprocess.run([*argv, str(SOURCE)], check=True, timeout=PATIENCE_S)
        new.replace(made)
    return made


def _qemu() -> str:
    found = shutil.which(NAME)
    assert found is not None, why_not()
    return found


def _modules() -> Path:
    """Return the directory of QEMU's modules, which include TCG."""
    found = sorted(DIRECTORY.parent.glob("*/qemu/accel-tcg-x86_64.so"))
    return found[0].parent if found else DIRECTORY


def remove() -> None:
    """Remove the wrapper and the copy."""
    shutil.rmtree(DIRECTORY, ignore_errors=True)


if __name__ == "__main__":
    if sys.argv[1:] == ["remove"]:
        remove()
    else:
        print(make())  # noqa: T201 - the answer of a command
