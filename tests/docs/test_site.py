"""The site: built with warnings as errors, complete, and loading nothing from elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from places import DOCS

# Attributes by which a browser loads something; an anchor's href is followed by people only.
LOADING = {"src", "srcset", "poster", "data", "action"}


class Loads(HTMLParser):
    """The addresses that a browser fetches for a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in LOADING or (tag == "link" and name == "href"):
                self.found.append(value or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("site")
    argv = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-n", "-d", str(place / "trees")]
    done = subprocess.run(
        [*argv, str(DOCS), str(place / "html")], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return place / "html"


def test_every_page_is_built_and_reached_from_the_first(site: Path) -> None:
    first = (site / "index.html").read_text()
    for page in DOCS.rglob("*.md"):
        name = page.relative_to(DOCS).with_suffix(".html")
        assert (site / name).is_file()
        assert f'href="{name}"' in first or name == Path("index.html")


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    looked_at = 0
    for page in site.rglob("*.html"):
        loads = Loads()
        loads.feed(page.read_text())
        looked_at += len(loads.found)
        assert [each for each in loads.found if re.match(r"(\w+:)?//", each)] == []
    assert looked_at > 100


def test_no_style_sheet_loads_anything_from_elsewhere(site: Path) -> None:
    sheets = list(site.rglob("*.css"))
    assert sheets
    for sheet in sheets:
        assert re.findall(r"url\(\s*['\"]?(?:\w+:)?//[^)]*|@import[^;]*//[^;]*", sheet.read_text()) == []


def test_a_load_from_elsewhere_would_be_found() -> None:
    loads = Loads()
    loads.feed(
        '<a href="http://a.example"></a><link href="//b.example/x.css"><script src="https://c.example"></script>'
    )
    assert loads.found == ["//b.example/x.css", "https://c.example"]
