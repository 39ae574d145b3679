"""Raw data as Parquet: the same table as the CSV, with types."""

from __future__ import annotations

import csv
import gzip
import importlib.util
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from pytest_unikernel import Bench, LoadError
from pytest_unikernel.results.launches import LaunchLog
from pytest_unikernel.results.trial import Trial
from pytest_unikernel.run import raw_parquet
from pytest_unikernel.run.raw import write_raw
from pytest_unikernel.run.raw_columns import COLUMNS
from pytest_unikernel.testing import FakeTarget

FAKE = FakeTarget(service_time_s=0.01, fail_every=3)
QUICK: dict[str, Any] = {"warmup": 0, "window": 1, "live": False}


def text(value: object) -> str:
    """Return a value as the CSV has it."""
    return "" if value is None else str(int(value)) if isinstance(value, bool) else str(value)


def test_it_has_the_rows_of_the_csv(tmp_path: Path) -> None:
    with Bench(raw=tmp_path, **QUICK) as bench:
        result = bench.load(FAKE, rate_hz=16, trials=2)
    assert [each.suffix for each in tmp_path.iterdir()] == [".gz"]
    trials = result.trials_run
    paths = [write_raw(tmp_path, FAKE, trials, "0" * 32, kind=kind) for kind in ("csv", "parquet")]
    assert [each.name.partition("s")[2] for each in paths] == ["-run2.csv.gz", ".parquet"]
    with gzip.open(paths[0], "rt", newline="") as file:
        rows = list(csv.DictReader(file))
    table = parquet.read_table(paths[1])
    assert tuple(table.column_names) == COLUMNS
    floats = {"time_step_s", "user_s", "system_s", "unix_offset_ns"}  # the clock is read anew
    for name in set(COLUMNS) - floats:
        assert [text(value) for value in table[name].to_pylist()] == [row[name] for row in rows], name
    assert set(table["time_step_s"].to_pylist()) == {1 / 16}


def test_the_format_is_a_setting(tmp_path: Path) -> None:
    with Bench(raw=tmp_path, raw_format="parquet", **QUICK) as bench:
        bench.cold(FAKE, 3)
    (path,) = tmp_path.iterdir()
    assert path.name == "fake-cold.parquet"
    assert set(parquet.read_table(path)["time_step_s"].to_pylist()) == {None}


def test_a_long_table_has_several_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw_parquet, "GROUP_ROWS", 2)
    log = LaunchLog()
    for at_ns in range(5):
        log.add(at_ns)
        log.events[at_ns] = {"create": 7 + at_ns} if at_ns != 3 else {}
    trial = Trial(log.trim(), range(1, 4), 1, 4, 1.0)
    path = write_raw(tmp_path, FAKE, [trial], "0" * 32, kind="parquet")
    assert parquet.ParquetFile(path).num_row_groups == 3
    assert parquet.read_table(path)["event_create_at_ns"].to_pylist() == [7, 8, 9, None, 11]


def test_an_empty_trial_is_an_empty_table(tmp_path: Path) -> None:
    trial = Trial(LaunchLog().trim(), range(0), 0, 1, 1.0)
    assert parquet.read_table(write_raw(tmp_path, FAKE, [trial], "0" * 32, kind="parquet")).num_rows == 0


def test_without_pyarrow_nothing_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw_parquet, "LIBRARY", "no_such_library")
    assert importlib.util.find_spec("no_such_library") is None
    with (
        Bench(raw=tmp_path, raw_format="parquet", **QUICK) as bench,
        pytest.raises(LoadError, match=r"raw_format='parquet': pyarrow is not installed; pip install "),
    ):
        bench.cold(FAKE, 1)
    assert not bench.results
