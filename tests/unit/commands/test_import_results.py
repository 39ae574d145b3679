"""``pytest-unikernel import``: its file, its messages, its refusals."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kbfiles import DATA, launch, result, write
from places import REPOSITORY

from pytest_unikernel.commands import main
from pytest_unikernel.importers.names import SUITE_TESTS
from pytest_unikernel.importers.summary import NONE
from pytest_unikernel.text.grid import WIDTH

Loads = dict[str, dict[str, Any]]


class Imported:
    """The result of the command, and its file."""

    def __init__(self, status: int, out: str, err: str, file: Path) -> None:
        self.status, self.out, self.err, self.file = status, out, err, file

    @property
    def document(self) -> dict[str, Any]:
        made: dict[str, Any] = json.loads(self.file.read_text())
        return made

    @property
    def loads(self) -> Loads:
        """The records by full name."""
        return {each["fullname"]: each["extra_info"]["load"] for each in self.document["benchmarks"]}

    @property
    def only(self) -> dict[str, Any]:
        (load,) = self.loads.values()
        return load


Run = Callable[..., Imported]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    file = tmp_path / "made" / "out.json"
    file.parent.mkdir()

    def command(*arguments: object) -> Imported:
        given = list(map(str, arguments))
        status = main.main(["import", *given, *([] if "-o" in given else ["-o", str(file)])])
        captured = capsys.readouterr()
        return Imported(status, captured.out, captured.err, file)

    return command


def assert_refused(ran: Imported, *words: str) -> None:
    """Fail unless the command ended with one line of error and left nothing."""
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.count("\n") == 1
    for each in words:
        assert each in ran.err
    assert not any(ran.file.parent.iterdir())


# the published tables ------------------------------------------------------------------------------


def test_the_published_tables_are_records_of_this_projects_own_tests(run: Run) -> None:
    loads = run(DATA).loads
    rust = loads["benchmarks/test_sweeps.py::test_rust_kernel[0.0009765625s]"]
    assert rust["throughput_hz"] == pytest.approx(8779.167612 / 60)
    assert rust["service_time_s"]["mean"] == 0.342439499
    assert (rust["offered_rate_hz"], rust["mode"], rust["target"]) == (1024, "sweep", "rust_kernel")
    kvm = loads["benchmarks/test_sweeps.py::test_linux_vm_kvm_cold"]
    assert (kvm["response_time_s"]["mean"], kvm["mode"], kvm["variant"]) == (
        4.117742061,
        "cold",
        {"kvm": True},
    )
    assert len(loads) == 13 + 13 + 7 + 7 + 4 + 5


def test_empty_cells_are_no_records(run: Run) -> None:
    steps = [load["time_step_s"] for load in run(DATA).loads.values() if load["target"] == "linux_vm"]
    assert steps == [4, 2, 1, 0.5, None]


def test_the_suite_still_has_the_tests_that_imported_records_are_named_for() -> None:
    for target, name in SUITE_TESTS.items():
        file, _, test = name.partition("::")
        if target != "urunc_container":
            source = (REPOSITORY / file).read_text()
            assert f"def {test}(" in source
            assert f"def {test}_cold(" in source


def test_the_tables_say_where_they_come_from_and_that_they_are_means_only(run: Run) -> None:
    source = run(DATA).loads["benchmarks/test_sweeps_containers.py::test_docker[4s]"]["source"]
    assert source["format"] == "kernel-benchmark-tables"
    assert source["files"] == [str(DATA / "latency.tsv"), str(DATA / "throughput.tsv")]
    assert source["note"].startswith("means only")


def test_files_that_no_format_knows_are_named_and_passed_by(run: Run) -> None:
    assert f"ignored files of unknown format: {DATA / 'README.md'}" in run(DATA).err


# all of the scripts' types -------------------------------------------------------------------------

UNSUCCESSFUL = {
    "linux": [launch("linux", code=1), "7 QEMU initiated\n9 QEMU exited successfully\n"],
    "rust": [launch("rust", code=1), "7 QEMU initiated\n9 QEMU exited successfully\n"],
    "docker": [launch("docker", code=125), launch("docker", code=1)],
    "process": [launch("process", code=2), "7 Process initiated\n9 Process exited successfully\n"],
}


@pytest.mark.parametrize("kind", UNSUCCESSFUL)
def test_each_type_has_its_own_rule_of_success(run: Run, tmp_path: Path, kind: str) -> None:
    good = [launch(kind, 0, 100), launch(kind, 1000, 300)]
    hanging = launch(kind, ends=False)
    directory = write(tmp_path / "output-r1", *good, *UNSUCCESSFUL[kind], hanging)
    load = run(directory, "--type", kind).only
    assert load["service_time_s"]["mean"] == pytest.approx(0.2)
    assert (load["started"], load["completed"], load["unfinished"]) == (5, 2, 1)
    assert sum(load["failed"].values()) == 2
    assert load["service_time_s"]["censored"] == 1


@pytest.mark.parametrize("kind", UNSUCCESSFUL)
def test_the_type_is_told_by_content(run: Run, tmp_path: Path, kind: str) -> None:
    load = run(write(tmp_path / "output-r0.5", launch(kind), launch(kind, code=77))).only
    names = {
        "linux": "linux_vm",
        "rust": "rust_kernel",
        "docker": "docker_container",
        "process": "linux_process",
    }
    assert load["target"] == names[kind]
    assert load["failed"] == {"exit-code": 1}


def test_a_process_is_up_at_its_own_line_and_a_rust_kernel_at_its_exit(run: Run, tmp_path: Path) -> None:
    own = "10 Process initiated\n17 Hello World!\n99 Process exited successfully\n"
    exits = "10 QEMU initiated\nHello 42!\n99 QEMU exited with error code 33\n"
    ran = run(write(tmp_path / "a-r1", own), write(tmp_path / "b-r1", exits))
    by_target = {load["target"]: load["service_time_s"]["max"] for load in ran.loads.values()}
    assert by_target == {"linux_process": 7e-9, "rust_kernel": 89e-9}


def test_kvm_is_told_by_the_scripts_own_names(run: Run, tmp_path: Path) -> None:
    directory = write(tmp_path / "linux-r4", launch("linux"), name="qemu-linux--enable-kvm-{}.output")
    write(directory, launch("linux"), launch("linux"), name="qemu-linux-{}.output")
    started = {load["target"]: load["started"] for load in run(directory).loads.values()}
    assert started == {"linux_vm[kvm]": 1, "linux_vm": 2}


def test_output_without_a_line_end_and_carriage_returns_do_not_hide_a_stamp(run: Run, tmp_path: Path) -> None:
    text = "10 QEMU initiated\r\nHello 42!\x1b[0m 30 QEMU exited with error code 33\r\n"
    assert run(write(tmp_path / "o-r1", text)).only["service_time_s"]["max"] == 20e-9


def test_the_own_line_is_the_one_with_a_stamp(run: Run, tmp_path: Path) -> None:
    text = "10 Process initiated\nHello World!\n15 Hello World!\n20 Process exited successfully\n"
    assert run(write(tmp_path / "o-r1", text)).only["service_time_s"]["max"] == 5e-9


@pytest.mark.parametrize("options", [[], ["--type=linux"], ["--type=linux-kvm"]])
def test_both_files_of_a_run_with_kvm_are_of_the_same_target(
    run: Run, tmp_path: Path, options: list[str]
) -> None:
    results = tmp_path / "benchmark-linux-k-r4-results.txt"
    results.write_text(result((60, 15)))
    directory = write(tmp_path / "out-r4", launch("linux"), name="qemu-linux--enable-kvm-{}.output")
    load = run(directory, results, *options).only
    assert (load["target"], load["throughput_hz"], load["completed"]) == ("linux_vm[kvm]", 0.25, 1)


def test_both_files_of_a_run_are_one_record(run: Run, tmp_path: Path) -> None:
    directory = write(tmp_path / "rust-output-r0.5", *(launch("rust", 500 * each) for each in range(10)))
    results = tmp_path / "rust-results-r0.5.txt"
    results.write_text(result((2, 3), between=("77", "78")))
    load = run(directory, results).only
    assert (load["throughput_hz"], load["achieved_rate_hz"], load["window_s"]) == (1.5, 2.0, 2.0)
    assert load["completed"] == 10
    assert load["source"]["files"] == [str(results), f"{directory}/ (10 files)"]


def test_trials_of_a_result_file_are_kept_apart(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "benchmark-docker-r1-results.txt"
    file.write_text(result((60, 30), (60, 60), (60, 90)))
    load = run(file).only
    assert [each["throughput_hz"] for each in load["per_trial"]] == [0.5, 1.0, 1.5]
    assert (load["throughput_hz"], load["trials"], load["window_s"]) == (1.0, 3, 60)
    assert load["completed"] is load["service_time_s"]["mean"] is load["verdict"] is None


def test_launches_without_contention_are_cold(run: Run, tmp_path: Path) -> None:
    load = run(write(tmp_path / "any", launch("rust", latency_ms=5)), "--cold").only
    assert (load["mode"], load["time_step_s"], load["arrivals"]) == ("cold", None, None)
    assert load["response_time_s"] == load["service_time_s"]
    assert load["response_time_s"]["p50"] == 0.005


def test_under_load_response_times_are_unknown(run: Run, tmp_path: Path) -> None:
    load = run(write(tmp_path / "x-r1", launch("rust"))).only
    assert set(load["response_time_s"].values()) == {None}


# the user's facts ----------------------------------------------------------------------------------


def test_a_template_names_the_users_own_tests(run: Run, tmp_path: Path) -> None:
    ran = run(DATA, "--fullname", "bench/test_x.py::test_{target}[{timestep}]")
    assert "bench/test_x.py::test_linux_vm_kvm[0.0625s]" in ran.loads
    assert "bench/test_x.py::test_linux_vm_kvm_cold" in ran.loads


@pytest.mark.parametrize("template", ["x.py::{nope}", "x.py::test_{target", "test_{target}", "x.py::test"])
def test_a_template_that_names_no_test_or_all_alike_is_refused(run: Run, template: str) -> None:
    assert_refused_but_notes(run(DATA, "--fullname", template), "--fullname")


def assert_refused_but_notes(ran: Imported, *words: str) -> None:
    kept = [line for line in ran.err.splitlines(keepends=True) if "of unknown format" not in line]
    assert_refused(Imported(ran.status, ran.out, "".join(kept), ran.file), *words)


def test_a_target_is_called_as_the_user_says(run: Run, tmp_path: Path) -> None:
    load = run(write(tmp_path / "l-r1", launch("linux")), "--target", "linux_vm[debian]").only
    assert (load["target"], load["fixture"]) == ("linux_vm[debian]", "linux_vm")


def test_one_name_for_several_targets_is_refused(run: Run) -> None:
    assert_refused_but_notes(run(DATA, "--target", "mine"), "--target", "linux_process, rust_kernel")


def test_window_and_warm_up_are_what_the_user_knows_of_them(run: Run) -> None:
    load = run(DATA, "--window", "60", "--warmup", "120").loads[
        "benchmarks/test_sweeps.py::test_linux_vm[4s]"
    ]
    assert (load["window_s"], load["warmup_s"], load["settings"]["warmup_s"]) == (60, 120, 120)


@pytest.mark.parametrize("step", ["0", "-1", "nan", "fast", "1e-400"])
def test_a_time_step_that_is_none_is_a_usage_error(run: Run, tmp_path: Path, step: str) -> None:
    with pytest.raises(SystemExit) as ended:
        run(write(tmp_path / "x", launch("rust")), "--time-step", step)
    assert ended.value.code == 2


def test_the_time_step_is_never_guessed(run: Run, tmp_path: Path) -> None:
    directory = write(tmp_path / "rust-0.5", launch("rust"))
    assert_refused(run(directory), "rust-0.5: expected the time step in the name", "--time-step")
    assert run(directory, "--time-step", "1/8").only["time_step_s"] == 0.125


def test_a_time_step_that_the_name_contradicts_is_refused(run: Run, tmp_path: Path) -> None:
    directory = write(tmp_path / "rust-r2", launch("rust"))
    assert_refused(run(directory, "--time-step=4"), "got 2 s in its name and --time-step=4")


def test_of_two_types_in_a_directory_none_is_guessed(run: Run, tmp_path: Path) -> None:
    directory = write(tmp_path / "o-r2", launch("rust"), launch("linux"))
    assert_refused(run(directory), "rust (launch-0.output), linux (launch-1.output)", "--type")
    assert run(directory, "--type", "rust").only["failed"] == {"exit-code": 1}


def test_a_type_that_files_are_not_of_is_refused(run: Run, tmp_path: Path) -> None:
    directory = write(tmp_path / "o-r2", launch("rust"))
    assert_refused(
        run(directory, "--type=docker"), "launch-0.output, line 1", "'<nanoseconds> Docker initiated'"
    )


def test_failures_alone_are_of_the_type_in_the_name(run: Run, tmp_path: Path) -> None:
    failed = launch("rust", code=1)
    assert run(write(tmp_path / "rust-r2", failed)).only["target"] == "rust_kernel"
    assert "--type" in run(write(tmp_path / "other-r2", failed), "--force").err


def test_a_name_that_asks_for_no_known_format_is_refused(run: Run) -> None:
    assert_refused(run(DATA, "--format", "csv"), "expected one of kernel-benchmark-instances", "'csv'")


# malformed files -----------------------------------------------------------------------------------

LATENCY = "Time delay (s)\tProcess\tRust\r\n"
STEP, GOOD = "4\t0.1\t0.2\r\n", '{"maximum": "3 ns", "minimum": "1 ns", "average": "2 ns"}'
A_LAUNCH, RESULTS = "o-r1/a.output", "rust-results-r1.txt"
NO_END = "BEGIN BENCHMARK: ID 1 at 5\n"
MALFORMED = [
    (A_LAUNCH, "x QEMU initiated\n", 1, "kernel-benchmark-instances"),
    (A_LAUNCH, "", 1, "kernel-benchmark-instances"),
    (A_LAUNCH, "1 QEMU initiated\nx QEMU exited successfully\n", 2, "<nanoseconds> QEMU exited"),
    (A_LAUNCH, "1 QEMU initiated\n2 QEMU exited badly\n", 2, "<nanoseconds> QEMU exited"),
    (A_LAUNCH, "1 QEMU initiated\n\nVM successfully running\n", 3, "<nanoseconds> VM success"),
    (A_LAUNCH, "1 QEMU initiated\n2 QEMU initiated\n", 2, "one launch per file"),
    (A_LAUNCH, launch("rust") + "9 QEMU exited successfully\n", 4, "one launch per file"),
    (A_LAUNCH, "5 QEMU initiated\nHi\n4 QEMU exited with error code 33\n", 3, "not before the start's 5"),
    (A_LAUNCH, f"{2**63} QEMU initiated\n", 1, "nanoseconds since 1970"),
    (A_LAUNCH, "1 QEMU initiated\n" + "9" * 5000 + " QEMU exited successfully\n", 2, "<nanoseconds> QEMU"),
    ("latency.tsv", LATENCY + "4\t1e-320\t1_0\r\n", 2, "a number > 0"),
    ("latency.tsv", LATENCY + "4\t1e308\t\r\n", 2, "a number > 0"),
    ("u.json", '{"TS00 -> TS01": ' + "[" * 100_000, 1, "an object of intervals"),
    ("u.json", '{"TS00 -> TS01": ' + GOOD.replace("3 ns", "9" * 400 + " ns") + "}", 1, "as '989525 ns'"),
    ("latency.tsv", LATENCY + "4\t0.1\r\n", 2, "3 cells"),
    ("latency.tsv", LATENCY + "4\t0,1\t0.2\r\n", 2, "a number > 0 or nothing in column 'Process'"),
    ("latency.tsv", LATENCY + STEP + "2\t0.1\tnan\r\n", 3, "a number > 0 or nothing in column 'Rust'"),
    ("latency.tsv", LATENCY + "4\t-1\t\r\n", 2, "a number > 0 or nothing in column 'Process'"),
    ("latency.tsv", LATENCY + "fast\t1\t\r\n", 2, "a time step in seconds"),
    ("latency.tsv", LATENCY + STEP + STEP, 3, "every time step once"),
    ("latency.tsv", LATENCY, 2, "a row of figures"),
    ("latency.tsv", "Time delay (s)\tRust\tRust\r\n" + STEP, 1, "a different name for every column"),
    ("throughput.tsv", "Time delay (s)\tRust (1/s)\r\n4\t1\r\n", 1, "without a unit"),
    ("figures.tsv", LATENCY + STEP, 1, "latency or throughput in the name of the file"),
    ("raw_latency.tsv", "Rust\r\n1\r\n2\r\n", 3, "one row"),
    ("raw_latency.tsv", "Rust\r\n\xff\r\n", 2, "a number > 0"),
    (RESULTS, result((1, 2)) + "garbage\n", 5, "an instance's id"),
    (RESULTS, result((1, 2)).rpartition("END")[0], 4, "END BENCHMARK"),
    (RESULTS, "12\n13\n", 3, "BEGIN BENCHMARK"),
    (RESULTS, "12\n12\n", 2, "every id once"),
    (RESULTS, NO_END + "BEGIN BENCHMARK: ID 2 at 6\n", 2, "the END of 1, which begins in"),
    (RESULTS, NO_END + "END BENCHMARK: ID 2 at 6\n", 2, "the END of 1"),
    (RESULTS, "END BENCHMARK: ID 2 at 6\n", 1, "a BEGIN of 2"),
    (RESULTS, NO_END + "END BENCHMARK: ID 1 at 5\n", 2, "an END after its BEGIN"),
    (RESULTS, "BEGIN BENCHMARK: ID 1 at soon\n", 1, "BEGIN|END BENCHMARK: ID <id>"),
    (RESULTS, result((1, 2)) * 2, 5, "every id once"),
    (RESULTS, "", 1, "BEGIN BENCHMARK"),
    ("u.json", '{"TS00 -> TS01": ' + GOOD + ',\n"TS01 -> TS02": {}}', 2, "maximum, minimum and average"),
    ("u.json", '{"TS00 -> TS01": ' + GOOD.replace(" ns", "") + "}", 1, "as '989525 ns'"),
    ("u.json", '{"TS00 -> TS01": ' + GOOD.replace("2 ns", "9 ns") + "}", 1, "between minimum and maximum"),
    ("u.json", '{"TS00 -> TS01":\n' + GOOD, 2, "JSON"),
    ("u.json", '{"TS00 -> TS01": ' + GOOD + ',\n"TS00 -> TS01": ' + GOOD + "}", 2, "every pair once"),
]  # fmt: skip


@pytest.mark.parametrize("case", MALFORMED, ids=lambda case: f"{case[0]}: {case[3]}")
def test_a_malformed_file_is_an_error_with_its_line_and_nothing_is_written(
    run: Run, tmp_path: Path, case: tuple[str, str, int, str]
) -> None:
    name, text, line, expected = case
    file = tmp_path / name
    if name.endswith(".output"):
        write(file.parent, launch("rust"), name="b.output")
    file.write_bytes(text.encode())
    options = ["--type=rust"] if name.endswith(".output") else []
    assert_refused(
        run(file.parent if options else file, *options), f"{file}, line {line}: expected", expected
    )
    assert file.read_bytes() == text.encode()


def test_bytes_that_are_no_text_are_refused_with_their_line(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "latency.tsv"
    file.write_bytes(LATENCY.encode() + b"4\t\xff\t1\r\n")
    assert_refused(run(file), "line 2: expected text in UTF-8")


@pytest.mark.parametrize("text", ["", "nothing of the kind\n", "{}"])
def test_a_named_file_of_no_known_format_is_refused(run: Run, tmp_path: Path, text: str) -> None:
    file = tmp_path / "notes.md"
    file.write_text(text)
    assert_refused(run(file), "notes.md, line 1: expected one of kernel-benchmark-instances")


def test_a_directory_without_results_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert_refused(run(tmp_path / "empty"), "expected results to import, got none")


def test_a_path_that_does_not_exist_is_refused(run: Run, tmp_path: Path) -> None:
    assert_refused(run(tmp_path / "nope"), "nope", "No such file")


def test_a_pipe_is_neither_read_nor_waited_for(run: Run, tmp_path: Path) -> None:
    directory = write(tmp_path / "o-r1", launch("rust"))
    os.mkfifo(directory / "pipe.output")
    assert run(directory).only["started"] == 1
    assert "neither" in run(directory / "pipe.output").err


def test_two_means_of_the_same_are_refused(run: Run, tmp_path: Path) -> None:
    for name in ("latency.tsv", "latency-again.tsv"):
        (tmp_path / name).write_text(LATENCY + STEP)
    ran = run(tmp_path / "latency.tsv", tmp_path / "latency-again.tsv")
    assert_refused(ran, "latency-again.tsv: expected one latency of linux_process at 4 s", "latency.tsv")


def test_a_mean_and_launches_of_the_same_are_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "latency.tsv").write_text(LATENCY + STEP)
    ran = run(tmp_path / "latency.tsv", write(tmp_path / "o-r4", launch("rust")))
    assert_refused(ran, "expected one latency of rust_kernel at 4 s")


def test_launches_of_several_directories_are_pooled(run: Run, tmp_path: Path) -> None:
    first = write(tmp_path / "a-r4", launch("rust", latency_ms=1))
    load = run(first, write(tmp_path / "b-r4", launch("rust", latency_ms=3))).only
    assert (load["started"], load["service_time_s"]["mean"]) == (2, 0.002)


def test_a_file_that_is_named_twice_counts_once(run: Run, tmp_path: Path) -> None:
    directory = write(tmp_path / "a-r4", launch("rust"))
    assert run(directory, directory, directory / "launch-0.output").only["started"] == 1


# the output ----------------------------------------------------------------------------------------


def test_an_existing_file_is_replaced_only_by_force(run: Run) -> None:
    first = run(DATA)
    first.file.write_text("mine")
    refused = run(DATA)
    assert (refused.status, first.file.read_text()) == (2, "mine")
    assert "--force" in refused.err
    assert run(DATA, "--force").loads


def test_what_is_imported_is_not_replaced_even_by_force(run: Run, tmp_path: Path) -> None:
    directory = write(tmp_path / "a-r4", launch("rust"))
    file = directory / "launch-0.output"
    before = file.read_bytes()
    ran = run(directory, "-o", file, "--force")
    assert (ran.status, file.read_bytes()) == (2, before)
    assert "another file than those imported" in ran.err


def test_an_output_in_no_directory_is_refused(run: Run, tmp_path: Path) -> None:
    ran = run(DATA, "-o", tmp_path / "nope" / "x.json")
    assert (ran.status, "in a directory that exists" in ran.err) == (2, True)


def test_other_commands_do_not_wait_for_formats() -> None:
    code = "import pytest_unikernel.commands.main, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"pytest_unikernel.importers", "pytest_unikernel.extensions", "pytest"} & set(
        done.stdout.split()
    )


def test_the_json_goes_to_standard_output_alone(run: Run) -> None:
    ran = run(DATA, "-o", "-")
    assert len(json.loads(ran.out)["benchmarks"]) == 49


def test_the_averages_are_shown_in_eighty_columns(run: Run, tmp_path: Path) -> None:
    wide = "x" * 100
    (tmp_path / "latency.tsv").write_text(f"Time delay (s)\t{wide}\n4\t1.5\n")
    lines = [*run(tmp_path / "latency.tsv").out.splitlines(), *run(DATA, "--force").out.splitlines()]
    assert max(map(len, lines)) <= WIDTH
    first = next(line.split() for line in lines if line.startswith("rust_kernel"))
    assert first == ["rust_kernel", "4", "s", NONE, NONE, "328", "ms", "0.25"]
