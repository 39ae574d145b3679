"""The run as Markdown: rendered, it shows what was written, within the room that a page has."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from pytest_unikernel.plan.target_fields import Unavailable
from pytest_unikernel.text.grid import printable
from pytest_unikernel.text.markdown import details, escaped, in_html, preformatted, table
from pytest_unikernel.text.row import Row
from pytest_unikernel.text.run_summary import COLD
from pytest_unikernel.text.step_summary import MOST_BYTES, MOST_ROWS, Outcome, step_summary

SERIES = "benchmarks/test_it.py::test_it"
RENDERER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
CELLS = ("td", "summary", "code")
EVIL = (
    "</td></tr><script>alert(1)</script> | `a` *b* _c_ [d](e) ![f](g) ~~h~~ # i\n"
    "- j https://k.l @m \\| \x1b[31m"
)


class Cells(HTMLParser):
    """The text of each cell, and all tags."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.cells: list[str] = []
        self._inside = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        del attrs
        self.tags.append(tag)
        if tag in CELLS:
            self.cells.append("")
            self._inside = True

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag not in CELLS

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.cells[-1] += data


def record(step_s: float | None = 0.5, verdict: str = "ok", **changed: Any) -> dict[str, Any]:
    times = {"min": 0.01, "p50": 0.02, "p90": 0.03, "p99": 0.04, "max": 0.05, "n": 10, "censored": 0}
    rate_hz = 1 / step_s if step_s else None
    return {
        "target": "some", "mode": "sweep" if step_s else "cold", "time_step_s": step_s,
        "offered_rate_hz": rate_hz, "throughput_hz": rate_hz, "throughput_per_core_hz": rate_hz,
        "response_time_s": times, "failed": {}, "dropped": 0, "unfinished": 0, "verdict": verdict,
        "verdict_reason": "too slow" if verdict != "ok" else "", "interrupted": False, "timeout_s": 60.0,
        "scheduled": 10, "completed": 10, **changed,
    }  # fmt: skip


def sweep(*verdicts: str, series: str = SERIES, **changed: Any) -> list[Row]:
    return [Row(series, record(0.5**at, verdict, **changed)) for at, verdict in enumerate(verdicts)]


def lines(outcome: Outcome) -> list[str]:
    return step_summary(outcome).splitlines()


# foreign text -------------------------------------------------------------------------------------


@given(st.text(max_size=200))
@example(EVIL)
@example("a_b_ __c__ 1. d")
def test_foreign_text_is_shown_as_it_is(text: str) -> None:
    html = Cells(RENDERER.render(table(["head"], [[f"x{escaped(text)}x"]])))
    assert html.tags == ["table", "thead", "tr", "th", "tbody", "tr", "td"]
    assert html.cells == [f"x{printable(text)}x"]


@given(st.text(max_size=200))
@example(EVIL)
def test_foreign_text_in_a_head_to_unfold_is_shown_as_it_is(text: str) -> None:
    html = Cells(RENDERER.render(details(in_html(f"x{text}x"), ["inside"])))
    assert html.tags == ["details", "summary", "p"]
    assert html.cells == [f"x{printable(text)}x"]


@given(st.lists(st.text(max_size=40) | st.sampled_from(["```", "~~~", "</details>", "````` x"]), min_size=1))
def test_foreign_lines_do_not_end_their_block(given_lines: list[str]) -> None:
    html = Cells(RENDERER.render(preformatted(given_lines)))
    assert html.tags == ["pre", "code"]
    assert html.cells == ["\n".join(map(printable, given_lines)) + "\n"]


def test_a_summary_of_evil_names_has_no_tag_of_theirs() -> None:
    rows = [
        *sweep("ok", "failing", series=EVIL, target=EVIL, verdict_reason=EVIL),
        Row("c", record(None, target=EVIL)),
    ]
    missing = [(EVIL, Unavailable(EVIL, EVIL))]
    evidence = {EVIL: [EVIL], COLD: [EVIL]}
    text = step_summary(Outcome(rows, missing, [EVIL], [EVIL, EVIL], evidence, [EVIL]))
    tags = set(Cells(RENDERER.render(text)).tags)
    assert tags <= {
        *("h2", "h3", "p", "strong", "table", "thead", "tbody", "tr", "th", "td", "ul", "li", "em"),
        *("details", "summary", "pre", "code"),
    }


