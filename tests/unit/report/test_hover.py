"""The text of marks in an SVG: ours is kept for hover, with the target; that of Vega is taken out."""

from __future__ import annotations

import dataclasses
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from reportfiles import HOSTILE, means_only, sweep, write

from pytest_unikernel.report import gallery, reading, render
from pytest_unikernel.report.figure import Figure, layered
from pytest_unikernel.report.hover import DESCRIBED, Texts, about, about_load
from pytest_unikernel.report.load import clean
from pytest_unikernel.report.series import Results

SVG = "{http://www.w3.org/2000/svg}"


def results(tmp_path: Path, *targets: str) -> Results:
    benchmarks = [bench for target in targets for bench in sweep(target)]
    return Results([reading.read_document(write(tmp_path / "now.json", benchmarks), "now")])


def points(*abouts: str) -> Figure:
    """Return a figure of a point for each text."""
    rows = [{"x": number, "about": each} for number, each in enumerate(abouts)]
    layers = [
        {"mark": "point", "encoding": {"x": {"field": "x", "type": "quantitative"}, **more}}
        for more in (DESCRIBED, {})
    ]
    return Figure("f", 'role="a" aria-label="b"', "", "", 200, lambda width: layered(rows, layers, width, 50))


def drawn(figure: Figure) -> ET.Element:
    [picture] = render.draw([figure])
    return ET.fromstring(picture.svg)  # noqa: S314 - ours


def test_marks_have_their_text_and_their_target() -> None:
    root = drawn(points(about("one", ["a", 'b <c> & "d"']), about("", ["nobody's"]), about("two")))
    marks = [each for each in root.iter(f"{SVG}path") if each.get("data-target") or len(each)]
    assert [each.get("data-target") for each in marks] == ["one", None, "two"]
    assert [each.findtext(f"{SVG}title") for each in marks] == ['a\nb <c> & "d"', "nobody's", None]


@pytest.mark.parametrize("name", HOSTILE)
def test_unfriendly_names_stay_text(name: str) -> None:
    label = clean(name)
    root = drawn(points(about(label, [label])))
    [mark] = [each for each in root.iter() if each.get("data-target")]
    assert (mark.get("data-target"), mark.findtext(f"{SVG}title")) == (label, label)


def test_nothing_that_vega_made_up_is_left_in_tags_and_all_text_is() -> None:
    root = drawn(points(about("one")))
    assert not [
        key for each in root.iter() for key in each.attrib if key.startswith("aria-") or key == "role"
    ]
    assert 'role="a" aria-label="b"' in [each.text for each in root.iter(f"{SVG}text")]


def test_a_load_says_its_step_latency_verdict_and_launches(tmp_path: Path) -> None:
    series = results(tmp_path, "one").sweeps[0]
    target, text = about_load(series, series.loads[-1], ["more"])[1:].split("\x1f")
    assert target == "one"
    assert text.splitlines() == [
        "one",
        "time step 1/32 s, 32/s",
        "p50 8.72 ms, p99 > 60 s",
        "verdict saturated",
        "430 launches",
        "not completed: 20 timeout, 30 dropped",
        "more",
    ]


def test_a_load_that_is_not_ok_says_why(tmp_path: Path) -> None:
    series = results(tmp_path, "one").sweeps[0]
    why = {"verdict": "saturated", "verdict_reason": "30 launches were dropped" + " and more" * 40}
    load = dataclasses.replace(series.loads[-1], record={**series.loads[-1].record, **why})
    text = about_load(series, load)
    assert "verdict saturated: 30 launches were dropped and more" in text
    assert all(len(line) < 150 for line in text.splitlines())


def test_an_imported_load_says_what_is_known(tmp_path: Path) -> None:
    document = reading.read_document(write(tmp_path / "old.json", means_only("old")), "old")
    series = Results([document]).sweeps[0]
    assert about_load(series, series.loads[0]).split("\x1f")[2].splitlines() == [
        "old",
        "time step 1/4 s, 4/s",
        "mean 300 ms (service time)",
    ]


def test_every_mark_of_the_sweeps_has_a_text(tmp_path: Path) -> None:
    found = [
        each for each in gallery.figures(results(tmp_path, "one", "two")) if each.section == "Under load"
    ]
    assert len(found) == 2
    for picture in render.draw(found):
        root = ET.fromstring(picture.svg)  # noqa: S314 - ours
        groups = [each for each in root.iter(f"{SVG}g") if "role-mark" in each.get("class", "")]
        points = [path for group in groups if "symbol" in group.get("class", "") for path in group]
        assert len(points) >= 2 * 4
        assert all(path.findtext(f"{SVG}title") and path.get("data-target") for path in points)


def test_a_page_has_each_text_once_and_marks_refer_to_it() -> None:
    texts = Texts()
    wide = '<path data-target="one" x="1"><title>a &lt;b&gt;</title></path><g/><text><title>c</title>t</text>'
    narrow = '<path data-target="o&amp;o"><title>c</title></path>'
    assert texts.taken_from(wide) == '<path x="1" data-text="0"/><g/><text data-text="1">t</text>'
    assert texts.taken_from(narrow, "o&o") == '<path data-text="1"/>'
    assert texts.taken_from("") == ""
    assert json.loads(texts.as_json()) == {"targets": ["one", ""], "texts": [[0, "a <b>"], [1, "c"]]}
