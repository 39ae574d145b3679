"""Stamps -> lives of containers, sorted by release, and their intervals."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from uruncscripts import BEGIN_NS, SEED_LINES, USUAL_ORDER, life, line

from pytest_unikernel.results.summary import summarize
from pytest_unikernel.targets.urunc.log import views
from pytest_unikernel.targets.urunc.log.lives import (
    ContainerLog,
    Life,
    Lives,
    by_release,
    release_of,
    unknown_ids,
)
from pytest_unikernel.targets.urunc.log.reader import LogReader
from pytest_unikernel.targets.urunc.log.releases import (
    FROM_0_7,
    RELEASES,
    UNDECIDED,
    UP_TO_0_4,
    UP_TO_0_6,
    Release,
)

MS = 1_000_000
IN_ORDER = range(20)


def lives_of(text: str) -> Lives:
    reader, lives = LogReader(), Lives()
    lives.add(reader.feed(text.encode()))
    return lives


def only_container(text: str) -> ContainerLog:
    (container,) = lives_of(text).containers.values()
    return container


def test_a_stamp_is_added_without_a_look_at_all_those_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that came ten thousand times must not take its square."""
    monkeypatch.setattr(Life, "by_id", property(lambda _: pytest.fail("all stamps were looked at")))
    again = line("a", "TS00", BEGIN_NS) * 3 + line("a", "TS00", BEGIN_NS + 1)
    assert [len(each.ids) for each in only_container(again).lives] == [3, 1]


def releases(text: str) -> dict[Release, list[Life]]:
    return by_release(lives_of(text).containers)


def interleaved(draw: st.DrawFn, parts: list[list[str]]) -> list[str]:
    waiting, mixed = [list(part) for part in parts if part], []
    while waiting:
        part = draw(st.sampled_from(waiting))
        mixed.append(part.pop(0))
        waiting = [each for each in waiting if each]
    return mixed


@st.composite
def mixed_logs(draw: st.DrawFn) -> tuple[list[str], str]:
    """Return the logs of some containers, one each, and all of them interleaved as concurrent ones are."""
    orders = draw(st.lists(st.permutations(range(4)), min_size=1, max_size=4))
    logs = [life(f"c{number}", order) for number, order in enumerate(orders)]
    return logs, "".join(interleaved(draw, [log.splitlines(keepends=True) for log in logs]))


@given(mixed_logs())
def test_however_containers_interleave_each_has_its_own_stamps(logs: tuple[list[str], str]) -> None:
    alone, mixed = logs
    found = lives_of(mixed).containers
    assert len(found) == len(alone)
    for number, log in enumerate(alone):
        assert list(found[f"c{number}"].stamps()) == list(only_container(log).stamps())


def test_an_id_that_another_begins_with_is_another_container() -> None:
    lives = lives_of(life("c1", [0, 1]) + life("c10", [0, 1, 2]))
    assert [len(list(each.stamps())) for each in lives.containers.values()] == [2, 3]


def test_each_ts00_of_a_container_begins_a_new_life() -> None:
    container = only_container(life("c", [0, 1, 2]) + life("c", [0, 1], begin_ns=BEGIN_NS + 9 * MS))
    assert [each.ids for each in container.lives] == [["TS00", "TS01", "TS02"], ["TS00", "TS01"]]


def test_a_line_written_twice_begins_no_life() -> None:
    (alone,) = only_container(life("c", [0, 1]) + line("c", "TS00", BEGIN_NS)).lives
    assert (alone.ids, alone.repeated) == (["TS00", "TS01", "TS00"], 1)


def test_lines_of_one_life_may_come_in_any_order() -> None:
    (alone,) = only_container("".join(reversed(life("c").splitlines(keepends=True)))).lives
    assert alone.by_id == only_container(life("c")).lives[0].by_id


def test_a_log_that_begins_within_a_life_loses_nothing_of_it() -> None:
    container = only_container(life("c", [4, 5, 6]) + life("c", [0, 1], begin_ns=BEGIN_NS + 9 * MS))
    assert [each.ids for each in container.lives] == [["TS04", "TS05", "TS06"], ["TS00", "TS01"]]


