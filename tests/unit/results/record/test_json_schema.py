"""The published JSON Schema: made from the types, up to date, and valid for written records."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import finishedrun
import jsonschema
import pytest
from places import DOCS, RECORDS

from pytest_unikernel.results.record import json_schema
from pytest_unikernel.results.record.check import declared
from pytest_unikernel.results.record.schema import BY_MODE

FILE = DOCS / "reference" / "record.schema.json"
PUBLISHED: dict[str, Any] = json.loads(FILE.read_text())
VALIDATOR = jsonschema.Draft202012Validator(PUBLISHED)


def test_the_published_file_is_what_the_command_writes() -> None:
    command = [sys.executable, "-m", "pytest_unikernel.results.record.json_schema"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == FILE.read_text(), f"stale: {' '.join(command[1:])} > {FILE}"


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(PUBLISHED)


def test_every_key_has_its_line_and_every_line_its_key() -> None:
    for part in json_schema.parts_of(BY_MODE.values()):
        lines, keys = json_schema.key_lines(part), {field.name for field in declared(part)}
        assert lines.keys() == keys, part
        assert all(line.endswith(".") and len(line) < 110 for line in lines.values()), part


def test_every_key_of_every_part_is_described() -> None:
    for name, part in PUBLISHED["$defs"].items():
        assert part["description"], name
        assert all(key["description"] for key in part["properties"].values()), name


def test_quantities_have_their_unit_in_their_name() -> None:
    unitless = {
        "ratio",
        "cv",
        "failure_rate",
        "base",
        "backlog_share",
        "load1_max",
        "processes_max",
        "cpu_count",
        "cpus",
    }
    unitless |= {"psi_cpu", "psi_memory", "psi_io"}  # per cent, by the kernel's own name
    in_seconds = {"min", "mean", "max", "stddev", "p50", "p90", "p95", "p99", "p99.9"}  # parts of *_s
    unitless |= {"estimate", "low", "high"}  # in the unit of the metric that a precision is of
    for name, part in PUBLISHED["$defs"].items():
        numbers = {key for key, about in part["properties"].items() if '"number"' in json.dumps(about)}
        named = {key for key in numbers if key.endswith(("_s", "_hz", "_bytes", "_percent", "_s_per_launch"))}
        assert numbers - named <= unitless | in_seconds, name


@pytest.mark.parametrize("path", sorted(RECORDS.glob("*.json")), ids=lambda path: path.name)
def test_records_of_every_version_validate(path: Any) -> None:
    for each in json.loads(path.read_text())["benchmarks"]:
        VALIDATOR.validate(each["extra_info"]["load"])


def test_a_record_that_is_written_today_validates_and_a_damaged_one_does_not() -> None:
    for each in finishedrun.document()["benchmarks"]:
        record = each["extra_info"]["load"]
        VALIDATOR.validate(record)
        assert not VALIDATOR.is_valid({**record, "target": None})
        assert not VALIDATOR.is_valid({key: record[key] for key in record if key != "settings"})
