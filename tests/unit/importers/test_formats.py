"""urunc's measurements, and formats that other packages add."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from importlib import metadata
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from documents import named_block
from places import OLD_RESULTS
from uruncscripts import life, measure_to_json

from pytest_unikernel import extensions
from pytest_unikernel.commands import main
from pytest_unikernel.errors import UnikernelError
from pytest_unikernel.extensionspec import hookimpl
from pytest_unikernel.importers.inputs import InputFile
from pytest_unikernel.importers.readings import (
    ImportFormat,
    ImportOptions,
    Launches,
    Reading,
    Spread,
    Subject,
)


def imported(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    """Import and return the only benchmark."""
    assert main.main(["import", *map(str, arguments), "-o", "-"]) == 0
    (bench,) = json.loads(capsys.readouterr().out)["benchmarks"]
    return dict(bench)


# urunc ---------------------------------------------------------------------------------------------


def test_what_measure_to_json_writes_is_read_as_intervals_in_seconds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = life("a" * 64, step_ns=1000) + life("b" * 64, step_ns=3000)
    theirs = measure_to_json(log, ["a" * 64, "b" * 64])
    (tmp_path / "ts.json").write_text(theirs)
    bench = imported(capsys, tmp_path / "ts.json")
    load = bench["extra_info"]["load"]
    first = next(iter(json.loads(theirs)))
    said = {name: int(text.removesuffix(" ns")) / 1e9 for name, text in json.loads(theirs)[first].items()}
    interval = load["neighbours_s"][first.replace(" -> ", "->")]
    assert {name: interval[name] for name in ("min", "mean", "max")} == {
        "min": said["minimum"], "mean": said["average"], "max": said["maximum"],
    }  # fmt: skip
    assert interval["n"] is interval["p50"] is None
    assert len(load["neighbours_s"]) == len(json.loads(theirs))
    assert (load["target"], load["mode"]) == ("urunc_container", "cold")


def test_without_a_latency_the_stats_are_zeros_and_say_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ts.json").write_text(measure_to_json(life("a" * 64), ["a" * 64]))
    bench = imported(capsys, tmp_path / "ts.json")
    assert bench["stats"]["mean"] == bench["stats"]["ops"] == 0
    assert "no latency, so pytest-benchmark's stats are zero" in bench["extra_info"]["load"]["source"]["note"]


# extensions ----------------------------------------------------------------------------------------


def read_mine(files: Sequence[InputFile], options: ImportOptions) -> Iterator[Reading]:
    for file in files:
        step, mean = file.text().split()
        yield Reading(Subject("mine", "mine"), [file.path], Fraction(step), latency_s=float(mean))


def matches_mine(file: InputFile) -> bool:
    return file.name.endswith(".tsv")  # ours, too


class Mine:
    name = "mine"

    @hookimpl
    def pytest_unikernel_import_formats(self) -> list[ImportFormat]:
        return [ImportFormat(self.name, matches_mine, read_mine)]


def test_a_package_adds_a_format_and_is_asked_before_ours(
    installed: list[object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    installed.append(Mine())
    (tmp_path / "latency.tsv").write_text("1/8 0.5")
    load = imported(capsys, tmp_path / "latency.tsv")["extra_info"]["load"]
    assert (load["target"], load["time_step_s"], load["service_time_s"]["mean"]) == ("mine", 0.125, 0.5)
    assert load["source"]["format"] == "mine"


def test_the_documented_format_is_one(
    installed: list[object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    module = ModuleType("mine")
    exec(named_block(OLD_RESULTS, "snippet: import format"), vars(module))  # noqa: S102
    installed.append(module)
    (tmp_path / "it.mine").write_text("0.5")
    load = imported(capsys, tmp_path / "it.mine", "--time-step=2")["extra_info"]["load"]
    assert (load["time_step_s"], load["service_time_s"]["mean"]) == (2, 0.5)


RIGHT: dict[str, Any] = {"subject": Subject("mine", "mine"), "files": ["x"], "time_step": Fraction(1, 8)}
LAUNCHES: Any = Launches([1, 2], [3, 4], {}, 0)
SUBJECT: Any = RIGHT["subject"]
NUMBER = "expected a number >= 0 or null, got"


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"latency_s": "0.5"}, f"load.service_time_s.mean: {NUMBER} '0.5'"),
        ({"latency_s": float("nan")}, f"load.service_time_s.mean: {NUMBER} nan"),
        ({"latency_s": Fraction(1, 2)}, f"load.service_time_s.mean: {NUMBER} Fraction(1, 2)"),
        ({"throughput_hz": -1.0}, f"load.throughput_hz: {NUMBER} -1.0"),
        (
            {"neighbours_s": {"A->B": Spread(1.0, -1.0, 2.0)}},
            f"load.neighbours_s['A->B'].mean: {NUMBER} -1.0",
        ),
        (
            {"launches": replace(LAUNCHES, failed={"signal": 1.5})},
            "load.failed['signal']: expected a whole",
        ),
        ({"subject": replace(SUBJECT, variant={1: object})}, ""),
        ({"subject": replace(SUBJECT, ready=3)}, "load.ready: expected a text or null, got 3"),
        ({"time_step": Fraction(0)}, "the import format mine failed: ZeroDivisionError: "),
        ({"time_step": "1/8"}, "the import format mine failed: "),
        ({"subject": None}, "the import format mine failed: AttributeError: "),
        ({"files": 3}, "the import format mine failed: TypeError: "),
        ({"notes": [3]}, "the import format mine failed: TypeError: "),
        ({"launches": 3}, "the import format mine failed: AttributeError: "),
    ],
)
def test_what_a_format_hands_over_is_checked_as_every_record_is(
    installed: list[object],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    changed: dict[str, Any],
    says: str,
) -> None:
    def read(files: Sequence[InputFile], options: ImportOptions) -> Iterator[Reading]:
        yield Reading(**{**RIGHT, **changed})

    installed.append(formats_of(read))
    (tmp_path / "a.tsv").touch()
    status = main.main(["import", str(tmp_path / "a.tsv"), "-o", "-"])
    out, err = capsys.readouterr()
    assert (status, bool(out), err.count("\n")) == ((2, False, 1) if says else (0, True, 0))
    assert says in err
    assert not says or "mine" in err


def formats_of(read: Any, matches: Any = matches_mine) -> object:
    """Return a plugin with a format that reads or matches in this way."""

    class Other:
        @hookimpl
        def pytest_unikernel_import_formats(self) -> list[ImportFormat]:
            return [ImportFormat("mine", matches, read)]

    return Other()


def test_a_format_that_fails_is_named(
    installed: list[object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object) -> Any:
        raise KeyError("gone")

    (tmp_path / "a.tsv").touch()
    for plugin, says in (
        (formats_of(fails), "the import format mine failed: KeyError: 'gone'"),
        (formats_of(read_mine, matches=fails), "the import format mine failed: KeyError: 'gone'"),
        (formats_of(lambda *_: ["x"]), "expected the import format mine to give a Reading, got 'x'"),
        (formats_of(lambda *_: None), "the import format mine failed: TypeError: 'NoneType'"),
    ):
        installed[:] = [plugin]
        assert main.main(["import", str(tmp_path / "a.tsv"), "-o", "-"]) == 2
        assert says in capsys.readouterr().err


def test_a_format_is_chosen_by_name(
    installed: list[object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    installed.append(Mine())
    (tmp_path / "latency.tsv").write_text("Time delay (s)\tRust\n4\t1\n")
    bench = imported(capsys, tmp_path / "latency.tsv", "--format", "kernel-benchmark-tables")
    assert bench["extra_info"]["load"]["target"] == "rust_kernel"


def test_two_formats_of_one_name_are_refused(installed: list[object]) -> None:
    mine = Mine()
    mine.name = "kernel-benchmark-tables"
    installed.append(mine)
    with pytest.raises(UnikernelError, match="'kernel-benchmark-tables' twice"):
        extensions.import_formats()


def test_a_package_is_found_by_its_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    point = SimpleNamespace(group="pytest_unikernel", name="mine", load=Mine)
    package = SimpleNamespace(entry_points=[point], metadata={"name": "mine"}, version="1")
    monkeypatch.setattr(metadata, "distributions", lambda: [package])
    assert next(each.name for each in extensions.import_formats()) == "mine"


def test_a_package_that_does_not_load_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ImportError("no module named 'gone'")

    point = SimpleNamespace(group="pytest_unikernel", name="mine", load=broken)
    package = SimpleNamespace(entry_points=[point], metadata={"name": "mine"}, version="1")
    monkeypatch.setattr(metadata, "distributions", lambda: [package])
    with pytest.raises(UnikernelError, match="no module named 'gone'"):
        extensions.manager()
