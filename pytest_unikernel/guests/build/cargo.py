"""Runs cargo so that the result depends on the sources and the compiler, not on who builds where."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_unikernel.errors import BuildError
from pytest_unikernel.guests.build import toml
from pytest_unikernel.guests.build.cache import home_directory

TARGET = "x86_64-unknown-linux-gnu"
FIXED_ARGS = ("build", "--release", "--target", TARGET)

_CURE = "install Rust 1.85 or later (rustup, or the distribution's packages rustc and cargo)"
_TAIL_LINES = 400  # the first error is the one to read, and a crate may have dozens
# Of cargo's own variables only those for directories and the network.
_KEPT = ("CARGO_HOME", "CARGO_HTTP_", "CARGO_NET_", "CARGO_REGISTR", "CARGO_SOURCE_")
# Flags and programs around the compiler that would change its output.
_DROPPED = {"RUSTFLAGS", "RUSTC", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "RUSTC_BOOTSTRAP"}


@dataclass(frozen=True)
class Toolchain:
    """The cargo and rustc that a crate's directory gets: rustup may choose by directory."""

    cargo: str
    version: str
    """All that ``rustc -vV`` printed."""
    sysroot: Path

    @property
    def rustc(self) -> dict[str, str]:
        """Names this very compiler to cargo, since the build happens in another directory."""
        rustc = self.sysroot / "bin" / "rustc"
        return {"RUSTC": str(rustc)} if rustc.exists() else {}

    @property
    def commit(self) -> str:
        """The compiler's commit, which it uses in place of the path of its own sources."""
        lines = dict(line.split(": ", 1) for line in self.version.splitlines() if ": " in line)
        return lines.get("commit-hash", "unknown")


def find_toolchain(crate: Path) -> Toolchain:
    """Find cargo and read the compiler's version.

    Raises:
        BuildError: one of the two is missing or doesn't work.
    """
    cargo, rustc = (_program(name, crate) for name in ("cargo", "rustc"))
    version = _ask([rustc, "-vV"], crate)
    return Toolchain(cargo, version, Path(_ask([rustc, "--print", "sysroot"], crate).strip()))


def run_build(crate: Path, work: Path, toolchain: Toolchain, progress: Callable[[str], None]) -> Path:
    """Build the copy in ``work/crate``; cargo writes to ``work/target``.

    Returns:
        The program that was built.

    Raises:
        BuildError: cargo failed (its last lines are in the text), or there isn't exactly one program.
    """
    copy, messages = work / "crate", work / "messages.json"
    locked = ["--locked"] if (copy / "Cargo.lock").exists() else []
    options = [
        "--message-format=json-render-diagnostics",
        "--color=never",
        "--target-dir",
        str(work / "target"),
    ]
    argv = [toolchain.cargo, *FIXED_ARGS, *locked, *options]
    status, tail = _run(argv, copy, _environment(work, toolchain), messages, progress)
    if status != 0:
        text = "\n".join(tail)
        raise BuildError(f"cargo could not build {str(crate)!r} (exit status {status})", text)
    return _only_program(crate, messages)


def _run(
    argv: list[str], cwd: Path, env: dict[str, str], messages: Path, progress: Callable[[str], None]
) -> tuple[int, list[str]]:
    """Exit status and last lines; cargo's list of results goes to the file ``messages``."""
    tail: deque[str] = deque(maxlen=_TAIL_LINES)
    with (
        messages.open("wb") as out,
        subprocess.Popen(
            argv,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        ) as process,
    ):
        try:
            for line in process.stderr or ():
                tail.append(line.rstrip())
                progress(line.strip())
        except BaseException:
            process.kill()
            raise
    return process.returncode, list(tail)


def _only_program(crate: Path, messages: Path) -> Path:
    results = [
        json.loads(line) for line in messages.read_text(encoding="utf-8").splitlines() if line[:1] == "{"
    ]
    programs = [Path(result["executable"]) for result in results if result.get("executable")]
    if len(programs) != 1:
        names = [program.name for program in programs]
        raise BuildError(
            f"expected exactly one binary from {str(crate)!r}, got {names!r}; leave one [[bin]] in Cargo.toml"
        )
    return programs[0]


def _environment(work: Path, toolchain: Toolchain) -> dict[str, str]:
    """Return the caller's environment, less what changes the result, with flags that override any file."""
    env = {name: value for name, value in os.environ.items() if _is_kept(name)}
    home = env.get("CARGO_HOME") or str(home_directory("CARGO_HOME") / ".cargo")
    # Where the compiler's sources are installed, it would name their place in panic messages.
    remapped = {
        str(work): "/build",
        home: "/cargo",
        f"{toolchain.sysroot}/lib/rustlib/src/rust": f"/rustc/{toolchain.commit}",
    }
    flags = _rustflags(work / "crate")
    flags += [f"--remap-path-prefix={path}={name}" for path, name in remapped.items()]
    fixed = {"CARGO_ENCODED_RUSTFLAGS": "\x1f".join(flags), "RUSTC_WRAPPER": "", "CARGO_INCREMENTAL": "0"}
    return {**env, **fixed, **toolchain.rustc}


def _is_kept(name: str) -> bool:
    if name.startswith("CARGO_"):
        return name.startswith(_KEPT)
    return name not in _DROPPED


def _rustflags(crate: Path) -> list[str]:
    """The flags that the crate itself names for the target, in ``.cargo/config.toml``."""
    file = crate / ".cargo" / "config.toml"
    try:
        config = toml.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    except (toml.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BuildError(f"expected TOML in the crate's .cargo/config.toml: {error}") from error
    return _strings(config.get("target", {}).get(TARGET, {}).get("rustflags", []))


def _strings(flags: Any) -> list[str]:
    """Cargo takes one text, split at spaces, as well as a list."""
    return flags.split() if isinstance(flags, str) else [str(flag) for flag in flags]


def _program(name: str, crate: Path) -> str:
    found = shutil.which(name)
    if found is None:
        raise BuildError(
            f"building {str(crate)!r} needs {name}, which is not on PATH; {_CURE}, "
            "or use the shipped kernel: rust_kernel without crate="
        )
    return found


def _ask(argv: list[str], crate: Path) -> str:
    """Return a program's output; run in the crate, where rustup may choose another program."""
    answer = subprocess.run(argv, cwd=crate, capture_output=True, text=True, errors="replace", check=False)
    if answer.returncode != 0:
        text = answer.stderr.strip()
        raise BuildError(
            f"{argv!r} failed in {str(crate)!r} (exit status {answer.returncode}): {text}; {_CURE}"
        )
    return answer.stdout
