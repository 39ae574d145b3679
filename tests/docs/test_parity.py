"""Each script and option of the predecessors has its row, and what does its job here exists."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from places import FROM_KERNEL_BENCHMARK, FROM_URUNC, REPOSITORY

from pytest_unikernel import Target
from pytest_unikernel.commands import main
from pytest_unikernel.plan.option_table import OPTIONS
from pytest_unikernel.targets.containers.docker import docker_container
from pytest_unikernel.targets.linux_process import linux_process
from pytest_unikernel.targets.qemu.linux_vm import linux_vm
from pytest_unikernel.targets.qemu.rust_kernel import rust_kernel
from pytest_unikernel.targets.urunc.target import urunc_container

# Script, what of it, what its row must name here.
KERNEL_BENCHMARK = [
    ("start_process.sh", "run one", ["#start-just-one"]),
    ("start_rust.sh", "run one", ["#start-just-one"]),
    ("start_linux.sh", "run one", ["#start-just-one"]),
    ("start_docker.sh", "run one", ["#start-just-one"]),
    ("every script", "-h", ["pytest --help", "pytest-unikernel --help"]),
    ("start_*", "-b RESULTFILE", ["--sweep-raw=DIR"]),
    ("start_*", "-o OUTFILE", ["--sweep-output=DIR"]),
    ("start_*", "-p OUTDIR", ["--sweep-output=DIR"]),
    ("start_process.sh", "-i 'SHELL COMMANDS'", ["linux_process(", "UNIKERNEL_ID", "UNIKERNEL_DIR"]),
    ("start_rust.sh", "-i BINARY", ["rust_kernel(image="]),
    ("start_rust.sh", "-d", ["console=True", "display=True"]),
    ("start_linux.sh", "-i IMAGE", ["image="]),
    ("start_linux.sh", "-k", ["kvm=True"]),
    ("start_linux.sh", "-n", ["scripts=", "ready="]),
    ("start_linux.sh", "-l", ["shutdown=False"]),
    ("start_linux.sh", "-d", ["console=True", "display=True"]),
    ("start_linux.sh", "SCRIPT…", ["scripts=[", "files=["]),
    (
        "start_docker.sh",
        "-i 'DOCKER COMMANDS'",
        ["image=", "command=", "options=", 'linux_process("docker …")'],
    ),
    ("benchmark_*.sh", "-r STEP", ["--sweep-time-steps=10", "time_steps=[10]"]),
    ("benchmark_*.sh", "-t DURATION", ["--sweep-window=60", "window=60"]),
    ("benchmark_*.sh", "-w WARMUP", ["--sweep-warmup=60", "warmup=60"]),
    ("benchmark_*.sh", "-o RESULTFILE", ["--benchmark-json=FILE", "--sweep-raw=DIR"]),
    ("benchmark_*.sh", "-p OUTDIR", ["--sweep-output=DIR"]),
    ("benchmark_*.sh", "-d -i -k -n SCRIPT…", ["target's parameters"]),
    ("benchmark_docker.sh", "-m", ["-s"]),
    ("run_benchmarks.sh", "3 trials", ["--sweep-profile=paper", "stops at the knee"]),
    ("run_docker.sh", "Docker last", ["containers last", "--sweep-quiet-host=fail"]),
    ("get_avg_latency.py", "-t linux", ["service_time_s", "failed", "--type"]),
    ("get_avg_latency.py", "-d DIR", ["pytest-unikernel import"]),
    ("get_avg_latency.py", "FILES", ["pytest-unikernel import", "a format of your own"]),
    ("get_avg_throughput.py", "FILES", ["throughput_hz", "pytest-unikernel import"]),
    ("build_linux.sh", "Linux 5.8", ["build linux-kernel --version 5.8", "--config", "build linux-image"]),
    ("build_rust.sh", "sample_application()", ["build rust-kernel --new DIR", 'rust_kernel(crate="DIR")']),
    ("create_image.sh", "-i FILE", ["build linux-image -o FILE"]),
    ("create_image.sh", "-s SIZE", ["--size SIZE", "--suite SUITE"]),
    ("edit_image.sh", "-i FILE", ["build linux-image --from FILE"]),
    ("edit_image.sh", "SCRIPT…", ["--run SCRIPT", "--copy FILE", "scripts=", "files="]),
    ("edit_image.sh", "-s", ["--shutdown", "shutdown="]),
    ("edit_image.sh", "a shell", ["--shell"]),
    ("timescript.sh", "VM successfully running", ["marker", "ready="]),
    ("Results/", "TSV of latency", ["--sweep-report=DIR", "pytest-unikernel report"]),
]
URUNC = [
    (
        "measure_single.py CONTAINER_ID",
        "",
        ["pytest-unikernel timestamps LOG CONTAINER_ID", "--format urunc"],
    ),
    (
        "measure.py ITERATIONS",
        "",
        ["cold_start(urunc_container, launches=", "timestamps LOG", "--format urunc"],
    ),
    (
        "measure_to_json.py ITERATIONS OUTPUT",
        "",
        ["--json OUTPUT", "--benchmark-json=OUTPUT", "import OUTPUT"],
    ),
    ("shim `uruncts`, its section of containerd", "timestamps on", ["#the-uruncts-shim"]),
    ("go test ./tests/benchmarks", "log writers", ["python benchmarks/figures/urunc.py"]),
]
FACTORIES: dict[str, Callable[..., Target]] = {
    "linux_process": linux_process,
    "rust_kernel": rust_kernel,
    "linux_vm": linux_vm,
    "docker_container": docker_container,
    "urunc_container": urunc_container,
}
# Parameters that every target has.
SHARED = {"ready", "label", "timeout_s", "launches"}


def rows(path: Path) -> list[tuple[str, str, str]]:
    """Return the table's rows: theirs, option, here."""
    lines = [line for line in path.read_text().splitlines() if line.startswith("| ") and "---" not in line]
    cells = [re.split(r"(?<!\\) \| ", line.strip("| ")) for line in lines]
    return [(theirs, option, here) for theirs, option, here in cells[1:]]


