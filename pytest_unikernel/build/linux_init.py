"""The minimal guest's first process: shipped built, because a C compiler isn't everywhere.

``python -m pytest_unikernel.build.linux_init`` builds it anew and notes with what.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

from pytest_unikernel.errors import BuildError

GUEST = Path(__file__).resolve().parent.parent / "guests" / "linux"
SOURCE, SHIPPED, NOTE = GUEST / "init.c", GUEST / "init", GUEST / "init.json"
# Static and without a C library; no section that a loader or debugger would want.
FLAGS = (
    *(
        "-Os",
        "-std=c11",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-ffreestanding",
        "-static",
        "-nostdlib",
        "-no-pie",
        "-s",
    ),
    *("-fno-stack-protector", "-fno-asynchronous-unwind-tables", "-fno-ident", "-fcf-protection=none"),
    "-Wl,--build-id=none,-z,noexecstack,-z,norelro",
)
PATIENCE_S = 60.0


@dataclass(frozen=True)
class InitNote:
    """What the shipped file was made of, in ``init.json``."""

    compiler: str
    source_sha256: str
    sha256: str


def shipped_init() -> Path:
    """Return the init that comes with the package."""
    return SHIPPED


def shipped_note() -> InitNote:
    """Return what the shipped file was made of."""
    return InitNote(**json.loads(NOTE.read_text(encoding="utf-8")))


def build_init(output: Path) -> InitNote:
    """Build the init with ``cc``.

    Raises:
        BuildError: no C compiler, or it failed.
    """
    compiler = shutil.which("cc")
    if compiler is None:
        raise BuildError("no C compiler `cc` on PATH; apt-get install gcc libc6-dev")
    built = subprocess.run(
        [compiler, *FLAGS, "-o", output.name, str(SOURCE)],
        cwd=output.parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    if built.returncode:
        raise BuildError(f"{compiler} can't build {str(SOURCE)!r}; its last lines:\n{built.stderr[-2000:]}")
    version = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True)
    return InitNote(version.stdout.partition("\n")[0], _sha256(SOURCE), _sha256(output))


def ship_init() -> Path:
    """Build the init into the package, with the note about it."""
    note = build_init(SHIPPED)
    NOTE.write_text(json.dumps(asdict(note), indent=2) + "\n", encoding="utf-8")
    return SHIPPED


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


if __name__ == "__main__":
    print(ship_init())  # noqa: T201  # the answer of a command
