"""The slope by which a figure may be corrected for the host's speed."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_unikernel.compare.sensitivity import NONE, Trials, sensitivity

SPEEDS = (0.0, 0.27, 0.08, -0.14, 0.2)


def followed(slope: float, speeds: tuple[float, ...] = SPEEDS, level: float = 0.0) -> Trials:
    """Trials of a figure that follows the host's speed, but for a per cent."""
    return Trials(
        speeds, [level + slope * speed + 0.01 * (-1) ** number for number, speed in enumerate(speeds)]
    )


def drawn(rng: random.Random, slope: float, spread: float = 0.1) -> Trials:
    speeds = [rng.gauss(0, spread) for _ in range(5)]
    return Trials(speeds, [slope * speed + rng.gauss(0, 0.03) for speed in speeds])


@pytest.mark.parametrize("slope", [0.3, 0.5, 1.0])
def test_trials_that_follow_the_hosts_speed_show_by_how_much(slope: float) -> None:
    found = sensitivity([followed(slope), followed(slope)])
    assert found.slope == pytest.approx(slope, abs=0.05)
    assert 0 < found.error < 0.1


def test_levels_of_runs_and_steps_play_no_part_in_it() -> None:
    """As where the later run is of a slower target on a slower host: no slope within either run."""
    flat = Trials(SPEEDS, [0.01 * (-1) ** number for number in range(5)])
    later = Trials([speed + 0.3 for speed in SPEEDS], [0.24 + value for value in flat.values])
    assert sensitivity([flat, later, flat, later]) == NONE
    alike = sensitivity([followed(0.5), followed(0.5, level=3.0), followed(0.5, level=-7.0)])
    assert alike.slope == pytest.approx(sensitivity([followed(0.5)] * 3).slope)


@pytest.mark.parametrize(
    "groups",
    [
        [],
        [Trials([], [])],
        [Trials([0.1], [0.1])] * 20,
        [followed(1.0)],  # five trials of one run alone
        [Trials([0.0] * 5, [0.0, 0.1, 0.2, 0.1, 0.3])] * 10,
        [followed(1.0, tuple(0.01 * speed for speed in SPEEDS))] * 2,  # the host was as good as steady
    ],
)
def test_too_few_trials_or_too_steady_a_host_show_nothing(groups: list[Trials]) -> None:
    assert sensitivity(groups) == NONE


def test_one_disturbed_trial_shows_nothing() -> None:
    """Something held up both the starts and the launches of a sleep, once in fifty trials."""
    rng = random.Random(1)  # noqa: S311 - reproducible on purpose
    groups = [drawn(rng, 0.0, spread=0.02) for _ in range(10)]
    assert sensitivity(groups) == NONE
    speeds, values = groups[3]
    groups[3] = Trials([*speeds[:4], 0.7], [*values[:4], 0.5])
    assert sensitivity(groups) == NONE


def test_a_figure_that_falls_as_the_host_slows_down_is_not_corrected() -> None:
    assert sensitivity([followed(-0.8)] * 4) == NONE


def test_the_slope_is_never_steeper_than_the_hosts_own() -> None:
    assert sensitivity([followed(3.0)] * 4).slope == 1.0


def test_a_slope_in_doubt_is_shrunk_and_in_more_doubt_is_nothing() -> None:
    def noisy(noise: float) -> list[Trials]:
        rng = random.Random(3)  # noqa: S311 - reproducible on purpose
        return [Trials(SPEEDS, [0.5 * speed + noise * rng.gauss(0, 1) for speed in SPEEDS]) for _ in range(4)]

    slopes = [sensitivity(noisy(noise)).slope for noise in (0.005, 0.12, 0.5)]
    assert slopes[0] == pytest.approx(0.5, abs=0.02)
    assert 0 < slopes[1] < 0.5
    assert slopes[2] == 0


def test_a_figure_that_does_not_depend_on_the_host_is_corrected_in_one_of_forty_and_by_little() -> None:
    rng = random.Random(20201)  # noqa: S311 - reproducible on purpose
    slopes = sorted(sensitivity([drawn(rng, 0.0) for _ in range(10)]).slope for _ in range(1000))
    assert sum(slope > 0 for slope in slopes) <= 40  # 2.5 % of 1000, and three standard deviations
    assert slopes[-1] < 0.15


@given(
    st.lists(
        st.lists(st.tuples(*[st.floats(-50, 50)] * 2), max_size=8).map(
            lambda pairs: Trials([speed for speed, _ in pairs], [value for _, value in pairs])
        ),
        max_size=6,
    )
)
def test_whatever_the_trials_the_slope_is_between_0_and_1(groups: list[Trials]) -> None:
    found = sensitivity(groups)
    assert 0 <= found.slope <= 1
    assert found.error >= 0
    assert (found.slope > 0) or found == NONE