def check(path: Path, script: str, option: str, needed: list[str]) -> None:
    found = [row for row in rows(path) if script in row[0] and option in row[1]]
    assert found, f"{path.name} has no row of {script} {option}"
    assert any(all(each in row[2] for each in needed) for row in found)


@pytest.mark.parametrize(("script", "option", "needed"), KERNEL_BENCHMARK)
def test_a_script_of_kernel_benchmark_has_its_row(script: str, option: str, needed: list[str]) -> None:
    check(FROM_KERNEL_BENCHMARK, script, option, needed)


@pytest.mark.parametrize(("script", "option", "needed"), URUNC)
def test_a_script_of_urunc_has_its_row(script: str, option: str, needed: list[str]) -> None:
    check(FROM_URUNC, script, option, needed)


HERE = " ".join(row[2] for path in (FROM_KERNEL_BENCHMARK, FROM_URUNC) for row in rows(path))


def test_the_options_in_the_rows_exist() -> None:
    known = {option.flag for option in OPTIONS}
    named = set(re.findall(r"--sweep-[\w-]+", HERE))
    assert len(named) >= 8
    assert named <= known


def test_the_parameters_in_the_rows_exist() -> None:
    calls = re.findall(r"(\w+)\(([^()]*=[^()]*)\)", HERE)
    for name, arguments in calls:
        known = set(inspect.signature(FACTORIES[name]).parameters) if name in FACTORIES else set()
        assert set(re.findall(r"(\w+)=", arguments)) <= known | SHARED, name
    assert {name for name, _ in calls} >= {"rust_kernel", "linux_vm", "docker_container"}


def test_the_commands_in_the_rows_exist() -> None:
    """Words in capitals stand for values that are taken."""
    lines = [each for each in re.findall(r"`pytest-unikernel ([^`]+)`", HERE) if each != "--help"]
    assert len(lines) >= 9
    for line in lines:
        words = line.split()
        if words[:2] == ["timestamps", "LOG"] or words[0] in {"import", "report", "build"}:
            assert main.parser().parse_args(words)


def test_the_scripts_of_figures_in_the_rows_exist() -> None:
    for script in re.findall(r"python (benchmarks/\S+\.py)", HERE):
        assert (REPOSITORY / script).is_file()
