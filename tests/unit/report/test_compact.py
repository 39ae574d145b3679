"""A smaller SVG is the same picture."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from pytest_unikernel.report.compact import compact
from pytest_unikernel.report.style import FONT

SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="20.125"><path class="foreground" d="" display="none"/>'
    f'<text font-family="{FONT}" opacity="1" transform="translate(1234.56789,-0.004)">'
    '0.0009765625 opacity="1"</text>'
    '<path class="background" d="M0,0h0v0h0Z" pointer-events="none"/>'
    '<path d="M0,10.987L4.5449,-3.02L5.0,7" stroke-dasharray="1,0"><title>p50 1.23456 s</title></path>'
    '<path d="M3.7424,0A3.7424,3.7424,0,1,1,-3.7424,0" opacity="0.5"/></svg>'
)


def parts(svg: str) -> list[tuple[str, dict[str, str], str | None]]:
    root = ET.fromstring(svg)  # noqa: S314 - ours
    return [(each.tag.rpartition("}")[2], dict(each.attrib), each.text) for each in root.iter()]


def test_defaults_and_what_is_invisible_are_left_out_and_places_are_rounded() -> None:
    root, text, line, title, marker = parts(compact(SVG))
    assert root == ("svg", {"font-family": FONT, "font-size": "12px", "width": "20.125"}, None)
    assert text[1] == {"transform": "translate(1234.6,0)"}
    assert line[1] == {"d": "M0,11l4.5-14,.5,10"}
    assert marker[1] == {"d": "M3.74,0A3.74,3.74,0,1,1,-3.74,0", "opacity": "0.5"}
    assert (text[0], title[0]) == ("text", "title")


@pytest.mark.parametrize(
    ("path", "shorter"),
    [
        ("M0,0L10,0L10,5L20,5", "M0,0h10v5h10"),
        ("M1.04,2L3,4L2,5Z", "M1,2l2,2-1,1Z"),
        ("M0,0L1,1M5,5", "M0,0l1,1M5,5"),
        ("M-0.04,0L0,0", "M0,0h0"),
        ("M0,0L0.14,0L0.28,0L0.42,0L0.56,0", "M0,0h.1,.2,.1,.2"),
        ("M5,5Z", "M5,5Z"),
    ],
)
def test_straight_paths_are_relative_and_no_error_adds_up(path: str, shorter: str) -> None:
    assert compact(f'<svg ><path d="{path}"/></svg>').split('"')[-2] == shorter


def test_no_number_becomes_one_with_an_exponent() -> None:
    assert 'd="M123456.8,0h-123456.8"' in compact('<svg ><path d="M123456.789,0.00001L-0.04,0.0"/></svg>')


def test_words_are_kept() -> None:
    _, text, _, title, _ = parts(compact(SVG))
    assert text[2] == '0.0009765625 opacity="1"'
    assert title[2] == "p50 1.23456 s"
