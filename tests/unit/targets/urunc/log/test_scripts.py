"""The results of urunc's scripts, against an independent implementation."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from uruncscripts import SEED_LINES, life, line, measure, measure_single, measure_to_json

from pytest_unikernel.targets.urunc.log import scripts
from pytest_unikernel.targets.urunc.log.lives import Lives
from pytest_unikernel.targets.urunc.log.reader import LogReader

NAMES = [f"{number:064x}" for number in range(3)]  # no one is part of another
stamp_ids = st.sampled_from(["TS00", "TS01", "TS02", "TS11", "TS12", "cTS00", "xcTS", "TS99"])
instants = st.integers(0, 30) | st.integers(2**53, 2**62)
logs = st.lists(st.builds(line, st.sampled_from(NAMES), stamp_ids, instants), min_size=1, max_size=40).map(
    "".join
)


def read(log: str) -> Lives:
    lives = Lives()
    lives.add(LogReader().feed(log.encode()))
    return lives


def test_the_five_lines_of_uruncs_page_give_what_its_script_prints() -> None:
    (container,) = read(SEED_LINES).containers.values()
    assert scripts.single(container) == "TS00 -> TS01:\t1111435 ns\nTS01 -> TS02:\t119570 ns\n"


@given(logs)
def test_one_container_is_what_measure_single_prints(log: str) -> None:
    for name, container in read(log).containers.items():
        assert scripts.single(container) == measure_single(log, name)


@given(logs)
def test_all_containers_are_what_measure_and_measure_to_json_give(log: str) -> None:
    found = read(log).containers
    assert scripts.overall(found.values()) == measure(log, found)
    assert scripts.overall_json(found.values()) == measure_to_json(log, found)


def test_measure_to_json_is_one_line_in_the_order_maximum_minimum_average() -> None:
    log = life("a", [0, 1], step_ns=5) + life("b", [0, 1], step_ns=8)
    text = scripts.overall_json(read(log).containers.values())
    assert text == '{"TS00 -> TS01": {"maximum": "8 ns", "minimum": "5 ns", "average": "6 ns"}}'


def test_the_mean_is_rounded_as_a_float_is_before_it_is_truncated() -> None:
    big = 2**53 + 1
    log = line("a", "TS00", 0) + line("a", "TS01", big)
    (pair,) = json.loads(scripts.overall_json(read(log).containers.values())).values()
    assert (pair["maximum"], pair["average"]) == (f"{big} ns", f"{2**53} ns")


def test_a_pair_that_a_container_has_twice_counts_once_its_last() -> None:
    order = [0, 1, 0, 1]
    log = "".join(line("a", f"TS{number:02}", at) for number, at in zip(order, (0, 10, 20, 90), strict=True))
    assert '"TS00 -> TS01": {"maximum": "70 ns", "minimum": "70 ns"' in scripts.overall_json(
        read(log).containers.values()
    )


def test_a_container_with_one_stamp_is_an_empty_line() -> None:
    (container,) = read(line("c", "TS00", 1)).containers.values()
    assert scripts.single(container) == measure_single(line("c", "TS00", 1), "c") == "\n"
    assert scripts.overall([container]) == "{}\n"
