from eventtrials import trial

from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.plan.target import Target
from pytest_unikernel.results.intervals import intervals, phases

TARGET = Target(
    "vm", ["true"], intervals=(("started", "init"), ("init", "ready")), phases={"boot": ("scheduled", "init")}
)


def test_intervals_lie_between_declared_events_reported_or_built_in() -> None:
    found = intervals(TARGET, [trial({"init": 3}, {"init": 4})])
    assert list(found) == ["started->init", "init->ready"]
    assert (found["started->init"].min, found["started->init"].max) == (0.002, 0.003)
    assert found["init->ready"].n == 2
    assert phases(TARGET, [trial({"init": 3})])["boot"].mean == 0.003


def test_missing_and_out_of_order_events_are_counted_and_not_dropped_silently() -> None:
    found = intervals(TARGET, [trial({"init": 3}, {}, {"init": 0})])
    assert (found["started->init"].n, found["started->init"].censored) == (1, 2)


def test_only_completed_launches_count() -> None:
    assert intervals(TARGET, [trial({"init": 3}, outcome=Outcome.TIMEOUT)])["init->ready"].n == 0


def test_a_target_without_declarations_has_none() -> None:
    plain = Target("plain", ["true"])
    assert intervals(plain, [trial({"init": 3})]) == phases(plain, []) == {}


def test_after_a_clock_was_set_the_two_clocks_are_not_held_against_each_other() -> None:
    stamped = Target("told", ["true"], intervals=(("started", "create"), ("create", "die")))
    ran = trial({"create": 3, "die": 4})
    ran.log.wall_clock |= {"create", "die"}
    assert [each.censored for each in intervals(stamped, [ran]).values()] == [0, 0]
    ran.log.wall_clock_moved = True
    assert [each.censored for each in intervals(stamped, [ran]).values()] == [1, 0]
