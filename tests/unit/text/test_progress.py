"""Where a run stands, in words."""

from __future__ import annotations

import pytest

from pytest_unikernel.text.progress import left_text, place_text, skipped_text, survey_lines


@pytest.mark.parametrize(
    ("left_s", "text"),
    [
        (0.0, "1 s"),
        (0.4, "1 s"),
        (95.2, "95 s"),
        (119.4, "119 s"),
        (119.6, "2 min"),
        (170.0, "3 min"),
        (3599.0, "60 min"),
        (3600.0, "1 h 00 min"),
        (4320.0, "1 h 12 min"),
    ],
)
def test_the_time_that_is_left_is_rough(left_s: float, text: str) -> None:
    assert left_text(left_s) == text


def test_a_place_has_the_number_the_total_and_the_time() -> None:
    assert place_text(7, 33, 180.0) == "[7/33, 3 min left]"


def test_after_the_last_load_nothing_is_left() -> None:
    assert place_text(33, 33, 0.0) == "[33/33]"


def test_while_the_last_load_is_measured_its_time_is_left() -> None:
    assert place_text(33, 33, 5.0) == "[33/33, 5 s left]"


@pytest.mark.parametrize(
    ("count", "running", "text"),
    [
        (3, ["a", "b", "c"], "3 targets: a, b, c; about 3 min"),
        (16, ["a", "b"], "16 targets, 2 run here: a, b; about 3 min"),
        (2, ["a"], "2 targets, 1 runs here: a; about 3 min"),
        (1, ["a"], "1 target: a; about 3 min"),
        (2, [], "2 targets, none runs here"),
        (1, [], "1 target, none runs here"),
    ],
)
def test_a_survey_names_what_runs(count: int, running: list[str], text: str) -> None:
    assert survey_lines(count, running, 180.0) == [text]


def test_many_targets_are_wrapped_and_control_characters_shown() -> None:
    lines = survey_lines(20, [f"target{number}" for number in range(19)] + ["bad\x1b[2J"], 180.0)
    assert len(lines) > 2
    assert max(map(len, lines)) <= 80
    assert "\\x1b" in "".join(lines)
    assert "\x1b" not in "".join(lines)


def test_variants_share_their_targets_name_where_that_saves_a_line() -> None:
    running = ["linux_process", "rust_kernel", "rust_kernel[kvm]"]
    named = "16 targets, 3 run here: linux_process, rust_kernel"
    assert survey_lines(16, running, 73.0) == [f"{named}, rust_kernel[kvm]; about 73 s"]
    assert survey_lines(16, running, 240.0) == [f"{named} (also [kvm]); about 4 min"]


def test_the_time_stays_on_one_line() -> None:
    assert survey_lines(16, ["a" * 46], 180.0) == [f"16 targets, 1 runs here: {'a' * 46};", "  about 3 min"]


def test_the_tests_that_a_step_ends_are_counted() -> None:
    assert [skipped_text(count) for count in (1, 4)] == [
        "; 1 test after it skipped",
        "; 4 tests after it skipped",
    ]
