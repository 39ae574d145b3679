"""The figures of a load from two samples of the host."""

from __future__ import annotations

import math

import pytest

from pytest_unikernel.host.samples import SAMPLE_CELLS, Sample, joined, known, percent, summarize

BEGIN = Sample(
    number=3,
    cpu_total_s=100.0,
    cpu_idle_s=50.0,
    cpu_steal_s=1.0,
    memory_available_bytes=4e9,
    psi_cpu_some_s=2.0,
    psi_io_some_s=0.0,
)
END = Sample(
    number=9,
    cpu_total_s=120.0,
    cpu_idle_s=55.0,
    cpu_steal_s=2.0,
    memory_available_bytes=2e9,
    memory_available_min_bytes=1e9,
    load1_max=3.456,
    processes_max=321,
    psi_cpu_some_s=4.5,
    psi_io_some_s=0.0,
)


def test_shares_are_of_what_passed_between_the_samples() -> None:
    assert summarize(BEGIN, END, duration_s=10.0) == {
        "cpu_percent": 75.0,  # 5 of 20 s were idle
        "steal_percent": 5.0,
        "memory_available_begin_bytes": 4e9,
        "memory_available_min_bytes": 1e9,
        "load1_max": 3.46,
        "processes_max": 321,
        "psi_cpu": 25.0,
        "psi_memory": None,  # NaN: this kernel doesn't say
        "psi_io": 0.0,
    }


def test_the_memory_available_at_the_beginning_is_the_first_trials() -> None:
    later = BEGIN._replace(memory_available_bytes=3e9)
    found = summarize(*joined([(BEGIN, END), (later, END)]), duration_s=20.0)
    assert found["memory_available_begin_bytes"] == 4e9


def test_without_samples_everything_is_unknown() -> None:
    assert set(summarize(Sample(), Sample(), 0.0).values()) == {None}


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1.23456789, 1.234568), (math.nan, None), (math.inf, None), (-math.inf, None), (0.0, 0.0)],
)
def test_an_unknown_number_is_null(value: float, expected: float | None) -> None:
    assert known(value) == expected


@pytest.mark.parametrize(
    ("part", "whole", "expected"), [(1, 3, 33.33), (0, 5, 0.0), (1, 0, None), (math.nan, 1, None)]
)
def test_a_share_of_nothing_is_unknown(part: float, whole: float, expected: float | None) -> None:
    assert percent(part, whole) == expected


def test_a_sample_fits_into_its_cells() -> None:
    assert len(Sample()) == SAMPLE_CELLS
