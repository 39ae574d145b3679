"""Links between pages, as they work in the repository: the file is there, and so is the heading."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from documents import pages
from places import REPOSITORY

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
WEB = re.compile(r"https?://")
PAGES = [*pages(), REPOSITORY / "CHANGELOG.md"]


def without_code(path: Path) -> str:
    text = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]*`", lambda found: "x" * len(found[0]), text)


def anchors(path: Path) -> set[str]:
    """Return the anchors of a page's headings, as forges and MyST make them."""
    text = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    slugs = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
    seen: Counter[str] = Counter()
    made = set()
    for slug in slugs:
        made.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return made


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_its_links_lead_somewhere(path: Path) -> None:
    broken = []
    for link in LINK.findall(without_code(path)):
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        if WEB.match(link):
            continue
        if not target.is_file() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A heading\n\n[one](page.md#a-heading) [two](#nothing) [three](none.md) `[four](x)`\n")
    with pytest.raises(AssertionError, match=r"#nothing.*none\.md"):
        test_its_links_lead_somewhere(page)


def test_every_page_of_the_documentation_is_linked_from_the_readme() -> None:
    readme = (REPOSITORY / "README.md").read_text()
    left_out = {"docs/index.md", "docs/contributing.md", "docs/changelog.md"}
    names = [str(path.relative_to(REPOSITORY)) for path in pages()]
    assert [
        name for name in names if name != "README.md" and f"({name})" not in readme and name not in left_out
    ] == []