def test_of_a_start_that_was_tried_again_the_latest_stamps_count() -> None:
    order = [*range(11), 11, 12, 11, 12, 13, 14, 15, 16, 17, 18]
    container = only_container(life("c", order))
    (alone,) = container.lives
    assert alone.repeated == 2
    assert alone.by_id["TS11"] == BEGIN_NS + 13 * MS
    assert list(views.phases(UP_TO_0_6, [alone])["start->exec"].lasted_ns) == [7 * MS]
    assert list(views.intervals(UP_TO_0_6, [alone])["TS10->TS11"].lasted_ns) == [3 * MS]
    assert list(views.neighbours([alone])["TS12->TS11"].lasted_ns) == [MS]


def test_the_latest_is_told_by_its_instant_and_not_by_its_line() -> None:
    retried = [line("c", "TS11", BEGIN_NS + 9), line("c", "TS11", BEGIN_NS + 5)]
    (alone,) = only_container(life("c", [0]) + "".join(retried)).lives
    assert alone.by_id["TS11"] == BEGIN_NS + 9


def test_stamps_of_03_outside_the_series_are_kept_apart() -> None:
    container = only_container(SEED_LINES)
    assert [name for name, _ in container.apart] == ["cTS00", "cTS01"]
    assert container.lives[0].ids == ["TS00", "TS01", "TS02"]
    assert list(views.checks([container]).lasted_ns) == [3866381]


@pytest.mark.parametrize(
    ("apart", "lasted_ns", "missing"),
    [
        (["cTS00", "cTS01", "cTS00", "cTS01"], [MS, MS], 0),
        (["cTS00", "cTS00", "cTS01"], [MS], 1),  # two urunc commands at once, or one that became runc
        (["cTS01", "cTS00"], [], 2),
        ([], [], 0),
    ],
)
def test_checks_are_paired_and_what_has_no_partner_is_counted(
    apart: list[str], lasted_ns: list[int], missing: int
) -> None:
    stamps = "".join(line("c", name, BEGIN_NS + place * MS) for place, name in enumerate(apart))
    found = views.checks(lives_of(stamps + line("c", "TS00", BEGIN_NS)).containers.values())
    assert (list(found.lasted_ns), found.missing) == (lasted_ns, missing)


def test_a_container_that_was_taken_is_forgotten() -> None:
    lives = lives_of(life("a") + life("b", [0]))
    taken = lives.take("a")
    assert taken is not None
    assert len(taken.lives[0].ids) == 19
    assert lives.take("a") is None
    assert list(lives.containers) == ["b"]


# releases ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("log", "release"),
    [
        (life("c", IN_ORDER), UP_TO_0_4),
        (SEED_LINES, UP_TO_0_4),
        (life("c"), UP_TO_0_6),
        (life("c", named=True), FROM_0_7),
        (life("c", [0], named=True), FROM_0_7),
        (life("c", range(18)), UNDECIDED),
        (life("c", [0, 1]), UNDECIDED),
    ],
    ids=["TS19", "cTS", "TS18", "names", "one name", "up to TS17", "two stamps"],
)
def test_the_release_is_told_by_what_the_log_looks_like(log: str, release: Release) -> None:
    container = only_container(log)
    assert release_of(container.lives[0], container) is release
    assert list(releases(log)) == [release]


def test_a_log_of_two_releases_is_split() -> None:
    found = releases(life("new") + life("old", IN_ORDER) + life("newest", named=True))
    assert {release.label: len(lives) for release, lives in found.items()} == {
        "0.3-0.4": 1,
        "0.5-0.6": 1,
        "0.7-0.8": 1,
    }
    assert views.phases(UP_TO_0_4, found[UP_TO_0_4])["total"].lasted_ns[0] == 19 * MS
    assert views.phases(UP_TO_0_6, found[UP_TO_0_6])["total"].lasted_ns[0] == 18 * MS


def test_a_life_that_ended_early_goes_with_the_others_unless_those_are_of_two_releases() -> None:
    early = life("early", [0, 1, 2])
    assert list(map(len, releases(life("c") + early).values())) == [2]
    assert list(releases(life("c", IN_ORDER) + early)) == [UP_TO_0_4]
    assert list(releases(life("a") + life("b", IN_ORDER) + early)) == [UP_TO_0_4, UP_TO_0_6, UNDECIDED]
    assert list(releases(life("c", named=True) + early)) == [FROM_0_7, UNDECIDED]


