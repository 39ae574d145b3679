"""The page of a report in a real browser: every chart drawn, at phone and desktop width, light and dark."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from needed import needs_chromium
from playwright.sync_api import Browser, Page, sync_playwright
from reportfiles import HOSTILE, means_only, sweep, write

from pytest_unikernel.commands import main
from pytest_unikernel.report.style import DARK, INK, PAPER

pytestmark = needs_chromium
PHONE, DESKTOP = 390, 1280
# Nothing that the browser does for itself may reach for the network.
QUIET = ["--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]


class Report(NamedTuple):
    """A report on disk, and the figures that belong to it."""

    page: Path
    charts: set[str]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    sandbox = ["--no-sandbox"] if os.getuid() == 0 else []  # as root there is none
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=[*QUIET, *sandbox]
        )
        yield started
        started.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """A report of two targets, one of an unfriendly name, with imported means and a baseline."""
    directory = tmp_path_factory.mktemp("report")
    unfriendly = [*sweep(HOSTILE[2]), *sweep(HOSTILE[7])]
    now = write(directory / "now.json", [*sweep("one"), *unfriendly, *means_only("Rust")])
    was = write(directory / "was.json", sweep("one"))
    out = directory / "out"
    assert main.main(["report", str(now), "--baseline", str(was), "-o", str(out)]) == 0
    return Report(out / "report.html", {path.stem for path in out.glob("*.svg")})


class Seen(NamedTuple):
    """A page's errors and requests while it was open."""

    page: Page
    complaints: list[str]
    requests: list[str]


@pytest.fixture
def seen(browser: Browser, report: Report, request: pytest.FixtureRequest) -> Iterator[Seen]:
    """Open the report, with the width and the colours of the test's parameters."""
    width, colors = request.param
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=colors)
    page = context.new_page()
    complaints: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    page.on("request", lambda each: requests.append(each.url))
    page.goto(report.page.as_uri(), wait_until="load")
    yield Seen(page, complaints, requests)
    context.close()


WIDTHS = pytest.mark.parametrize(
    "seen", [(PHONE, "light"), (DESKTOP, "light")], indirect=True, ids=["phone", "desktop"]
)
COLORS = pytest.mark.parametrize(
    "seen", [(DESKTOP, "light"), (DESKTOP, "dark")], indirect=True, ids=["light", "dark"]
)


@WIDTHS
def test_every_chart_is_there_and_fits_the_screen(seen: Seen, report: Report) -> None:
    figures = seen.page.locator("figure.chart")
    names = [figures.nth(number).get_attribute("data-chart") for number in range(figures.count())]
    assert sorted(filter(None, names)) == sorted(report.charts)
    width = seen.page.viewport_size["width"] if seen.page.viewport_size else 0
    for number, name in enumerate(names):
        drawn = figures.nth(number).locator("svg:visible")
        assert drawn.count() == 1, name
        box = drawn.bounding_box()
        assert box is not None
        assert box["width"] > 200, name
        assert box["height"] > 60, name
        assert box["x"] >= 0, name
        assert box["x"] + box["width"] <= width, name
        assert drawn.locator("path, line, rect").count() > 3, name


@WIDTHS
def test_the_page_is_no_wider_than_the_screen(seen: Seen) -> None:
    assert seen.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@WIDTHS
def test_letters_can_be_read(seen: Seen) -> None:
    sizes = seen.page.evaluate(
        "[...document.querySelectorAll('figure.chart svg text')].filter(text => text.getClientRects().length)"
        ".map(text => parseFloat(getComputedStyle(text).fontSize) * text.ownerSVGElement.getScreenCTM().a)"
    )
    assert min(sizes) >= 8


@WIDTHS
def test_the_browser_complains_of_nothing_and_asks_for_nothing(seen: Seen, report: Report) -> None:
    seen.page.mouse.wheel(0, 100_000)
    assert seen.complaints == []
    assert seen.requests == [report.page.as_uri()]


@COLORS
def test_colours_follow_the_reader(seen: Seen, request: pytest.FixtureRequest) -> None:
    dark = "dark" in request.node.callspec.id
    paper = seen.page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    title = "getComputedStyle(document.querySelector('figure.chart svg .role-title-text text')).fill"
    assert rgb(paper) == rgb(DARK[PAPER] if dark else PAPER)
    assert rgb(seen.page.evaluate(title)) == rgb(DARK[INK] if dark else INK)


@COLORS
def test_no_colour_of_a_figure_is_without_its_dark_one(seen: Seen) -> None:
    found = seen.page.evaluate(
        "[...document.querySelectorAll('figure.chart svg *')].flatMap(each =>"
        "['fill', 'stroke'].map(name => each.getAttribute(name))).filter(each => each)"
    )
    assert {each for each in found if each.startswith("#")} <= set(DARK)
    assert {each for each in found if not each.startswith("#")} <= {"none", "transparent"}


@pytest.mark.parametrize("seen", [(DESKTOP, "dark")], indirect=True, ids=["dark"])
def test_it_prints_on_white(seen: Seen) -> None:
    seen.page.emulate_media(media="print")
    paper = seen.page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert rgb(paper) == rgb(PAPER)
    assert seen.page.pdf().startswith(b"%PDF")


@pytest.mark.parametrize("seen", [(PHONE, "light")], indirect=True, ids=["phone"])
def test_hostile_names_are_shown_as_they_are(seen: Seen) -> None:
    words = seen.page.inner_text("body")
    assert HOSTILE[2] in words
    assert seen.page.locator("img, iframe").count() == 0
    assert seen.page.locator("script").count() == 1
    assert any(HOSTILE[2] in text for text in seen.page.locator("figure.chart svg text").all_text_contents())


def rgb(color: str) -> tuple[int, ...]:
    """Return a colour's parts, however it is written."""
    if color.startswith("#"):
        return tuple(int(color[place : place + 2], 16) for place in (1, 3, 5))
    return tuple(map(int, re.findall(r"\d+", color)[:3]))
