"""The page of a report in a real browser: every chart drawn, at phone and desktop width, light and dark.

Pictures of every chart at both widths, in both modes and in grey go to the directory UNIKERNEL_SCREENSHOTS.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from needed import needs_chromium
from playwright.sync_api import Browser, Locator, Page, sync_playwright
from reportfiles import HOSTILE, fleet, means_only, sweep, write

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
    """A report of two targets, one of an unfriendly name, one on hosts, imported means and a baseline."""
    directory = tmp_path_factory.mktemp("report")
    unfriendly = [*sweep(HOSTILE[2]), *sweep(HOSTILE[7])]
    now = write(
        directory / "now.json", [*sweep("one"), *unfriendly, *means_only("Rust"), *fleet("rack", HOSTILE)]
    )
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


@pytest.fixture
def still(browser: Browser, report: Report) -> Iterator[Seen]:
    """Open the report without scripts."""
    context = browser.new_context(viewport={"width": DESKTOP, "height": 800}, java_script_enabled=False)
    page = context.new_page()
    page.goto(report.page.as_uri(), wait_until="load")
    yield Seen(page, [], [])
    context.close()


def mark(page: Page, target: str, chart: str = "latency") -> Locator:
    """Return the first point of a target in a chart."""
    drawn = page.locator(f"[data-chart={chart}] svg:visible .mark-symbol")
    return drawn.locator("path").and_(page.locator(f"[data-target={json.dumps(target)}]")).first


def middle(found: Locator) -> tuple[float, float]:
    found.scroll_into_view_if_needed()
    box = found.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


@WIDTHS
def test_a_mark_says_what_it_is_on_hover_and_near_by(seen: Seen) -> None:
    tip = seen.page.locator(".tip")
    assert not tip.is_visible()
    x, y = middle(mark(seen.page, "Rust"))
    seen.page.mouse.move(x, y - 8)
    assert tip.inner_text().splitlines() == ["Rust", "time step 1/4 s, 4/s", "mean 300 ms (service time)"]
    box, width = tip.bounding_box(), seen.page.viewport_size
    assert box is not None
    assert width is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width["width"]
    seen.page.mouse.move(x, y - 100)
    assert not tip.is_visible()
    assert seen.complaints == []


@WIDTHS
def test_unfriendly_names_stay_text_on_hover(seen: Seen) -> None:
    chart = seen.page.locator("[data-chart=throughput] [role=application]")
    chart.focus()
    said = set()
    for _ in range(30):
        seen.page.keyboard.press("ArrowRight")
        said.add(seen.page.locator(".tip").inner_text().splitlines()[0])
    assert HOSTILE[2] in said
    assert seen.page.locator(".tip *").count() == 0
    assert seen.complaints == []


@WIDTHS
def test_the_keyboard_reaches_every_load_of_a_chart_once(seen: Seen) -> None:
    tip = seen.page.locator(".tip")
    seen.page.locator("[data-chart=latency] [role=application]").focus()
    said = []
    for _ in range(40):
        seen.page.keyboard.press("ArrowRight")
        said.append(tip.inner_text())
    assert len(set(said)) == 4 * 6  # four sweeps and the baseline of one, and the means
    assert said[-1] == said[23]
    seen.page.keyboard.press("Escape")
    assert not tip.is_visible()


def test_a_tap_shows_a_mark_and_a_tap_elsewhere_hides_it(browser: Browser, report: Report) -> None:
    context = browser.new_context(viewport={"width": PHONE, "height": 800}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(report.page.as_uri(), wait_until="load")
    page.touchscreen.tap(*middle(mark(page, "Rust")))
    assert page.locator(".tip").inner_text().startswith("Rust\n")
    page.touchscreen.tap(*middle(page.locator("h1")))
    assert not page.locator(".tip").is_visible()
    context.close()


@WIDTHS
def test_a_target_that_is_switched_off_is_nowhere_but_named(seen: Seen) -> None:
    assert seen.page.locator("[data-target=one]:visible").count() > 20
    seen.page.get_by_label("one", exact=True).uncheck()
    assert seen.page.locator("[data-target=one]:visible").count() == 0
    words = seen.page.evaluate(
        "[...document.querySelectorAll('section text, section td')]"
        ".filter(each => each.getClientRects().length).map(each => each.textContent)"
    )
    assert "one" not in words
    assert HOSTILE[2] in words
    assert seen.page.locator(".unshown").inner_text() == "Not shown: one."
    seen.page.get_by_role("button", name="all").click()
    assert seen.page.locator("[data-target=one]:visible").count() > 20
    assert seen.page.locator(".unshown").inner_text() == ""
    assert seen.complaints == []


@WIDTHS
def test_with_all_targets_switched_off_no_chart_of_one_target_is_left(seen: Seen) -> None:
    seen.page.get_by_role("button", name="none").click()
    assert seen.page.locator("[data-target]:visible").count() == 0
    assert seen.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_the_filter_works_by_keys(browser: Browser, report: Report) -> None:
    page = browser.new_page(viewport={"width": PHONE, "height": 800})
    page.goto(report.page.as_uri(), wait_until="load")
    page.locator(".filter input").first.focus()
    page.keyboard.press("Space")
    assert page.locator(".unshown").inner_text() == "Not shown: one."
    page.close()


def test_without_scripts_nothing_is_missing_but_hover_and_filter(still: Seen, report: Report) -> None:
    assert still.page.locator("figure.chart svg:visible").count() == len(report.charts)
    assert not still.page.locator(".filter, .hint, .tip").first.is_visible()
    assert still.page.locator("tbody tr:visible").count() > 20


@pytest.mark.parametrize("seen", [(DESKTOP, "light")], indirect=True, ids=["desktop"])
def test_paper_has_no_controls_and_says_what_is_switched_off(seen: Seen) -> None:
    seen.page.mouse.move(*middle(mark(seen.page, "Rust")))
    seen.page.get_by_label("one", exact=True).uncheck()
    seen.page.emulate_media(media="print")
    for name in (".tip", ".filter", ".hint", "nav"):
        assert not seen.page.locator(name).is_visible(), name
    assert seen.page.locator(".unshown").is_visible()


def test_no_other_script_runs(browser: Browser, report: Report, tmp_path: Path) -> None:
    """Only the hash of ours is allowed: a script that something smuggled in would not run."""
    text = report.page.read_text(encoding="utf-8")
    forged = tmp_path / "forged.html"
    forged.write_text(text.replace("<h1>", "<script>document.title = 'smuggled'</script><h1>"), "utf-8")
    page = browser.new_page()
    page.goto(forged.as_uri(), wait_until="load")
    assert page.title() != "smuggled"
    page.close()


def test_a_page_of_all_targets_is_under_three_megabytes(tmp_path: Path) -> None:
    targets = [f"container_engine[variant {number}]" for number in range(16)]
    steps = [2.0**-power for power in range(11)]
    saved = write(tmp_path / "all.json", [each for name in targets for each in sweep(name, steps=steps)])
    assert main.main(["report", str(saved), "-o", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "report.html").stat().st_size < 3_000_000


def test_a_page_of_eight_targets_on_64_hosts_is_under_three_megabytes(tmp_path: Path) -> None:
    hosts = [f"rack-{number}" for number in range(64)]
    steps = [2.0**-power for power in range(11)]
    benches = [
        each for number in range(8) for each in fleet(f"container_engine[variant {number}]", hosts, steps)
    ]
    saved = write(tmp_path / "all.json", benches)
    assert main.main(["report", str(saved), "-o", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "report.html").stat().st_size < 3_000_000


@pytest.mark.parametrize(
    "seen",
    [(width, mode) for width in (PHONE, DESKTOP) for mode in ("light", "dark")],
    indirect=True,
    ids=["phone-light", "phone-dark", "desktop-light", "desktop-dark"],
)
def test_pictures_of_every_chart_for_people_to_judge(
    seen: Seen, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    directory = Path(os.environ.get("UNIKERNEL_SCREENSHOTS", tmp_path)) / request.node.callspec.id
    figures = seen.page.locator("figure.chart")
    for suffix in ("", "-grey"):
        for number in range(figures.count()):
            name = figures.nth(number).get_attribute("data-chart")
            assert figures.nth(number).screenshot(path=directory / f"{name}{suffix}.png")
        seen.page.add_style_tag(content="html { filter: grayscale(1) }")
    assert len(list(directory.glob("*.png"))) == 2 * figures.count()


def rgb(color: str) -> tuple[int, ...]:
    """Return a colour's parts, however it is written."""
    if color.startswith("#"):
        return tuple(int(color[place : place + 2], 16) for place in (1, 3, 5))
    return tuple(map(int, re.findall(r"\d+", color)[:3]))
