"""Launches as rows and data frames; results in a notebook."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from typing import Any

import pytest

from pytest_unikernel import Bench, LoadError
from pytest_unikernel.bench.results import Sweep
from pytest_unikernel.report import render
from pytest_unikernel.results.flat import flat
from pytest_unikernel.testing import FakeTarget

FAKE = FakeTarget(service_time_s=0.01, servers=1)


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench(warmup=0, window=1, live=False) as made:
        yield made


def test_a_loads_frame_has_a_row_per_launch(bench: Bench) -> None:
    result = bench.load(FAKE, rate_hz=8, trials=2)
    frame = result.to_pandas()
    cohort = frame[frame.in_window]
    assert len(cohort) == result.scheduled == 16
    assert sorted(set(frame.trial)) == [1, 2]
    assert set(frame.reason) == {"completed"}
    assert cohort.response_time_s.median() == pytest.approx(result.response_time_s.p50)
    assert cohort[cohort.trial == 1].scheduled_s.tolist() == pytest.approx([n / 8 for n in range(8)])
    assert ((frame.ready_s - frame.started_s) - frame.service_time_s).abs().max() < 1e-9


def test_a_launch_that_failed_has_its_reason_and_no_times(bench: Bench) -> None:
    frame = bench.load(FakeTarget(fail_every=2), rate_hz=8).to_pandas()
    failed = frame[frame.reason == "exit-code"]
    assert len(failed)
    assert failed.response_time_s.isna().all()
    assert failed.started_s.notna().all()


def test_cold_starts_have_no_lateness(bench: Bench) -> None:
    frame = bench.cold(FAKE, 3).to_pandas()
    assert frame.lateness_s.isna().all()
    assert frame.time_step_s.isna().all()


def test_a_sweeps_frame_has_a_row_per_step_with_the_records_keys(bench: Bench) -> None:
    frame = bench.sweep(FAKE, ["1/8", "1/64", "1/256"]).to_pandas()
    assert frame.verdict.tolist() == ["ok", "ok", "saturated"]
    assert frame.offered_rate_hz.tolist() == [8, 64, 256]
    assert frame["response_time_s.p50"].notna().all()
    assert not [name for name in frame.columns if name.startswith(("distribution", "settings", "knee"))]


def test_a_result_without_launches_is_a_row_of_figures(bench: Bench) -> None:
    search = bench.sweep(FAKE, ["1/64", "1/128"], knee=True).search
    assert search is not None
    assert len(search.to_pandas()) == 1


def test_nested_keys_are_joined_by_dots_and_lists_are_left_out() -> None:
    record = {"a": {"b": {"c": 1}}, "text": "x", "list": [1], "none": None, "knee": None}
    assert flat(record) == {"a.b.c": 1, "text": "x", "none": None}


def test_without_pandas_the_cure_is_named(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    result, real = bench.cold(FAKE, 1), builtins.__import__

    def no_pandas(name: str, *rest: Any, **more: Any) -> Any:
        if name == "pandas":
            raise ImportError("No module named 'pandas'")
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", no_pandas)
    with pytest.raises(LoadError, match=r"pip install 'pytest-unikernel\[pandas\]'"):
        result.to_pandas()


# in a notebook ------------------------------------------------------------------------------------


def test_a_notebook_shows_a_table_and_the_figures(bench: Bench) -> None:
    html = bench.sweep(FAKE, ["1/8", "1/64", "1/256"])._repr_html_()
    assert "fake: knee 64/s; not 256/s (saturated)" in html
    assert html.count("<tr>") == 4
    assert html.count("data:image/svg+xml;base64,") == 2
    assert "script" not in html


def test_without_the_drawing_library_the_table_is_shown(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(render, "LIBRARY", "no_such_library")
    html = bench.load(FAKE, rate_hz=8)._repr_html_()
    assert "<img" not in html
    assert html.count("<tr>") == 2


def test_names_and_outputs_are_escaped(bench: Bench) -> None:
    html = bench.cold(FAKE(label="<script>"), 1)._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_a_sweep_that_ran_nothing_is_shown(bench: Bench) -> None:
    assert "no load was run" in Sweep("mine", 3)._repr_html_()
    assert Sweep("mine", 3).to_pandas().empty
