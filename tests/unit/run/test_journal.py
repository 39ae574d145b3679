"""The journal of finished steps."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_unikernel.errors import LoadError
from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.plan.target import Target
from pytest_unikernel.results.launches import LaunchLog
from pytest_unikernel.results.pooling import make_result
from pytest_unikernel.results.result import LoadResult, Surroundings
from pytest_unikernel.results.trial import Trial
from pytest_unikernel.results.verdict import verdict
from pytest_unikernel.run import journal, resumed


def result(*, interrupted: bool = False, completed: int = 3) -> LoadResult:
    """Return a load of completed launches that took 10 ns, 20 ns ..."""
    log = LaunchLog()
    for number in range(completed):
        row = log.add(100 * number)
        log.started_ns[row] = 100 * number
        log.ready_ns[row] = log.exited_ns[row] = 100 * number + 10 * (number + 1)
        log.outcome[row] = Outcome.COMPLETED
    trial = Trial(log.trim(), range(completed), 0, 100 * completed, 100.0)
    around: dict[str, Any] = {"versions": {}, "generator": {}, "host": {}, "guards": {}}
    surroundings = Surroundings(
        "sweep",
        1e-7,
        "fixed",
        (),
        0.0,
        2.0,
        60.0,
        **around,
        settings={"window_s": 1.0},
        interrupted=interrupted,
    )
    return make_result(Target("a", ["/bin/true"]), [trial], [verdict(trial)], surroundings)


def test_what_was_added_is_read_back_exactly(tmp_path: Path) -> None:
    written = journal.Journal(tmp_path)
    written.add("x", result())
    written.add("y", result(completed=2))
    path = written.close(keep=True)
    assert path is not None
    found = resumed.read(path)
    assert list(found) == ["x", "y"]
    assert found["x"].responses_s == [1e-8, 2e-8, 3e-8]
    assert found["x"].result().as_json() == result().as_json()


def test_an_interrupted_step_is_not_finished(tmp_path: Path) -> None:
    written = journal.Journal(tmp_path)
    written.add("x", result(interrupted=True))
    assert written.close(keep=True) is None
    assert list(tmp_path.iterdir()) == []


def test_a_journal_that_is_not_kept_is_gone(tmp_path: Path) -> None:
    written = journal.Journal(tmp_path)
    written.add("x", result())
    assert len(list(tmp_path.iterdir())) == 1
    assert written.close(keep=False) is None
    assert list(tmp_path.iterdir()) == []


def test_a_line_is_whole_on_disk_before_the_next_step(tmp_path: Path) -> None:
    written = journal.Journal(tmp_path)
    written.add("x", result())
    (path,) = tmp_path.iterdir()
    assert list(resumed.read(path)) == ["x"]
    written.close(keep=False)


def test_the_journal_of_a_living_run_is_not_abandoned(tmp_path: Path) -> None:
    written = journal.Journal(tmp_path)
    written.add("x", result())
    assert journal.abandoned(tmp_path) == []
    path = written.close(keep=True)
    assert journal.abandoned(tmp_path) == [path]


def test_journals_of_one_second_do_not_collide(tmp_path: Path) -> None:
    both = [journal.Journal(tmp_path), journal.Journal(tmp_path)]
    for name, each in zip("xy", both, strict=True):
        each.add(name, result())
    assert len(list(tmp_path.iterdir())) == 2
    assert None not in {each.close(keep=True) for each in both}


def test_a_journal_goes_when_a_later_run_has_all_its_steps(tmp_path: Path) -> None:
    for names in ("x", "xy"):
        old = journal.Journal(tmp_path)
        for name in names:
            old.add(name, result())
        old.close(keep=True)
    assert len(journal.abandoned(tmp_path)) == 1  # the second has all steps of the first
    later = journal.Journal(tmp_path)
    later.add("x", result())
    later.close(keep=False)
    assert len(journal.abandoned(tmp_path)) == 1  # only this journal has y
    last = journal.Journal(tmp_path)
    last.add("y", result())
    last.add("x", result())
    last.close(keep=False)
    assert journal.abandoned(tmp_path) == []


def test_a_directory_that_cannot_be_written_costs_the_journal_only(tmp_path: Path) -> None:
    written = journal.Journal(tmp_path / "missing")
    written.add("x", result())
    written.add("y", result())
    assert written.close(keep=True) is None


def test_half_a_line_on_a_full_disk_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written, write = journal.Journal(tmp_path), os.write
    written.add("x", result())
    monkeypatch.setattr(os, "write", half(write))
    written.add("y", result())
    monkeypatch.undo()
    assert written.lacks == os.strerror(errno.ENOSPC)
    written.add("z", result())
    path = written.close(keep=True)
    assert path is not None
    assert list(resumed.read(path)) == ["x", "z"]


def half(write: Callable[[int, bytes], int]) -> Callable[[int, bytes], int]:
    """Return a write that takes ten bytes, and then no more."""
    left = [10]

    def write_half(descriptor: int, data: bytes) -> int:
        if not left:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, data[: left.pop()])

    return write_half


def test_no_directory_means_no_journal() -> None:
    written = journal.Journal(None)
    written.add("x", result())
    assert written.close(keep=True) is None


def test_a_missing_file_is_an_error_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match=r"can't read .*missing"):
        resumed.read(tmp_path / "missing")


def test_records_of_other_benchmarks_in_a_saved_file_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "saved.json"
    other = {"fullname": "other", "extra_info": {}, "stats": {"data": [1.0]}}
    ours = {
        "fullname": "x",
        "extra_info": {"load": result().as_json()},
        "stats": {"data": [1e-8, 2e-8, 3e-8]},
    }
    path.write_text(json.dumps({"benchmarks": [other, ours]}))
    assert list(resumed.read(path)) == ["x"]


def test_the_placeholder_of_a_load_without_completions_is_no_sample(tmp_path: Path) -> None:
    path = tmp_path / "saved.json"
    failed = {**result().as_json(), "completed": 0}
    bench = {"fullname": "x", "extra_info": {"load": failed}, "stats": {"data": [60.0]}}
    path.write_text(json.dumps({"benchmarks": [bench]}))
    assert resumed.read(path)["x"].responses_s == []


@pytest.mark.parametrize(
    "content",
    [
        '{"benchmarks": 3}',
        '{"benchmarks": [3]}',
        '{"benchmarks": [{"extra_info": {"load": 3}}]}',
        '{"benchmarks": [{"extra_info": {"load": {"interrupted": false}}}]}',
        "[" * 100_000,
        "[" * 100_000 + "\n",
    ],
)
def test_a_file_that_is_neither_says_where_it_stops_to_make_sense(tmp_path: Path, content: str) -> None:
    path = tmp_path / "some.json"
    path.write_text(content)
    with pytest.raises(
        LoadError, match=r"some\.json, (line|benchmark) 1: (expected a .*, got|load\.target is missing)"
    ):
        resumed.read(path)


def test_a_saved_benchmark_without_extra_info_is_passed_by(tmp_path: Path) -> None:
    path = tmp_path / "some.json"
    path.write_text('{"benchmarks": [{"fullname": "x", "extra_info": null}]}')
    assert resumed.read(path) == {}
