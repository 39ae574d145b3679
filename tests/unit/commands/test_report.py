"""``pytest-unikernel report``: its files for any results; its exit statuses."""

from __future__ import annotations

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from comparedruns import steady
from reportfiles import HOSTILE, bench, load, means_only, partition, sweep, write

from pytest_unikernel.commands import main
from pytest_unikernel.report.page import SCRIPT

Report = Callable[..., Path]
PNG = b"\x89PNG\r\n\x1a\n"
ALWAYS = {"latency", "throughput", "cold", "failures", "host"}
PER_TARGET = ("distribution", "phases", "over-time")


@pytest.fixture
def report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Report:
    """Make a report and return its directory."""

    def make(*arguments: object) -> Path:
        directory = tmp_path / "report"
        assert main.main(["report", *map(str, arguments), "-o", str(directory)]) == 0
        out, err = capsys.readouterr()
        assert out == f"{directory / 'report.html'}\n"
        assert all(line.startswith("Damaged values in ") for line in err.splitlines())
        return directory

    return make


class Page(HTMLParser):
    """A page's figures, tags, attributes and words."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.charts: list[str] = []
        self.tags: set[str] = set()
        self.scripts = 0
        self.attributes: list[tuple[str, str | None]] = []
        self.words = ""
        self.feed((directory / "report.html").read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.scripts += tag == "script"
        self.attributes += attrs
        self.charts += [value or "" for name, value in attrs if name == "data-chart"]

    def handle_data(self, data: str) -> None:
        self.words += data


def check_pictures(directory: Path, names: set[str]) -> None:
    """Every figure is there as PNG and as SVG that is well-formed and refers to nothing."""
    assert {path.stem for path in directory.glob("*.svg")} == names
    for name in names:
        assert (directory / f"{name}.png").read_bytes().startswith(PNG)
        root = ET.fromstring((directory / f"{name}.svg").read_text(encoding="utf-8"))  # noqa: S314 - ours
        tags = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert "text" in tags
        assert not tags & {"script", "image", "a", "foreignObject", "style"}
        assert not [
            key for element in root.iter() for key in element.attrib if "href" in key or key[:2] == "on"
        ]


def test_a_report_has_every_figure_in_the_page_and_as_files(report: Report, tmp_path: Path) -> None:
    directory = report(write(tmp_path / "a.json", [*sweep("one"), *sweep("two[kvm]")]))
    found = Page(directory)
    per_target = {f"{kind}-{name}" for kind in PER_TARGET for name in ("one", "two_kvm")}
    assert set(found.charts) == ALWAYS | per_target
    assert len(found.charts) == len(set(found.charts))
    check_pictures(directory, ALWAYS | per_target)
    for name in ("latency", "throughput", "cold", "loads"):
        assert (directory / f"{name}.csv").is_file()
        assert (directory / f"{name}.tsv").is_file()
    assert "two[kvm]" in (directory / "report.md").read_text().replace("\\", "")


def test_a_page_has_one_script_of_ours_and_needs_no_network(report: Report, tmp_path: Path) -> None:
    found = Page(report(write(tmp_path / "a.json", sweep("one"))))
    assert SCRIPT in found.words
    assert found.scripts == 1
    assert not found.tags & {"iframe", "object", "embed", "img", "base"}
    assert not [value for name, value in found.attributes if name in ("src", "action", "srcset")]
    links = [value or "" for name, value in found.attributes if name.endswith("href")]
    assert links
    assert not [link for link in links if not link.startswith(("#", "data:,"))]
    ids = [value for name, value in found.attributes if name == "id"]
    assert len(ids) == len(set(ids))


def test_names_of_tests_and_targets_are_text_and_nothing_else(report: Report, tmp_path: Path) -> None:
    records = [each for name in HOSTILE for each in sweep(name, name)]
    for each in records:
        record = each["extra_info"]["load"]
        record.update(
            ready=HOSTILE[1], versions={HOSTILE[1]: HOSTILE[2]}, failed={HOSTILE[1]: 3, HOSTILE[2]: 1}
        )
        record["phases_s"] = dict.fromkeys(HOSTILE, record["service_time_s"])
        record["partition"] = partition(record["service_time_s"]["mean"], HOSTILE)
    directory = report(
        write(tmp_path / "<b>a.json", records), "--baseline", write(tmp_path / "b.json", records)
    )
    found = Page(directory)
    assert found.scripts == 1
    assert not found.tags & {"img", "b", "a_"}
    assert not [name for name, _ in found.attributes if name.startswith("on")]
    assert "<script>alert(1)</script>" in found.words
    assert "\x1b" not in found.words
    assert "\u202e" not in found.words
    check_pictures(directory, set(found.charts))
    assert len(found.charts) == len(ALWAYS) + len(PER_TARGET) * len(HOSTILE)


def test_imported_means_stand_beside_a_run_of_today(report: Report, tmp_path: Path) -> None:
    today, old = (
        write(tmp_path / "today.json", sweep("one")),
        write(tmp_path / "old.json", means_only("Rust")),
    )
    for arguments in ((today, old), (today, "--baseline", old), (old, "--baseline", today), (old,)):
        directory = report(*arguments)
        found = Page(directory)
        assert {"latency", "throughput", "cold"} <= set(found.charts)
        assert "Means, where medians are unknown: Rust" in found.words
        check_pictures(directory, set(found.charts))


def test_records_that_know_next_to_nothing_make_a_report(report: Report, tmp_path: Path) -> None:
    bare = {"target": "bare", "mode": "sweep", "time_step_s": 0.5}
    odd = {
        **load("odd", 0.5),
        "host": 3,
        "failed": [1],
        "distribution": {"response_time_s": [[1], "x", None]},
    }
    odd |= {"phases_s": {"a": None, "b": {"mean": "x"}}, "versions": None, "settings": None, "verdict": 7}
    directory = report(write(tmp_path / "a.json", [bench("test_bare", bare), bench("test_odd", odd)]))
    assert "bare" in Page(directory).words


def test_a_load_of_which_nothing_completed_is_shown_as_such(report: Report, tmp_path: Path) -> None:
    nothing = {**dict.fromkeys(("min", "mean", "max", "stddev", "p50", "p90", "p95", "p99", "p99.9")), "n": 0}
    record = load(
        "dead", 0.1, completed=0, unfinished=400, verdict="saturated", throughput_hz=0.0,
        response_time_s={**nothing, "censored": 400}, service_time_s={**nothing, "censored": 400},
    )  # fmt: skip
    words = Page(report(write(tmp_path / "a.json", [bench("test_dead", record)]))).words
    assert "400 unfinished" in words
    assert "> 60 s" in words


def test_only_a_cold_start_makes_a_report(report: Report, tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", [bench("test_cold", load("one", None, launches=10))])
    assert set(Page(report(path)).charts) == {"cold", "phases-one"}


def test_figures_say_their_units(report: Report, tmp_path: Path) -> None:
    directory = report(write(tmp_path / "a.json", sweep("one")))
    for path in directory.glob("*.svg"):
        texts = re.findall(r"<text[^>]*>([^<]*)", path.read_text(encoding="utf-8"))
        said = " ".join(texts)
        assert re.search(r"\d (s|ms|µs|%)\b|/s|, s|%|GiB|per second|instances", said), path.name


@pytest.mark.parametrize("text", ["{", "[]", '{"benchmarks": []}'])
def test_a_file_that_is_none_of_results_ends_with_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    assert main.main(["report", str(path), "-o", str(tmp_path / "report")]) == 2
    assert str(path) in capsys.readouterr().err
    assert not (tmp_path / "report").exists()


def test_without_the_library_it_is_said_how_to_get_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_unikernel.report.render.LIBRARY", "no_such_library")
    path = write(tmp_path / "a.json", sweep("one"))
    assert main.main(["report", str(path), "-o", str(tmp_path / "report")]) == 2
    assert "pip install 'pytest-unikernel[report]'" in capsys.readouterr().err
    assert not (tmp_path / "report").exists()


def test_the_command_line_does_not_import_what_draws() -> None:
    modules = "pytest_unikernel.commands.main, pytest_unikernel.plugin.hooks"
    code = f"import sys, {modules}; print('vl_convert' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_changes_are_judged_where_both_runs_have_trials_enough(tmp_path: Path, report: Report) -> None:
    def saved(file: str, p50_s: float) -> Path:
        load = bench("one", steady(1.0, p50_s))
        return write(tmp_path / file, [load])

    page = Page(report(saved("now.json", 0.026), "--baseline", saved("was.json", 0.02)))
    assert "Changes, judged" in page.words
    assert "+30" in page.words
    assert "worse" in page.words
