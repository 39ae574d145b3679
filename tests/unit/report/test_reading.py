"""A report's reading of files: records without samples, series, labels; errors that name the fault."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reportfiles import bench, load, means_only, sweep, write

from pytest_unikernel.errors import ReportError
from pytest_unikernel.report import cells
from pytest_unikernel.report.load import ReportedLoad
from pytest_unikernel.report.reading import load_of, read_documents
from pytest_unikernel.report.series import Document, Results
from pytest_unikernel.results.saved_file import without_samples


def test_samples_are_left_out_and_nothing_else() -> None:
    document = {
        "benchmarks": [{"stats": {"data": [0.1, 2e-3, -1], "mean": 1}, "extra_info": {"x": ["]", 1]}}]
    }
    for indent in (None, 4):
        text = json.dumps(document, indent=indent).encode()
        stats = {"data": [], "mean": 1}
        assert json.loads(without_samples(text)) == {
            "benchmarks": [{**document["benchmarks"][0], "stats": stats}]
        }


def _without(value: object) -> object:
    """Return the expected result of reading without samples."""
    if isinstance(value, dict):
        return {
            key: [] if key == "data" and _numbers(each) else _without(each) for key, each in value.items()
        }
    return [_without(each) for each in value] if isinstance(value, list) else value


def _numbers(value: object) -> bool:
    literals = (int, float, type(None))
    return isinstance(value, list) and all(isinstance(each, literals) for each in value)


NAMES = st.sampled_from(["data", '"data', 'data"', "\\", 'a"data": [1]', "]", '\\"data": [1', "x"])
VALUES = st.recursive(
    st.one_of(st.integers(), st.booleans(), st.none(), NAMES),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(NAMES, inner, max_size=4)),
    max_leaves=12,
)


@given(VALUES, st.sampled_from([None, 1]))
def test_whatever_the_names_are_the_rest_of_a_file_stays(value: object, indent: int | None) -> None:
    text = json.dumps(value, indent=indent).encode()
    assert json.loads(without_samples(text)) == _without(value)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"{", "which is not JSON"),
        (b"\xff\xfe\x00", "which is not JSON"),
        (b"[1]", "no list of benchmarks"),
        (b'{"benchmarks": 3}', "no list of benchmarks"),
        (b'{"benchmarks": []}', "got none in"),
        (b'{"benchmarks": [{"fullname": "x", "extra_info": {}}, 7]}', "got none in"),
        (b'{"benchmarks": [{"extra_info": {"load": {"x": 1}}}]}', "benchmark 1: expected extra_info.load"),
        (b'{"benchmarks": [{"extra_info": {"load": [1]}}]}', "benchmark 1: expected extra_info.load"),
        (b"[" * 100_000, "which is not JSON"),
    ],
)
def test_a_file_that_is_none_of_results_says_what_is_wrong(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "out.json"
    path.write_bytes(content)
    with pytest.raises(ReportError, match=says) as caught:
        read_documents([path])
    assert str(path) in str(caught.value)


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=r"can't read .*missing\.json.*No such file"):
        read_documents([tmp_path / "missing.json"])


@pytest.mark.parametrize(
    ("fullname", "step_s", "series"),
    [
        ("t.py::test_a[0.5s]", 0.5, "t.py::test_a"),
        ("t.py::test_a[kvm-0.0009765625s]", 2**-10, "t.py::test_a[kvm]"),
        ("t.py::test_a[a[b]-4s]", 4.0, "t.py::test_a[a[b]]"),
        ("t.py::test_a[1.0s]", 1.0, "t.py::test_a"),
        ("t.py::test_a[0.1s]", 0.1, "t.py::test_a"),
        ("t.py::test_a[1e-3s]", 0.002, "t.py::test_a[1e-3s]"),
        ("t.py::test_a[kvm-knee]", 0.3, "t.py::test_a[kvm]"),
        ("t.py::test_a[x-0.5s]", 0.25, "t.py::test_a[x-0.5s]"),
        ("t.py::test_a", 0.5, "t.py::test_a"),
        ("t.py::test_a[x]", None, "t.py::test_a[x]"),
    ],
)
def test_a_series_is_a_test_without_its_time_step(fullname: str, step_s: float | None, series: str) -> None:
    assert load_of(fullname, {"target": "x", "time_step_s": step_s}).series == series


def test_steps_go_from_slow_to_fast_and_cold_starts_apart(tmp_path: Path) -> None:
    results = Results(read_documents([write(tmp_path / "a.json", reversed_of(sweep("one")))]))
    assert [each.step_s for each in results.sweeps[0].loads] == [0.25, 0.125, 0.0625, 0.03125]
    assert [each.label for each in results.colds] == ["one"]
    assert results.labels == ["one"]


def reversed_of(benchmarks: list[dict[str, object]]) -> list[dict[str, object]]:
    return benchmarks[::-1]


def test_the_knee_is_the_fastest_step_that_was_ok(tmp_path: Path) -> None:
    series = Results(read_documents([write(tmp_path / "a.json", sweep("one"))])).sweeps[0]
    knee, load_at = series.knee, series.knee_load()
    assert knee is not None
    assert (knee.fastest_ok_hz, knee.first_not_ok_hz, series.cores) == (16.0, 32.0, 2.0)
    assert load_at is not None
    assert load_at.step_s == 0.0625


def searched(**changes: object) -> list[dict[str, Any]]:
    """Return a sweep that was saturated at 16/s, and the search between that and 8/s."""
    loads = [load("one", 0.1), load("one", 0.08, verdict="saturated")]
    knee = {
        "rate_hz": 11.0, "per_core_hz": 5.5, "lower_hz": 9.7, "upper_hz": 12.5, "lower_bound": False,
        "narrow": False, "interrupted": False, "upper_verdict": "saturated", "upper_reason": "",
        "loads": loads,
    }  # fmt: skip
    steps = [load("one", 0.25), load("one", 0.125), load("one", 0.0625, verdict="saturated")]
    found = bench("test_one", {**loads[0], "knee": knee, **changes})
    found["fullname"] = "test_it.py::test_one[knee]"
    return [*(bench("test_one", each) for each in steps), found]


def test_the_loads_of_a_search_are_among_the_steps_and_each_is_there_once(tmp_path: Path) -> None:
    (series,) = Results(read_documents([write(tmp_path / "a.json", searched())])).sweeps
    assert [each.step_s for each in series.loads] == [0.25, 0.125, 0.1, 0.08, 0.0625]
    load_at = series.knee_load()
    assert load_at is not None
    assert cells.fastest_ok(series.knee) == "11/s (9.7 to 12.5)"
    assert cells.fastest_ok(series.knee, 2.0) == "5.5/s"
    assert load_at.step_s == 0.1  # offered 10/s: where it was found, although 9.7/s were completed


def test_a_search_that_was_cut_short_marks_no_load_as_interrupted(tmp_path: Path) -> None:
    (series,) = Results(read_documents([write(tmp_path / "a.json", searched(interrupted=True))])).sweeps
    assert [each.verdict for each in series.loads] == ["ok", "ok", "ok", "saturated", "saturated"]


def test_a_knee_beyond_all_steps_is_not_marked(tmp_path: Path) -> None:
    ok = [bench("test_a", load("one", step_s)) for step_s in (0.5, 0.25)]
    series = Results(read_documents([write(tmp_path / "a.json", ok)])).sweeps[0]
    assert series.knee_load() is None
    assert series.fastest_ok() is series.loads[-1]


def test_imported_means_have_no_knee(tmp_path: Path) -> None:
    series = Results(read_documents([write(tmp_path / "a.json", means_only("Rust"))])).sweeps[0]
    assert series.knee is None
    latency = series.loads[0].latency
    assert latency is not None
    assert (latency.value_s, latency.statistic, latency.quantity) == (0.3, "mean", "service")


def test_targets_of_several_files_are_told_apart(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{name}.json", sweep("one")) for name in ("new", "old")]
    results = Results(read_documents(paths))
    assert results.labels == ["one (new)", "one (old)"]


def test_targets_of_several_tests_are_told_apart(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.json", [*sweep("one", "test_a"), *sweep("one", "test_b"), *sweep("two", "test_c")]
    )
    assert [each.label for each in Results(read_documents([path])).sweeps] == [
        "one (test_a)",
        "one (test_b)",
        "two",
    ]


def test_a_baseline_has_the_labels_of_what_it_stands_beside(tmp_path: Path) -> None:
    now, was = (read_documents([write(tmp_path / f"{name}.json", sweep("one"))]) for name in ("now", "was"))
    results = Results(now, was)
    assert [(each.label, each.run) for each in results.sweeps] == [("one", "current"), ("one", "baseline")]
    assert results.baseline_of(results.sweeps[0]) is results.sweeps[1]
    assert results.compared


@pytest.mark.parametrize("value", [None, True, "4", float("nan"), float("inf"), [], {}])
def test_what_is_no_number_is_unknown(value: object) -> None:
    odd = ReportedLoad(
        "x", "x", {"target": "x", "time_step_s": value, "host": value, "response_time_s": {"p50": value}}
    )
    assert odd.step_s is None
    assert odd.number("host", "cpu_percent") is None
    assert odd.latency is None


def test_loads_of_one_document_keep_their_order() -> None:
    loads = [load_of(f"t.py::test_{name}", {"target": name, "mode": "cold"}) for name in "cab"]
    assert Results([Document("x", loads)]).labels == ["c", "a", "b"]
