"""The kernel-benchmark results of other years: separated by commas, and one row per result file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from places import REPOSITORY

from pytest_unikernel.commands import main

# Rows of the results published with the scripts in 2022: completions per minute, seconds.
PERFS = """\
benchmark,throughput,latency
osv-results-r0.5.txt,119.32740513207264,0.41868615779645196
podman-results-r0.25.txt,222.6555222740031,7.820742153679653
process-results-r0.0078125.txt,6262.405536553752,0.0001577914948183555
process-results-r4.txt,14.999236647616513,0.0
rust-results-r2.txt,29.998677275996453,0.6462777777777777
"""


def loads(capsys: pytest.CaptureFixture[str], *files: Path) -> dict[tuple[str, float | None], Any]:
    assert main.main(["import", *map(str, files), "-o", "-"]) == 0
    found = [each["extra_info"]["load"] for each in json.loads(capsys.readouterr().out)["benchmarks"]]
    return {(load["target"], load["time_step_s"]): load for load in found}


@pytest.mark.parametrize("name", ["latency", "throughput", "raw_latency"])
def test_commas_are_read_as_tabs_are(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tabs = REPOSITORY / "tests" / "data" / "kernel-benchmark" / f"{name}.tsv"
    commas = tmp_path / f"{name}.csv"
    commas.write_text(tabs.read_text(encoding="utf-8").replace("\t", ","), encoding="utf-8")
    one, other = loads(capsys, tabs), loads(capsys, commas)
    assert one
    for load in (*one.values(), *other.values()):
        del load["source"]["files"]
    assert one == other


def test_mean_performances_are_read_by_the_names_of_their_result_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "avg_perfs.csv").write_text(PERFS)
    found = loads(capsys, tmp_path / "avg_perfs.csv")
    figures = {key: (load["throughput_hz"], load["service_time_s"]["mean"]) for key, load in found.items()}
    assert figures == {
        ("osv", 0.5): (pytest.approx(119.32740513207264 / 60), pytest.approx(0.41868615779645196)),
        ("podman_container", 0.25): (pytest.approx(222.6555222740031 / 60), pytest.approx(7.820742153679653)),
        ("linux_process", 0.0078125): (pytest.approx(6262.405536553752 / 60), pytest.approx(0.0001577914948)),
        ("linux_process", 4.0): (pytest.approx(14.999236647616513 / 60), None),  # 0 s is no latency
        ("rust_kernel", 2.0): (pytest.approx(29.998677275996453 / 60), pytest.approx(0.6462777777777777)),
    }


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("podman-results.txt,1,1", "a different result file's name, as podman-results-r0.5.txt"),
        ("osv-results-r0.5.txt,1,1", "a different result file's name"),
        ("osv-results-r1.txt,1", "3 cells, as line 1 has"),
        ("osv-results-r1.txt,x,1", "a number > 0 or nothing in column 'throughput'"),
        ("osv-results-r1.txt,1,-1", "a number > 0 or nothing in column 'latency'"),
        ("osv-results-r0.txt,1,1", "a time step in seconds, > 0"),
    ],
)
def test_a_row_that_can_not_be_right_is_named(
    row: str, expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "avg_perfs.csv").write_text(f"{PERFS}{row}\n")
    assert main.main(["import", str(tmp_path / "avg_perfs.csv"), "-o", "-"]) == 2
    assert f"avg_perfs.csv, line 7: expected {expected}" in capsys.readouterr().err


def test_result_files_of_podman_and_osv_are_known_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for kind in ("podman", "osv"):
        path = tmp_path / f"{kind}-results-r2.txt"
        path.write_text(
            "BEGIN BENCHMARK: ID 5 at 1600000000000000000\n1600000001000000000\n"
            "END BENCHMARK: ID 5 at 1600000060000000000\n"
        )
    found = loads(capsys, *sorted(tmp_path.iterdir()))
    assert {key: load["throughput_hz"] for key, load in found.items()} == {
        ("osv", 2.0): pytest.approx(1 / 60),
        ("podman_container", 2.0): pytest.approx(1 / 60),
    }
