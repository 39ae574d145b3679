"""A report's files: all or none, in a directory of its own or beside what is there."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from pytest_unikernel.errors import ReportError
from pytest_unikernel.report import writing
from pytest_unikernel.report.page import page


def files(*names: str) -> dict[str, bytes]:
    """Return a report of such files."""
    text = page("t", [], [], [], names)
    return {**dict.fromkeys(names, b"new"), writing.PAGE: text.encode()}


def listed(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_a_directory_that_is_made_is_private(tmp_path: Path) -> None:
    directory = tmp_path / "some" / "report"
    writing.write_files(directory, files("a.png"))
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert listed(directory) == ["a.png", "report.html"]


def test_a_directory_that_is_there_keeps_its_rights_and_its_files(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "mine.txt").write_text("mine")
    writing.write_files(tmp_path, files("a.png"))
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_a_later_report_replaces_an_earlier_one(tmp_path: Path) -> None:
    writing.write_files(tmp_path, files("a.png", "gone.svg"))
    (tmp_path / "mine.svg").write_text("mine")
    writing.write_files(tmp_path, files("a.png", "b.tsv"))
    assert listed(tmp_path) == ["a.png", "b.tsv", "mine.svg", "report.html"]


@pytest.mark.parametrize("name", ["latency.tsv", "report.html"])
def test_somebody_elses_file_is_never_replaced(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(ReportError, match=f"foreign file.*{name}.*; nothing was written"):
        writing.write_files(tmp_path, files("a.png", "latency.tsv"))
    assert listed(tmp_path) == [name]
    assert (tmp_path / name).read_text() == "mine"


def test_a_page_names_only_files_beside_it_as_its_own(tmp_path: Path) -> None:
    outside = tmp_path / "outside.png"
    outside.write_text("mine")
    directory = tmp_path / "report"
    directory.mkdir()
    forged = page("t", [], [], [], ["../outside.png", "/etc/passwd", ".bashrc", "a.png"])
    (directory / "report.html").write_text(forged)
    assert writing.files_of(directory) == {"report.html", "a.png"}
    writing.write_files(directory, files("b.png"))
    assert outside.exists()


def test_what_goes_wrong_leaves_the_earlier_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writing.write_files(tmp_path, files("a.png"))
    before = (tmp_path / "report.html").read_bytes()
    real, opened = Path.open, []

    def full(self: Path, mode: str = "r") -> object:
        if mode == "xb":
            opened.append(self)
            if len(opened) == 2:
                raise OSError(28, "No space left on device")
        return real(self, mode)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(ReportError, match="No space left on device"):
        writing.write_files(tmp_path, files("a.png", "b.png", "c.png"))
    assert listed(tmp_path) == ["a.png", "report.html"]
    assert (tmp_path / "report.html").read_bytes() == before


def test_a_place_that_no_report_can_go_to_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    for place in (file, file / "below"):
        with pytest.raises(ReportError, match=r"expected a (writable )?directory for the report"):
            writing.check_directory(place)


def test_a_directory_that_is_not_writable_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, _mode: Path(path) != tmp_path)  # root may write anywhere
    with pytest.raises(ReportError, match="expected a writable directory"):
        writing.check_directory(tmp_path / "report")
