"""Sections that installed packages add to a report, and the messages about faulty ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from documents import named_block
from places import REPORTS
from reportfiles import sweep, write

from pytest_unikernel.commands import main
from pytest_unikernel.extensionspec import hookimpl
from pytest_unikernel.report.figure import SMALL, Figure, layered
from pytest_unikernel.report.overview import Table
from pytest_unikernel.report.sections import ReportSection
from pytest_unikernel.report.series import Results


class Adding:
    """A package with one section."""

    def __init__(self, section: ReportSection) -> None:
        self._section = section

    @hookimpl
    def pytest_unikernel_report_sections(self) -> list[ReportSection]:
        return [self._section]


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return write(tmp_path / "run.json", sweep("linux_process"))


def figure(name: str) -> Figure:
    rows = [{"x": 1, "y": 2}]
    mark = {"mark": "bar", "encoding": {axis: {"field": axis, "type": "quantitative"} for axis in "xy"}}
    return Figure(name, "Mine", "As it is.", "My own", SMALL, lambda width: layered(rows, [mark], width, 50))


def refused(saved: Path, capsys: pytest.CaptureFixture[str]) -> str:
    directory = saved.parent / "report"
    assert main.main(["report", str(saved), "-o", str(directory)]) != 0
    assert not directory.exists()
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    return err


def test_figures_and_tables_of_a_package_stand_after_ours(installed: list[object], saved: Path) -> None:
    def tables(results: Results) -> Iterator[Table]:
        yield Table("My <table>", ["target"], [[each.label] for each in results.sweeps])

    installed.append(Adding(ReportSection("mine", lambda _: [figure("mine")], tables)))
    directory = saved.parent / "report"
    assert main.main(["report", str(saved), "-o", str(directory)]) == 0
    page = (directory / "report.html").read_text()
    assert (
        page.index('<h2 id="failures">')
        < page.index('<h2 id="my-own">My own</h2>')
        < page.index("All figures</h2>")
    )
    assert page.index("Versions and conditions</h2>") < page.index("My &lt;table&gt;</h2>")
    assert (directory / "mine.png").exists()
    assert (
        "## My &lt;table&gt;\n\n| target |\n| --- |\n| linux_process |"
        in (directory / "report.md").read_text()
    )


def test_a_figure_with_the_name_of_one_of_ours_gets_another(installed: list[object], saved: Path) -> None:
    installed.append(Adding(ReportSection("mine", lambda _: [figure("latency")])))
    directory = saved.parent / "report"
    assert main.main(["report", str(saved), "-o", str(directory)]) == 0
    assert {"latency.svg", "latency-2.svg"} <= {each.name for each in directory.iterdir()}


def test_the_documented_section_is_one(installed: list[object], saved: Path) -> None:
    module = ModuleType("mine")
    exec(named_block(REPORTS, "snippet: report section"), vars(module))  # noqa: S102
    installed.append(module)
    directory = saved.parent / "report"
    assert main.main(["report", str(saved), "-o", str(directory)]) == 0
    assert "| linux_process | 1,600 |" in (directory / "report.md").read_text()


@pytest.mark.parametrize(
    ("section", "said"),
    [
        (
            ReportSection("it", lambda _: [figure("../it")]),
            "ValueError: the name of a figure must consist of letters",
        ),
        (
            ReportSection("it", tables=lambda _: [Table("T", ["a"], [["1", "2"]])]),
            "must have 1 texts",
        ),
        (ReportSection("it", tables=lambda _: [Table("T", ["a"], [[1]])]), "must have 1 texts"),  # type: ignore[list-item]
        (ReportSection("it", lambda results: results.nothing), "AttributeError: 'Results' object"),  # type: ignore[attr-defined]
    ],
    ids=["path", "row", "cell", "error"],
)
def test_a_fault_is_told_with_the_name_of_the_section(
    installed: list[object],
    saved: Path,
    capsys: pytest.CaptureFixture[str],
    section: ReportSection,
    said: str,
) -> None:
    installed.append(Adding(section))
    told = refused(saved, capsys)
    assert "the report section 'it' failed: " in told
    assert said in told


def test_a_figure_that_can_not_be_drawn_is_named(
    installed: list[object], saved: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = Figure("wrong", "", "", "", SMALL, lambda width: {"width": width, "mark": {1, 2}})
    installed.append(Adding(ReportSection("it", lambda _: [wrong])))
    assert "can't draw the figure 'wrong'" in refused(saved, capsys)