def test_every_release_has_all_its_stamps_and_phases_between_them() -> None:
    for release in RELEASES:
        assert list(release.stamps) == [f"TS{number:02}" for number in range(len(release.stamps))]
        assert all(
            pair[0] in release.stamps and pair[1] in release.stamps for pair in release.phases.values()
        )
        assert all(meaning.text and meaning.process for meaning in release.stamps.values())
    assert [release.last for release in RELEASES] == ["TS19", "TS18", "TS18", ""]
    assert UP_TO_0_4.stamps["TS19"].text == FROM_0_7.stamps["TS18"].text == "execve of the monitor"


def test_the_process_of_a_stamp_is_not_taken_from_its_name() -> None:
    assert UP_TO_0_6.stamps["TS10"].process == "create"
    assert FROM_0_7.stamps["TS10"] == ("reexec", "the CreateContainer hooks are done", "CR.terminated")


# views ---------------------------------------------------------------------------------------------


def lives_in(*logs: str) -> Iterable[Life]:
    return [each for log in logs for each in only_container(log).lives]


def test_pairs_go_by_the_order_of_the_ids_and_those_the_other_way_round_are_counted() -> None:
    found = views.intervals(UP_TO_0_6, lives_in(life("c")))
    assert list(found) == [f"TS{number:02}->TS{number + 1:02}" for number in range(18)]
    assert list(found["TS03->TS04"].lasted_ns) == [4 * MS]
    assert (list(found["TS05->TS06"].lasted_ns), found["TS05->TS06"].out_of_order) == ([], 1)


def test_missing_stamps_are_counted_in_every_pair_that_needs_them() -> None:
    without = [number for number in USUAL_ORDER if number != 16]
    found = views.phases(UP_TO_0_6, lives_in(life("a"), life("b", without)))
    assert [(len(each.lasted_ns), each.missing) for each in found.values()] == [
        *[(2, 0)] * 4,
        *[(1, 1)] * 2,
        (2, 0),
    ]


def test_phases_are_those_of_the_release() -> None:
    found = views.phases(UP_TO_0_4, lives_in(life("c", IN_ORDER)))
    assert {name: each.lasted_ns[0] // MS for name, each in found.items()} == {
        "create": 9, "nsenter": 1, "created": 11, "start->exec": 7, "network": 1, "rootfs": 1, "total": 19,
    }  # fmt: skip


def test_neighbours_are_pairs_in_the_order_of_time() -> None:
    found = views.neighbours(lives_in(life("b", [0, 2, 1]), life("a", [0, 1, 3]), life("c", [5])))
    assert [(name, len(each.lasted_ns)) for name, each in found.items()] == [
        ("TS00->TS01", 1),
        ("TS00->TS02", 1),
        ("TS01->TS03", 1),
        ("TS02->TS01", 1),
    ]


def test_ids_that_the_release_does_not_have_are_counted_and_seen_among_neighbours() -> None:
    (alone,) = lives_in(life("c") + line("c", "TS42", BEGIN_NS + 99 * MS))
    assert unknown_ids(UP_TO_0_6, [alone]) == {"TS42": 1}
    assert "TS18->TS42" in views.neighbours([alone])
    assert UP_TO_0_6.meaning("TS42").process == "?"


def test_quantiles_are_of_the_measured_values_alone() -> None:
    logs = [life(f"c{number}", [0, 1], step_ns=number) for number in range(300)]
    figures = views.figures(views.intervals(UNDECIDED, lives_in(*logs, life("x", [0])))["TS00->TS01"])
    expected = summarize(range(300))
    assert (figures["n"], figures["missing"], figures["out_of_order"]) == (300, 1, 0)
    assert (figures["p50"], figures["p99"]) == (expected.p50, expected.p99)
    assert list(figures) == [
        "n", "missing", "out_of_order", "min", "mean", "max", "stddev", "p50", "p90", "p95", "p99", "p99.9",
    ]  # fmt: skip
