"""The claims about the colours: distinct from the page and from each other, for every eye and in grey."""

from __future__ import annotations

import math
from itertools import combinations, pairwise

import pytest

from pytest_unikernel.report.axes import log_domain, log_ticks
from pytest_unikernel.report.style import DARK, INK, PAPER, SERIES, SHAPES, SOFT, STACK, Appearance

Rgb = tuple[float, float, float]
# Source: Machado, Oliveira and Fernandes, A Physiologically-based Model for Simulation of Color Vision
# Deficiency (2009), severity 1.0; on linear RGB.
DEFICIENCIES = {
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}
IDENTITY = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


def linear(color: str) -> Rgb:
    parts = (int(color[place : place + 2], 16) / 255 for place in (1, 3, 5))
    red, green, blue = (
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts
    )
    return red, green, blue


def luminance(color: str) -> float:
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear(color), strict=True))


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio. Source: WCAG 2.2."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def lab(rgb: Rgb) -> Rgb:
    red, green, blue = (min(1.0, max(0.0, each)) for each in rgb)
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089
    x, y, z = (each ** (1 / 3) if each > 0.008856 else 7.787 * each + 16 / 116 for each in (x, y, z))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def seen(color: str, deficiency: str) -> Rgb:
    rgb = linear(color)
    rows = DEFICIENCIES.get(deficiency, IDENTITY)
    red, green, blue = (sum(weight * part for weight, part in zip(row, rgb, strict=True)) for row in rows)
    return lab((red, green, blue))


def distance(one: Rgb, other: Rgb) -> float:
    return math.dist(one, other)


@pytest.mark.parametrize("color", SERIES)
def test_lines_stand_out_from_the_page(color: str) -> None:
    assert contrast(color, PAPER) >= 3
    assert contrast(DARK[color], DARK[PAPER]) >= 3


def test_text_can_be_read() -> None:
    for color in (INK, SOFT):
        assert contrast(color, PAPER) >= 4.5
        assert contrast(DARK[color], DARK[PAPER]) >= 4.5


@pytest.mark.parametrize("sight", ["common", *DEFICIENCIES])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_colours_are_told_apart_by_every_eye(sight: str, dark: bool) -> None:
    colors = [DARK[each] if dark else each for each in SERIES]
    for one, other in combinations(colors, 2):
        assert distance(seen(one, sight), seen(other, sight)) > 20, (one, other)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_parts_of_a_stack_go_from_dark_to_light_in_grey(dark: bool) -> None:
    grey = [luminance(DARK[each] if dark else each) for each in STACK[:6]]
    assert grey == sorted(grey)
    assert all(lighter - darker > 0.015 for darker, lighter in pairwise(grey))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_what_is_left_of_a_stack_is_no_phase_in_grey_either(dark: bool) -> None:
    *phases, left = (luminance(DARK[each] if dark else each) + 0.05 for each in STACK)
    assert all(max(each, left) / min(each, left) > 1.3 for each in [phases[0], phases[-1]])


def test_labels_have_colour_and_marker_of_their_own() -> None:
    look = Appearance([f"target {number}" for number in range(40)])
    assert len({tuple(look.of(label).values()) for label in look.labels}) == 40
    assert len(set(SHAPES)) == len(SHAPES)


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([0.002, 9.0], [0.01, 0.1, 1.0, 10.0]),
        ([1.0, 1024.0], [1.0, 10.0, 100.0, 1000.0]),
        ([0.3], [0.3]),
        ([2.0, 20.0], [2.0, 5.0, 10.0, 20.0]),
    ],
)
def test_ticks_of_a_log_axis_are_round_and_within_it(values: list[float], ticks: list[float]) -> None:
    found = log_ticks(*log_domain(values))
    assert [round(each, 9) for each in found] == [pytest.approx(each) for each in ticks]


@pytest.mark.parametrize("low", [1e-6, 0.00123, 0.95, 7.7, 1234.5])
@pytest.mark.parametrize("factor", [1.0, 1.3, 3, 11, 150, 1e6])
def test_a_log_axis_has_a_tick_wherever_it_is(low: float, factor: float) -> None:
    assert 1 <= len(log_ticks(*log_domain([low, low * factor]))) <= 12
