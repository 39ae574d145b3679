"""The table of a launch's phases at the end of a run: sums, widths, launches that are left out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_unikernel.text.grid import WIDTH
from pytest_unikernel.text.phase_table import common_phase_lines, phase_lines

Record = dict[str, Any]
Times = tuple[float | None, float | None]
URUNC = ("launcher", "create", "create->start", "start->exec", "exec->console", "console->exit")


def load(
    step_s: float | None, phases: Mapping[str, Times], other_s: float | None = 0.001, **changed: Any
) -> Record:
    """Return the part of a record that the table reads; times are before and after ready."""
    found: list[Record] = [
        {"name": name, "before_ready_s": before_s, "after_ready_s": after_s}
        for name, (before_s, after_s) in phases.items()
    ]
    known = other_s is not None
    service_s = (
        sum(each["before_ready_s"] or 0.0 for each in found) + other_s if other_s is not None else None
    )
    partition = {
        "n": 8 if known else 0,
        "left_out": 0,
        "service_time_s": service_s,
        "other_s": other_s,
        "phases": found,
        **changed,
    }
    return {
        "mode": "sweep" if step_s else "cold",
        "target": "urunc_container",
        "time_step_s": step_s,
        "completed": 8 + partition["left_out"],
        "partition": partition,
    }


def cells(lines: Sequence[str]) -> list[list[str]]:
    """Return the cells below each rule."""
    found: list[list[str]] = []
    for number, line in enumerate(lines):
        if line.startswith("---"):
            for row in lines[number + 1 :]:
                if not row.strip() or row.startswith("  no phases"):
                    break
                found.append(row.split())
    return found


def said(lines: Sequence[str]) -> str:
    """Return the lines as one, wherever they were wrapped."""
    return " ".join(" ".join(lines).split())


def test_a_row_per_step_has_each_phase_and_its_sum() -> None:
    slow = {name: (0.010 * number, 0.0) for number, name in enumerate(URUNC, 1)}
    fast = {name: (0.020 * number, 0.0) for number, name in enumerate(URUNC, 1)}
    lines = phase_lines([load(0.5, slow), load(0.25, fast)])
    assert cells(lines) == [
        ["1/2", "s", "10.0", "20.0", "30.0", "40.0", "50.0", "60.0", "1.0", "211.0"],
        ["1/4", "s", "20.0", "40.0", "60.0", "80.0", "100.0", "120.0", "1.0", "421.0"],
    ]
    for row in cells(lines):
        assert abs(sum(map(float, row[2:-1])) - float(row[-1])) < 0.1
    head = " ".join(lines[: lines.index("-" * max(map(len, lines)))])
    for word in ("launcher", "create->", "start", "exec", "console", "exit", "other", "service"):
        assert word in head


def test_what_comes_after_ready_stands_behind_the_sum_and_is_marked() -> None:
    lines = phase_lines([load(0.5, {"create": (0.2, 0.0), "run": (0.1, 0.05), "removal": (0.0, 0.3)})])
    assert cells(lines) == [["1/2", "s", "200.0", "100.0", "1.0", "301.0", "50.0", "300.0"]]
    assert [line.split() for line in lines if "then:" in line] == [["then:", "then:"]]
    assert ["step", "create", "run", "other", "service", "run", "removal"] in [line.split() for line in lines]


def test_no_digit_is_below_the_resolution_of_readiness() -> None:
    fine = load(0.5, {"boot": (0.01234, 0.0)}, 0.00001)
    assert cells(phase_lines([fine])) == [["1/2", "s", "12.34", "0.01", "12.35"]]
    coarse = {**fine, "generator": {"ready_resolution_s": 0.001}}
    assert cells(phase_lines([coarse])) == [["1/2", "s", "12", "<1", "12"]]
    assert cells(phase_lines([fine, coarse])) == [
        ["1/2", "s", "12.34", "0.01", "12.35"],
        ["1/2", "s", "12", "<1", "12"],
    ]


def test_records_without_a_partition_say_nothing() -> None:
    whole = load(0.5, {"boot": (0.2, 0.0)})
    old = {key: value for key, value in load(0.25, {"boot": (0.2, 0.0)}).items() if key != "partition"}
    assert phase_lines([old, {**old, "partition": None}]) == []
    assert len(cells(phase_lines([whole, old]))) == 1


def test_launches_that_are_in_no_mean_are_counted_by_step() -> None:
    lines = phase_lines([load(0.5, {"boot": (0.2, 0.0)}, left_out=3), load(0.25, {"boot": (0.2, 0.0)})])
    assert said(lines).endswith("events out of order: 1/2 s 3 of 11")
    nothing = phase_lines([load(0.5, {"boot": (None, None)}, None, left_out=4)])
    assert (cells(nothing), said(nothing).endswith("1/2 s 4 of 12")) == ([], True)
    assert phase_lines([load(0.5, {"boot": (None, None)}, None)]) == []


def test_a_step_of_which_nothing_is_known_has_dashes_beside_others() -> None:
    rows = cells(phase_lines([load(0.5, {"boot": (0.2, 0.0)}), load(0.25, {"boot": (None, None)}, None)]))
    assert rows == [["1/2", "s", "200.0", "1.0", "201.0"], ["1/4", "s", *"\u2013\u2013\u2013"]]


def test_cold_starts_with_the_same_phases_share_a_table_and_are_named_by_target() -> None:
    first, second = load(None, {"create": (0.2, 0.0)}), load(None, {"create": (0.3, 0.0)})
    other = load(None, {"boot": (0.4, 0.0)})
    second["target"], other["target"] = "podman_container", "linux_vm[kvm]"
    lines = phase_lines([first, other, second])
    assert [row[0] for row in cells(lines)] == ["urunc_container", "podman_container", "linux_vm[kvm]"]
    assert sum(line.startswith("---") for line in lines) == 2


def test_the_head_follows_the_title_on_one_line_where_it_fits() -> None:
    lines = phase_lines([load(0.5, {"before console": (0.2, 0.0), "start->run": (0.1, 0.0)})])
    assert lines[:3] == [
        "",
        "  where the service time goes, mean ms",
        " step before console start->run other service",
    ]


def test_of_many_steps_the_slowest_and_the_last_are_shown_and_all_if_verbose() -> None:
    def steps(count: int, **options: Any) -> list[str]:
        loads = [load(2.0**-power, {"boot": (0.2, 0.0)}) for power in range(1, count + 1)]
        return [row[0] for row in cells(phase_lines(loads, **options))]

    assert steps(8) == [f"1/{2**power}" for power in range(1, 9)]
    assert steps(11) == ["1/2", "…", *(f"1/{2**power}" for power in range(6, 12))]
    assert steps(11, verbose=True) == [f"1/{2**power}" for power in range(1, 12)]


def test_series_with_the_same_phases_share_a_table() -> None:
    slow, fast = ([load(step_s, {"boot": (time_s, 0.0)}) for step_s in (0.5, 0.25)] for time_s in (0.2, 0.1))
    for each in fast:
        each["target"] = "a_target_whose_name_is_far_wider_than_its_columns"
    lines = common_phase_lines([slow, fast[:1], [{**slow[0], "partition": None}]])
    assert lines[0] == "  where the service time goes, mean ms"
    assert lines[1].split()[0].startswith("urunc_con")
    assert lines[1].endswith("…")
    assert cells(lines) == [
        ["1/2", "s", "200.0", "1.0", "201.0", "100.0", "1.0", "101.0"],
        ["1/4", "s", "200.0", "1.0", "201.0"],
    ]


def test_series_whose_phases_differ_or_that_do_not_fit_share_none() -> None:
    boot, create = [load(0.5, {"boot": (0.2, 0.0)})], [load(0.5, {"create": (0.2, 0.0)})]
    assert common_phase_lines([boot, create]) == []
    assert common_phase_lines([boot]) == []
    assert common_phase_lines([boot] * 2) != []
    assert common_phase_lines([boot] * 9) == []


names = st.text(max_size=60).filter(lambda name: name != "other")
times = st.one_of(st.none(), st.floats(0, 1e15))


@settings(deadline=None)
@given(st.dictionaries(names, st.tuples(times, times), max_size=20), times, st.integers(0, 10**15))
def test_no_line_is_wider_than_a_terminal_and_none_steers_it(
    phases: Mapping[str, Times], other_s: float | None, left_out: int
) -> None:
    for step_s in (2.0**-10, None):
        for line in phase_lines([load(step_s, phases, other_s, left_out=left_out, n=8)]):
            assert len(line) <= WIDTH
            assert not re.search(r"[\x00-\x1f\x7f]", line)