# what it says -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdicts", "cells"),
    [
        (["ok", "ok", "saturated"], "| some | 2/s | 4/s \\(saturated\\) | 20 ms | 40 ms |"),
        (["ok", "ok"], "| some | ≥ 2/s | – | 20 ms | 40 ms |"),  # noqa: RUF001 - as in tables
        (["failing"], "| some | &lt; 1/s | 1/s \\(failing\\) | – | – |"),  # noqa: RUF001 - as in tables
        (["generator-bound"], "| some | unknown | 1/s \\(generator-bound\\) | – | – |"),  # noqa: RUF001
    ],
)
def test_a_series_is_a_row_with_its_knee(verdicts: list[str], cells: str) -> None:
    assert cells in lines(Outcome(sweep(*verdicts)))


def test_a_baseline_has_its_knee_beside_it() -> None:
    rows = [Row(SERIES, record(1.0), record(1.0)), Row(SERIES, record(0.5, "saturated"), record(0.5))]
    assert "| some | 1/s | ≥ 2/s | 2/s \\(saturated\\) | 20 ms | 40 ms |" in lines(Outcome(rows))


def test_two_tests_of_a_target_are_told_apart() -> None:
    found = lines(Outcome([*sweep("ok"), *sweep("ok", series="b.py::test_b")]))
    assert "| target | test | knee | not ok at | p50 | p99 |" in found
    assert [line for line in found if line.startswith("| some | b.py::test\\_b |") or "test_b |" in line]


def test_objectives_cold_starts_and_missing_targets_have_tables() -> None:
    slo = {"p99:0.5s": {"limit_s": 0.5, "met": True, "value_s": 0.04, "launches": 10, "launches_needed": 1}}
    rows = [*sweep("ok", slo=slo), Row("cold", record(None, failed={"timeout": 2}))]
    found = lines(Outcome(rows, [("kvm", Unavailable("no /dev/kvm", "modprobe kvm"))] * 3))
    assert found[0] == "## Launches and cold starts of 1 target, 1 could not run here"
    assert any(line.startswith("| some | p99:0.5s &lt;= 500 ms: up to ≥ 1/s") for line in found)
    assert "| some | 10 | 10 ms | 20 ms | 30 ms | 50 ms | 2 timeout |" in found
    assert found.count("| kvm | no /dev/kvm | modprobe kvm |") == 1


def test_the_comparison_comes_before_the_tables() -> None:
    found = lines(Outcome(sweep("ok"), compared=["worse:", "test_it: p50 +50.0% (limit p50:20%)"]))
    assert found[2:5] == ["**worse:**", "", "- test_it: p50 \\+50.0% \\(limit p50:20%\\)"]


# its size -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("room_bytes", [0, 10, 100, 1000, 5000, 20_000, MOST_BYTES])
def test_it_never_takes_more_than_its_room(room_bytes: int) -> None:
    rows = [row for at in range(40) for row in sweep("ok", "saturated", series=f"test_{at}µ")]
    text = step_summary(Outcome(rows), room_bytes)
    assert len(text.encode()) <= room_bytes
    assert ("parts are left out" in text) == (0 < len(text) < 15_000)
    assert text.count("<details>") == text.count("</details>")


def test_a_page_of_a_thousand_targets_fits() -> None:
    rows = [row for at in range(1000) for row in sweep("ok", "saturated", series="x" * 5000 + str(at))]
    text = step_summary(Outcome(rows))
    assert len(text.encode()) <= MOST_BYTES
    assert f"_{1000 - MOST_ROWS} more rows are left out._" in text


def test_text_that_has_no_encoding_is_written_all_the_same() -> None:
    assert "\\\\udcff" in step_summary(Outcome(sweep("ok", target="\udcff")))
