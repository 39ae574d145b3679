"""Files that other programs wrote: imported results, and urunc's logs."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import NamedTuple

import damage
import kbfiles
import uruncscripts
from asked import answered
from cases import Reader


class Named(NamedTuple):
    """A file's name, which says what it is, its content, and options."""

    name: str
    content: bytes
    options: tuple[str, ...] = ()


FULLNAMES = (
    "a.py::test_{target}[{timestep}]",
    "x",
    "::{fixture}",
    "::{target!r:>9}",
    "::{target.real[0]}",
    "::{",
)
OPTIONS = (
    *("--cold", "--time-step=1/64", "--time-step=4", "--type=rust", "--type=linux-kvm", "--type=docker"),
    *(
        "--target=linux_vm[debian]",
        "--target=",
        "--target=\x1b[31m",
        "--window=60",
        "--warmup=0",
        "--window=nan",
    ),
    *(f"--fullname={each}" for each in FULLNAMES),
    *("--format=kernel-benchmark-results", "--format=kernel-benchmark-tables", "--format=x", "--force"),
)
NAMES = (
    "latency.tsv",
    "throughput.tsv",
    "raw_latency.tsv",
    "rust-r0.5-r2.txt",
    "x",
    "avg_perfs.csv",
    "-r1.txt",
)


def _theirs() -> list[Named]:
    log = uruncscripts.life("a" * 64) + uruncscripts.life("b" * 64, begin_ns=uruncscripts.BEGIN_NS + 10**9)
    measured = uruncscripts.measure_to_json(log, ["a" * 64, "b" * 64])
    files = {
        "rust-output-r0.5/launch.output": kbfiles.launch("rust"),
        "linux-output-r0.5/launch.output": kbfiles.launch("linux"),
        "linux-kvm-r0.5/launch.output": kbfiles.launch("linux"),
        "docker-output-r2/launch.output": kbfiles.launch("docker", code=1),
        "process-output-r0.5/launch.output": kbfiles.launch("process", ends=False),
        "rust-results-r0.5.txt": kbfiles.result((60.0, 20), (60.0, 21)),
        "ts.json": measured,
    }
    tables = {
        name: (kbfiles.DATA / name).read_text()
        for name in ("latency.tsv", "throughput.tsv", "raw_latency.tsv")
    }
    return [Named(name, content.encode()) for name, content in (files | tables).items()]


def _change(random: Random, file: Named) -> Named:
    if random.random() < 0.15:
        return file._replace(options=(*file.options, random.choice(OPTIONS)))
    if random.random() < 0.05:
        return file._replace(name=random.choice(NAMES))
    return file._replace(content=damage.edited(random, file.content))


def _imported(file: Named, place: Path) -> None:
    path = place / file.name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(file.content)
    answer = answered(["import", str(path), "-o", "-", *file.options])
    if answer.status:
        assert answer.error.startswith("usage: ") or answer.error.count("\n") == 1, answer
        assert not answer.out
    else:
        answer.json()


def _logs() -> list[Named]:
    named = uruncscripts.life("c" * 64, named=True)
    old = uruncscripts.life("a" * 64) + uruncscripts.life("b" * 64, begin_ns=uruncscripts.BEGIN_NS + 10**9)
    return [Named("ts.log", text.encode()) for text in (old, named, uruncscripts.SEED_LINES, old + named)]


LOG_OPTIONS = ("--phases", "--neighbours", "--json=-", "--format=urunc", "a", "c" * 64, "", "zz", "\x1b")


def _change_log(random: Random, file: Named) -> Named:
    if random.random() < 0.3:
        return file._replace(options=(*file.options, random.choice(LOG_OPTIONS)))
    return file._replace(content=damage.edited(random, file.content))


def _timestamps(file: Named, place: Path) -> None:
    path = place / file.name
    path.write_bytes(file.content)
    answer = answered(["timestamps", str(path), *file.options])
    if not answer.status and "--json=-" in file.options:
        answer.json()


READERS = (
    Reader("import", 2500, _theirs, _change, _imported),
    Reader("timestamps", 1500, _logs, _change_log, _timestamps),
)
