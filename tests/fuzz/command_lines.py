"""Arguments of the command ``pytest-unikernel``, in a directory with files, on a host without programs.

No command reaches the world: PATH is empty, the cache is the case's own, no path outside is written to.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any
from unittest import mock

import damage
import foreign_files
import saved_runs
from asked import answered
from cases import Reader
from option_values import changed_text

from pytest_unikernel.doctor import examination

Argv = tuple[str, ...]
COMMANDS: tuple[Argv, ...] = (
    ("compare", "a.json", "b.json", "--fail", "p50:20%", "--json", "c.json"),
    ("compare", "a.json", "b.json", "a.json", "b.json", "--as-measured"),
    ("import", "latency.tsv", "-o", "new.json"),
    ("import", "rust-output-r0.5", "-o", "-", "--fullname", "a.py::{target}"),
    ("timestamps", "ts.log", "--phases", "--json", "ts.json"),
    ("timestamps", "-", "aaaa", "--format=urunc"),
    ("doctor", "--require=rust_kernel,all", "--timeout=3", "--json"),
    ("build", "rust-kernel", "crate", "-o", "k.elf"),
    ("build", "rust-kernel", "--new", "mine"),
    ("build", "linux-kernel", "6.1", "--config", "tiny", "-j", "2", "-o", "bzImage"),
    ("build", "linux-kernel", "--packaged"),
    ("build", "linux-image", "-o", "i.qcow2", "--size", "384M", "--suite", "bookworm", "--include", "a,b"),
    (
        "build",
        "linux-image",
        "--from",
        "ts.log",
        "-o",
        "j.raw",
        "--copy",
        "ts.log",
        "--run",
        "x",
        "--shutdown",
    ),
    ("report", "a.json", "--baseline", "b.json"),
    ("run", "--sweep", "--time-steps", "1/4:1/8", "--slo", "p99:1s", "--json", "r.json", "--", "nowhere"),
    ("run", "--cold", "2", "--ready", "regex:up", "--env", "A=b", "--exit-status", "0,3", "--", "nowhere/x"),
    ("run", "--rate", "5", "--resume", "a.json", "--raw", "raw", "--name", "it", "--", "ts.log"),
    ("--version",),
    ("--help",),
)
WORDS: Argv = (
    *(
        "",
        "-",
        "--",
        "-o",
        "--json",
        "--fail",
        "--help",
        "-h",
        "--force",
        "--shell",
        "--kernel",
        "nowhere",
        "nowhere/x",
    ),
    *(
        "/dev/full",
        "/dev/null",
        "/proc/self/mem",
        "loop",
        "fifo",
        "rust-output-r0.5",
        "a.json",
        "bad.json",
        "ts.log",
    ),
    *(
        "x" * 300,
        "\x1b[31m",
        "\ud800",
        "é",
        "@a.json",
        "--json=",
        "-o=",
        "--cold",
        "--format",
        "a b",
        ".",
        "--time-step",
    ),
)
OUTSIDE = frozenset({"/dev/full", "/dev/null", "/proc/self/mem"})


def _change(random: Random, argv: Argv) -> Argv:
    place = random.randint(0, len(argv))
    how = random.randrange(6)
    if how < 2:
        return (*argv[:place], random.choice(WORDS), *argv[place + how :])
    if how == 2:
        return (*argv[:place], *argv[place + 1 :])
    if how == 3:
        return (*argv[:place], *random.choice(COMMANDS))
    if how == 4 and argv:
        place = random.randrange(len(argv))
        return (*argv[:place], changed_text(random, argv[place]), *argv[place + 1 :])
    return (*argv, *argv[1:])


def _inside(word: str) -> str:
    """Return a word as an argument can be, which names nothing outside the case's directory."""
    word = word.replace("\ud800", "\udcff").replace("\0", "")
    if word in OUTSIDE or re.fullmatch(r"-*[\w-]*=?1/\d+", word):
        return word
    return re.sub(r"(^|[=,])/|-o/|\.\./|~", r"\1", word).replace("/proc", "").replace("/dev", "")


def _prepared(place: Path) -> None:
    run = damage.saved(saved_runs.document())
    for name, content in {"a.json": run, "b.json": run, "bad.json": run[:1000]}.items():
        (place / name).write_bytes(content)
    for file in foreign_files._theirs():
        (place / file.name).parent.mkdir(exist_ok=True)
        (place / file.name).write_bytes(file.content)
    (place / "ts.log").write_bytes(foreign_files._logs()[0].content)
    (place / "loop").symlink_to("loop")
    (place / "crate").mkdir()


@contextlib.contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Work in a directory, on a host with no program, whose doctor has examined nothing."""
    nothing: Any = SimpleNamespace(faults=lambda _: [], as_json=dict)
    environment = {
        "PATH": str(place / "no-programs"),
        "XDG_CACHE_HOME": str(place / "cache"),
        "HOME": str(place),
    }
    old = Path.cwd()
    os.chdir(place)
    try:
        with (
            mock.patch.dict(os.environ, environment),
            mock.patch.object(examination, "examine", return_value=nothing),
            mock.patch("pytest_unikernel.doctor.screen.lines", return_value=["nothing"]),
            # Pictures need more addresses than a case may have; saved_runs makes reports without them.
            mock.patch("pytest_unikernel.report.build.write_report", return_value=place),
        ):
            yield
    finally:
        os.chdir(old)


def _commanded(argv: Argv, place: Path) -> None:
    """Run the command; without a program, every build ends with the cure."""
    _prepared(place)
    words = [_inside(each) for each in argv]
    if words[:1] == ["timestamps"]:  # a log may be a pipe; this one would have no end
        words = [each.replace("/dev/full", "/dev/null") for each in words]
    with _alone(place):
        answered(words, given=b'{"containerID":"aaaa","timestampID":"TS00","time":1}\n')


READERS = (Reader("command-line", 1200, lambda: COMMANDS, _change, _commanded),)
