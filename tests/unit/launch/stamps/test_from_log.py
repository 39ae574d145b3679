"""Stamps that a log holds: read by offset, matched by id, of others counted, never a byte changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from pytest_unikernel.clock import monotonic_ns, unix_ns
from pytest_unikernel.launch.process.instances import id_prefix
from pytest_unikernel.launch.stamps.from_log import StampLogReader
from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.plan.stamps import Stamp, StampLog
from pytest_unikernel.plan.target import Target
from pytest_unikernel.results.intervals import intervals, neighbours, stamp_counts
from pytest_unikernel.results.launches import LaunchLog
from pytest_unikernel.results.trial import Trial

SESSION = "0123456789abcdef"
MINE = id_prefix(SESSION)


def parser() -> Callable[[bytes], Iterable[Stamp | None]]:
    pending = b""

    def parse(data: bytes) -> Iterable[Stamp | None]:
        nonlocal pending
        *lines, pending = (pending + data).split(b"\n")
        for line in lines:
            words = line.decode().split()
            yield Stamp(words[0], words[1], int(words[2])) if len(words) == 3 else None

    return parse


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return tmp_path / "book"


def reader_of(book: Path) -> StampLogReader:
    return StampLogReader(StampLog(str(book), parser), SESSION)


def rows(*numbers: int) -> LaunchLog:
    log = LaunchLog()
    for number in numbers:
        row = log.add(monotonic_ns())
        log.instance[row], log.outcome[row] = number, Outcome.COMPLETED
    return log


def write(book: Path, *lines: str) -> None:
    with book.open("a") as file:
        file.write("".join(f"{line}\n" for line in lines))


def test_each_launch_gets_its_own_stamps_and_one_that_came_twice_counts_last(book: Path) -> None:
    reader, log, now_ns = reader_of(book), rows(1, 10), unix_ns()
    write(book, f"{MINE}1 A {now_ns}", f"{MINE}10 A {now_ns + 5}", f"{MINE}1 A {now_ns + 7}", "foreign")
    reader.settle(log)
    assert log.events[0]["A"] - log.events[1]["A"] == 2
    assert log.wall_clock == {"A"}
    assert (log.other_stamps, log.foreign_lines) == (0, 1)


def test_what_was_there_before_and_what_is_of_others_is_not_ours(book: Path) -> None:
    write(book, f"{MINE}1 A 1")
    reader, log = reader_of(book), rows(1)
    write(book, f"uffffffff-1 A {unix_ns()}", f"x{MINE}1 A {unix_ns()}", f"{MINE}2 A {unix_ns()}")
    before = book.read_bytes()
    reader.settle(log)
    assert (log.events, log.other_stamps) == ({}, 3)
    assert book.read_bytes() == before


def test_a_later_trial_gets_only_what_came_since(book: Path) -> None:
    reader, first, second = reader_of(book), rows(1), rows(2)
    write(book, f"{MINE}1 A {unix_ns()}")
    reader.settle(first)
    write(book, f"{MINE}2 B {unix_ns()}")
    reader.settle(second)
    assert (set(first.events[0]), set(second.events[0]), second.other_stamps) == ({"A"}, {"B"}, 0)


def test_a_log_that_was_replaced_is_read_from_its_beginning(book: Path) -> None:
    write(book, "an old line that is long enough")
    reader, log = reader_of(book), rows(1)
    book.rename(book.with_suffix(".1"))
    write(book, f"{MINE}1 A {unix_ns()}")
    reader.settle(log)
    assert set(log.events[0]) == {"A"}


def test_a_log_that_somebody_emptied_is_read_from_its_beginning(book: Path) -> None:
    write(book, "an old line that is long enough for what comes to be shorter", "and another one")
    reader, log = reader_of(book), rows(1)
    book.write_bytes(b"")  # as urunc's own scripts do
    write(book, f"{MINE}1 A {unix_ns()}")
    reader.settle(log)
    assert set(log.events[0]) == {"A"}


def test_two_loads_at_once_in_one_log_get_each_its_own(book: Path) -> None:
    other = "f" * 16
    one, two = reader_of(book), StampLogReader(StampLog(str(book), parser), other)
    logs = rows(1, 2), rows(1, 2)
    write(
        book, *(f"{prefix}{number} A {unix_ns()}" for number in (1, 2) for prefix in (MINE, id_prefix(other)))
    )
    for reader, log in zip((one, two), logs, strict=True):
        reader.settle(log)
        assert ([set(log.events[row]) for row in range(2)], log.other_stamps) == ([{"A"}, {"A"}], 2)
    assert logs[0].events[0]["A"] < logs[1].events[0]["A"]


def test_no_log_is_no_stamps(book: Path) -> None:
    reader, log = reader_of(book), rows(1)
    reader.settle(log)
    assert log.events == {}


def test_neighbours_and_what_is_missing_or_out_of_order_are_in_the_record(book: Path) -> None:
    log = rows(1, 2)
    log.events = {0: {"A": 10, "C": 20, "B": 30, "seen": 5}, 1: {"A": 10, "B": 20}}
    log.wall_clock = {"A", "B", "C"}
    log.other_stamps, log.foreign_lines = 4, 3
    trial = Trial(log.trim(), range(2), 0, 100)
    target = Target(
        "t",
        ["true"],
        stamps=StampLog(str(book), parser),
        intervals=(("A", "B"), ("B", "C")),
    )
    assert {name: (each.n, each.max) for name, each in neighbours(target, [trial]).items()} == {
        "A->B": (1, 1e-8),
        "A->C": (1, 1e-8),
        "C->B": (1, 1e-8),
    }
    assert intervals(target, [trial])["B->C"].censored == 2
    counts = {"missing": {"B->C": 1}, "out_of_order": {"B->C": 1}, "of_others": 4, "foreign": 3}
    assert stamp_counts(target, [trial]) == counts
    assert not stamp_counts(target(stamps=None), [trial])
    assert not neighbours(target(stamps=None), [trial])
