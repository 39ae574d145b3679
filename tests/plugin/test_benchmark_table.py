"""pytest-benchmark's own table leaves loads out, unless it is asked for."""

from __future__ import annotations

import pytest
from sweeprun import TWO_STEPS, run

ALL_FAIL = """
@pytest.mark.load_sweep(time_steps=[0.1], warmup=0, window=1)
def test_it(load_step):
    load_step(FakeTarget(fail_every=1, timeout_s=7))
"""


ORDINARY = """
def test_ordinary(benchmark):
    benchmark(len, "")
"""


def table_of(shown: str) -> set[str]:
    """Return the tests that pytest-benchmark's table shows."""
    _, _, below = shown.partition("Name (time in ")
    rows = (line for line in below.partition("Legend:")[0].splitlines() if line.startswith("test_"))
    return {row.split()[0].rpartition("::")[2] for row in rows}


def test_the_wide_table_leaves_loads_out_and_keeps_ordinary_benchmarks(pytester: pytest.Pytester) -> None:
    shown = run(pytester, source=ORDINARY + TWO_STEPS).stdout.str()
    assert table_of(shown) == {"test_ordinary"}
    assert "1 / mean latency" not in shown


def test_a_run_of_loads_alone_has_no_wide_table_and_no_note_on_it(pytester: pytest.Pytester) -> None:
    saved = ("--benchmark-autosave", "--benchmark-compare")
    for options in (saved[:1], saved):
        shown = run(pytester, *options, source=TWO_STEPS).stdout.str()
        assert "Name (time" not in shown
        assert "Legend" not in shown
        assert "OPS" not in shown


@pytest.mark.parametrize(
    "option",
    [
        "--sweep-benchmark-table",
        "-osweep_benchmark_table=true",
        "--benchmark-columns=median",
        "--benchmark-sort=mean",
        "--benchmark-name=long",
        "--benchmark-group-by=func",
    ],
)
def test_the_wide_table_shows_loads_where_it_is_asked_for(pytester: pytest.Pytester, option: str) -> None:
    shown = run(pytester, option, source=TWO_STEPS).stdout.str()
    assert table_of(shown) == {"test_it[0.1s]", "test_it[0.05s]"}
    assert "its OPS is 1 / mean" in shown


def test_a_plain_benchmark_is_compared_as_ever_beside_loads(pytester: pytest.Pytester) -> None:
    run(pytester, "--benchmark-autosave", source=ORDINARY + TWO_STEPS)
    result = run(pytester, "--benchmark-compare", source=ORDINARY + TWO_STEPS)
    result.stdout.fnmatch_lines_random(["test_ordinary (0001*", "test_ordinary (NOW)*"])
    result.stdout.no_fnmatch_line("test_it?0.1s? (*")
