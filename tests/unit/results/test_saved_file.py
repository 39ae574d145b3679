"""Files of saved results: their content is read, and no file ends in a traceback or hangs a reader."""

from __future__ import annotations

import copy
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import reportfiles
from comparedruns import Record, name, run, steady
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_unikernel.commands import main
from pytest_unikernel.results import saved_file
from pytest_unikernel.results.record_shape import fault, knee_fault

SEARCHED = {
    "rate_hz": 10.0, "per_core_hz": 5.0, "lower_hz": 9.0, "upper_hz": 11.0, "lower_bound": False,
    "narrow": True, "interrupted": False, "upper_verdict": "saturated", "upper_reason": "full",
    "loads": [steady(0.1), steady(0.09, verdict="saturated")],
}  # fmt: skip
ODD = [None, "x", "1", -1, 0, 1e308, 5e-324, 10**400, float("nan"), float("inf"), [], [1], {}, {"a": 1}, True]


def document(p50_s: float = 0.02) -> Record:
    """Return a saved run: a sweep, its knee, a cold start; reports and comparisons read it."""
    loads = run(steady(0.25, p50_s), steady(0.125, p50_s))
    loads[name(0.1).replace("0.1s", "knee")] = steady(0.1, p50_s, knee=copy.deepcopy(SEARCHED))
    loads["t.py::test_cold"] = steady(None, p50_s)
    benches = [
        {"fullname": test, "extra_info": {"load": load}, "stats": {"data": [0.1]}}
        for test, load in loads.items()
    ]
    return {"machine_info": copy.deepcopy(reportfiles.MACHINE), "datetime": "2026", "benchmarks": benches}


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to everything in a document."""
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield (*at, key)
        yield from places(value[key], (*at, key))


PLACES = list(places(document(0.03)))


def check_comparisons(
    directory: Path, capsys: pytest.CaptureFixture[str], place: tuple[Any, ...], odd: Any
) -> None:
    """Compare a whole run with a changed one both ways: a table, or one line of error."""
    changed = document(0.03)
    *way, last = place
    part: Any = changed
    for key in way:
        part = part[key]
    if odd == "missing":
        del part[last]
    else:
        part[last] = odd
    (directory / "old.json").write_text(json.dumps(document()))
    (directory / "new.json").write_text(json.dumps(changed))
    for files in (("old.json", "new.json"), ("new.json", "old.json")):
        status = main.main(["compare", *(str(directory / file) for file in files)])
        told = capsys.readouterr().err
        assert status == (2 if told else 0)
        assert told.count("\n") == bool(told)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.sampled_from(PLACES), odd=st.sampled_from([*ODD, "missing"]))
def test_whatever_is_in_a_file_a_comparison_is_made_or_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], place: tuple[Any, ...], odd: Any
) -> None:
    check_comparisons(tmp_path, capsys, place, odd)


def test_whatever_is_missing_in_a_record_a_comparison_is_made_or_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for place in PLACES:
        if len(place) == 5 and place[1] in {0, 2}:  # a key of a sweep's record and of a search's
            check_comparisons(tmp_path, capsys, place, "missing")


def test_a_whole_record_has_no_fault() -> None:
    for each in document()["benchmarks"]:
        assert fault(each["extra_info"]["load"]) == ""
    for whole in (*reportfiles.sweep("some"), *reportfiles.means_only("old")):
        record = {**whole["extra_info"]["load"], "settings": {}, "variant": {}}
        assert fault(record) == ""


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"target": None}, "target should be a text, is None"),
        ({"mode": "warm"}, "mode should be sweep or cold, is 'warm'"),
        ({"time_step_s": None}, "time_step_s should be a number > 0, is None"),
        ({"offered_rate_hz": 0}, "offered_rate_hz should be a number > 0, is 0"),
        ({"variant": None}, "variant should be a mapping, is None"),
        ({"throughput_hz": float("inf")}, "throughput_hz should be a number >= 0, or null, is inf"),
        ({"per_trial": [{"p50": 1.0}, {"p50": "x"}]}, "per_trial[1].p50 should be a number >= 0, or null"),
        ({"per_trial": [None]}, "per_trial[0] should be a mapping, is None"),
        ({"per_trial": [{"failure_rate": 2}]}, "per_trial[0].failure_rate should be a share from 0 to 1"),
        ({"response_time_s": {"n": 1}}, "response_time_s.censored is missing"),
        ({"knee": {**SEARCHED, "loads": [3]}}, "knee.loads[0]: it should be a record, is 3"),
        ({"knee": {**SEARCHED, "loads": [steady(None)]}}, "knee.loads[0]: mode should be sweep"),
    ],
)
def test_a_fault_says_where_what_and_what_was_expected(changed: Record, told: str) -> None:
    assert told in fault(steady(0.5) | changed)


def test_a_search_of_which_a_part_is_missing_is_none() -> None:
    assert knee_fault(SEARCHED) == knee_fault(None) == ""
    assert knee_fault({key: each for key, each in SEARCHED.items() if key != "upper_reason"}) == (
        "knee.upper_reason is missing"
    )


def test_a_pipe_is_read_to_its_end() -> None:
    reading, writing = os.pipe()  # as a shell makes one of <(...)

    def write() -> None:
        with os.fdopen(writing, "w") as stream:
            stream.write(json.dumps({"data": [0.1] * 100_000}))

    writer = threading.Thread(target=write)
    writer.start()
    assert saved_file.document(Path(f"/proc/self/fd/{reading}")) == {"data": []}
    writer.join()
    os.close(reading)


def test_what_would_never_end_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for file, told in ((str(pipe), "Expecting value"), ("/dev/zero", "it is a device")):
        assert main.main(["compare", file, file]) == 2
        assert told in capsys.readouterr().err
        assert main.main(["report", file, "-o", str(tmp_path / "report")]) == 2
        assert told in capsys.readouterr().err
    assert not (tmp_path / "report").exists()


def test_a_report_passes_by_numbers_that_nobody_measured(tmp_path: Path) -> None:
    benches = reportfiles.sweep("some")
    benches[0]["extra_info"]["load"]["throughput_hz"] = 1e308
    benches[1]["extra_info"]["load"]["achieved_rate_hz"] = 10**400
    benches[2]["extra_info"]["load"]["phases_s"]["boot"]["censored"] = 1e308
    benches[2]["extra_info"]["load"]["knee"] = {"loads": 7}
    file = reportfiles.write(tmp_path / "out.json", benches)
    assert main.main(["report", str(file), "-o", str(tmp_path / "report")]) == 0


def test_a_label_that_is_cut_within_a_character_is_drawn(tmp_path: Path) -> None:
    benches = reportfiles.sweep("\N{ROCKET}" * 40) + reportfiles.sweep("\ud800".join("ab"), "test_half")
    file = reportfiles.write(tmp_path / "out.json", benches)
    assert main.main(["report", str(file), "-o", str(tmp_path / "report")]) == 0
    assert "\N{ROCKET}" in (tmp_path / "report" / "report.html").read_text()
