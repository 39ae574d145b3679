"""Small C programs for guests, shipped built: a C compiler isn't everywhere; a test rebuilds them."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from pytest_unikernel.errors import BuildError

GUESTS = Path(__file__).resolve().parent.parent
# Static and without a C library; no section that a loader or debugger would want.
FLAGS = (
    *("-Os", "-std=c11", "-Wall", "-Wextra", "-Werror", "-ffreestanding"),
    *("-static", "-nostdlib", "-no-pie", "-s"),
    *("-fno-stack-protector", "-fno-asynchronous-unwind-tables", "-fno-ident", "-fcf-protection=none"),
    "-Wl,--build-id=none,-z,noexecstack,-z,norelro",
)
PATIENCE_S = 60.0


@dataclass(frozen=True)
class BuildNote:
    """The inputs of a shipped file, in the JSON beside it."""

    compiler: str
    source_sha256: str
    sha256: str


class StaticProgram(NamedTuple):
    """A program of one C file; ``name`` is the built one, in the directory of its source."""

    directory: Path
    name: str

    @property
    def source(self) -> Path:
        """The C file."""
        return self.directory / f"{self.name}.c"

    @property
    def shipped(self) -> Path:
        """The program that comes with the package."""
        return self.directory / self.name

    @property
    def note(self) -> BuildNote:
        """The inputs of the shipped program."""
        return BuildNote(**json.loads(self._note.read_text(encoding="utf-8")))

    @property
    def _note(self) -> Path:
        return self.directory / f"{self.name}.json"

    def build(self, output: Path) -> BuildNote:
        """Build the program with ``cc``.

        Raises:
            BuildError: no C compiler, or it failed.
        """
        compiler = shutil.which("cc")
        if compiler is None:
            raise BuildError("no C compiler `cc` on PATH; apt-get install gcc libc6-dev")
        built = subprocess.run(
            [compiler, *FLAGS, "-o", output.name, str(self.source)],
            cwd=output.parent,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        if built.returncode:
            last = built.stderr[-2000:]
            raise BuildError(f"{compiler} can't build {str(self.source)!r}", last)
        version = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True)
        return BuildNote(version.stdout.partition("\n")[0], _sha256(self.source), _sha256(output))

    def ship(self) -> Path:
        """Build the program into the package, with the note about it."""
        made = self.build(self.shipped)
        self._note.write_text(json.dumps(asdict(made), indent=2) + "\n", encoding="utf-8")
        return self.shipped


LINUX_INIT = StaticProgram(GUESTS / "linux", "init")
HELLO = StaticProgram(GUESTS / "hello", "hello")
URUNC_LAUNCH = StaticProgram(GUESTS / "urunc", "launch")
PROGRAMS = (LINUX_INIT, HELLO, URUNC_LAUNCH)


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


if __name__ == "__main__":
    for program in PROGRAMS:
        print(program.ship())  # noqa: T201  # the answer of a command
