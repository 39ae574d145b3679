"""Records against their schema: a fault has the place, the expected kind and the value found."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import finishedrun
import kbfiles
import pytest
import reportfiles
from comparedruns import Record, mixed, steady
from places import RECORDS

from pytest_unikernel.commands import main
from pytest_unikernel.results.record.check import DEEPEST, Fault, Modes, checked, declared, faults, fits
from pytest_unikernel.results.record.schema import BY_MODE, Sweep
from pytest_unikernel.results.record.sound import sound
from pytest_unikernel.results.record.whole import WHOLE, WholeSweep
from pytest_unikernel.results.result import LoadResult

SEARCHED = finishedrun.search().as_json()
FIELDS = LoadResult.__dataclass_fields__


def fault_texts(record: Any, modes: Modes = BY_MODE) -> list[str]:
    return [str(fault) for fault in faults(record, modes)]


def saved(path: Path) -> list[Record]:
    return [each["extra_info"]["load"] for each in json.loads(path.read_text())["benchmarks"]]


# whole records -------------------------------------------------------------------------------------


def of_every_version() -> Iterator[Record]:
    for path in sorted(RECORDS.glob("*.json")):
        yield from saved(path)
    for each in finishedrun.document()["benchmarks"]:
        yield each["extra_info"]["load"]


def made_up() -> Iterator[Record]:
    for each in (*reportfiles.sweep("some"), *reportfiles.means_only("old")):
        yield {**each["extra_info"]["load"], "settings": {}, "per_trial": []}
    yield from (steady(0.5), steady(None), mixed(0.5, ["ok", "failing"], "failing"))


def test_records_of_every_version_are_records_and_all_of_them_is_sound() -> None:
    found = [*of_every_version(), *made_up()]
    assert {record.get("schema") for record in found} == {1, 2, None}
    for record in found:
        assert checked(record) is record
        assert sound(record) == _with_nulls(record, sound(record))


def _with_nulls(value: Any, whole: Any) -> Any:
    """Return a value with null for each key that only the complete value has."""
    if isinstance(value, dict) and isinstance(whole, dict):
        return {**dict.fromkeys(whole), **{key: _with_nulls(value[key], whole[key]) for key in value}}
    if isinstance(value, list) and isinstance(whole, list):
        return [_with_nulls(*both) for both in zip(value, whole, strict=True)]
    return value


def test_what_a_run_has_measured_can_be_gone_on_from_whatever_its_version() -> None:
    for record in of_every_version():
        assert fault_texts(record, WHOLE) == []


def test_what_is_imported_is_a_record(tmp_path: Path) -> None:
    kbfiles.write(tmp_path / "rust-output-r0.5", *(kbfiles.launch("rust", each) for each in range(9)))
    (tmp_path / "rust-results-r0.5.txt").write_text(kbfiles.result((60.0, 90), (60.0, 91)))
    for source in (kbfiles.DATA, tmp_path / "rust-output-r0.5", tmp_path / "rust-results-r0.5.txt"):
        assert main.main(["import", str(source), "-o", str(tmp_path / "o.json"), "--force"]) == 0
        found = saved(tmp_path / "o.json")
        assert found
        assert [line for record in found for line in fault_texts(record)] == []


def test_keys_of_later_versions_are_ignored() -> None:
    later = {**SEARCHED, "planets": [{"name": "a"}], "host": {**SEARCHED["host"], "temperature_k": "cold"}}
    assert fault_texts(later, WHOLE) == []


def test_the_schema_has_the_keys_of_a_result_and_what_only_imported_records_have() -> None:
    keys = {field.encode_name for field in declared(Sweep)}
    assert keys == {*FIELDS, "source"} - {"responses_s"}


def test_a_whole_record_needs_what_a_result_cannot_be_made_without() -> None:
    needed = {field.encode_name for field in declared(WholeSweep) if field.required}
    later = {
        "stamps",
        "knee",
        "slo",
        "spread",
        "quiescence",
        "partition",
        "over_time",
        "series",
        "first_attempt",
        "run",
        "hosts",
        "precision",
        "knees",
    }
    assert needed == {*FIELDS} - later - {"responses_s"}


# faults --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"target": None}, "load.target: expected a text, got None"),
        ({"mode": "warm"}, "load.mode: expected 'sweep' or 'cold', got 'warm'"),
        ({"mode": []}, "load.mode: expected 'sweep' or 'cold', got []"),
        ({"time_step_s": None}, "load.time_step_s: expected a number > 0, got None"),
        ({"offered_rate_hz": 0}, "load.offered_rate_hz: expected a number > 0, got 0"),
        ({"variant": None}, "load.variant: expected an object, got None"),
        ({"interrupted": 1}, "load.interrupted: expected true or false or null, got 1"),
        ({"throughput_hz": "x"}, "load.throughput_hz: expected a number >= 0 or null, got 'x'"),
        ({"throughput_hz": True}, "load.throughput_hz: expected a number >= 0 or null, got True"),
        ({"throughput_hz": float("nan")}, "load.throughput_hz: expected a number >= 0 or null, got nan"),
        (
            {"throughput_hz": 1e308},
            "load.throughput_hz: expected a number >= 0 or null, at most 1e+15, got 1e+308",
        ),
        ({"completed": 1.5}, "load.completed: expected a whole number >= 0 or null, got 1.5"),
        ({"per_trial": [None]}, "load.per_trial[0]: expected an object, got None"),
        (
            {"per_trial": [{"p50": 1.0}, {"p50": -1}]},
            "load.per_trial[1].p50: expected a number >= 0 or null, got -1",
        ),
        (
            {"per_trial": [{"failure_rate": 2}]},
            "load.per_trial[0].failure_rate: expected a share from 0 to 1 or null, got 2",
        ),
        (
            {"phases_s": {"a->b": {"mean": "x"}}},
            "load.phases_s['a->b'].mean: expected a number >= 0 or null, got 'x'",
        ),
        (
            {"distribution": {"response_time_s": [[1, 2], [3]]}},
            "load.distribution.response_time_s[1]: expected a pair of whole numbers, got [3]",
        ),
        ({"knee": 3}, "load.knee: expected an object or null, got 3"),
        ({"response_time_s": {"n": 1}}, "load.response_time_s.censored is missing"),
        ({"failed": {"\x1b[31m": "x"}}, r"load.failed['\x1b[31m']: expected a whole number >= 0, got 'x'"),
    ],
)
def test_a_fault_says_where_what_was_expected_and_what_is_there(changed: Record, fault: str) -> None:
    record = {**SEARCHED, **changed}
    assert fault_texts(record)[0] == fault
    assert str(checked(record)) == fault


def test_all_faults_are_found_each_by_itself() -> None:
    record = copy.deepcopy(SEARCHED)
    record["knee"]["loads"][0]["mode"] = "cold"
    record["knee"]["loads"][1]["response_time_s"]["p50"] = True
    record["host"] = []
    del record["knee"]["rate_hz"], record["knee"]["loads"][1]["mode"]
    assert set(fault_texts(record)) == {
        "load.host: expected an object or null, got []",
        "load.knee.rate_hz is missing",
        "load.knee.loads[1].mode is missing",
        "load.knee.loads[0].mode: expected 'sweep', got 'cold'",
        "load.knee.loads[1].response_time_s.p50: expected a number >= 0 or null, got True",
    }


@pytest.mark.parametrize("value", [None, 3, "x", [], [SEARCHED]])
def test_what_has_no_keys_is_no_record(value: object) -> None:
    found = checked(value)
    assert isinstance(found, Fault)
    assert (found.where, found.expected) == ("load", "an object")


def test_what_is_missing_is_named() -> None:
    found = list(faults({}))
    assert all(each.missing for each in found)
    assert str(found[0]) == "load.target is missing"
    assert "load.mode is missing" in fault_texts({})


def test_a_cold_start_has_no_time_step_and_no_knee() -> None:
    cold = finishedrun.load(None).as_json()
    assert fault_texts(cold) == []
    assert fault_texts({**cold, "time_step_s": 1.0}) == ["load.time_step_s: expected null, got 1.0"]
    assert fault_texts({**cold, "knee": SEARCHED["knee"]})[0].startswith("load.knee: expected null, got {")


def test_values_that_are_nested_too_deeply_are_refused_wherever_they_are() -> None:
    nested: Any = 1
    for _ in range(DEEPEST - 2):
        nested = [nested]
    assert fault_texts({**SEARCHED, "variant": {"a": nested}}) == []
    assert fault_texts({**SEARCHED, "unknown": {"a": [nested]}})[0].startswith(
        "load: expected values nested at most 64"
    )


def test_half_a_character_is_a_text_and_nothing_else() -> None:
    assert fault_texts({**SEARCHED, "ready": "\ud800"}) == []
    assert fault_texts({**SEARCHED, "window_s": "\ud800"})[0].endswith(r"got '\ud800'")


def test_numbers_that_json_cannot_tell_apart_are_equal_to_the_schema() -> None:
    assert fits({**SEARCHED, "window_s": 4}, Sweep)
    assert not fits({**SEARCHED, "window_s": Fraction(4)}, Sweep)
