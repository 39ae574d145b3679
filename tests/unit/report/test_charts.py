"""The charts of one target, of cold starts and of the host: which marks there are, and where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from reportfiles import STEPS, bench, course, load, sweep, write

from pytest_unikernel.report.charts import cold, distribution, failures, over_time, phases, surroundings
from pytest_unikernel.report.charts.turning import turning
from pytest_unikernel.report.course import bins_of
from pytest_unikernel.report.figure import NARROW, Figure
from pytest_unikernel.report.reading import load_of, read_documents
from pytest_unikernel.report.series import Results

Record = dict[str, Any]
CHARTS = (cold, distribution, failures, over_time, phases, surroundings)


def results_of(tmp_path: Path, benchmarks: Sequence[Record], was: Sequence[Record] = ()) -> Results:
    baseline = read_documents([write(tmp_path / "was.json", was)]) if was else []
    return Results(read_documents([write(tmp_path / "now.json", benchmarks)]), baseline)


def plots(spec: Any) -> Iterator[Record]:
    """Yield the plots of a figure."""
    yield from spec.get("concat", [spec])


def rows(plot: Record) -> list[Record]:
    """Return all rows of a plot: the common ones, and those of its layers."""
    own = (each.get("data", {}).get("values", []) for each in plot["layer"])
    return [*plot["data"]["values"], *(row for values in own for row in values)]


def plots_of(figure: Figure) -> list[Record]:
    return list(plots(figure.spec()))


# all of them ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("chart", CHARTS)
def test_every_mark_of_a_target_has_its_text_and_its_target(chart: Any, tmp_path: Path) -> None:
    """A row without ``about`` or ``line`` is one that is no target's: a limit, or the window."""
    results = results_of(tmp_path, sweep("one"), sweep("one"))
    made = list(chart.figures(results))
    assert made
    for figure in made:
        for width in (None, NARROW):
            for plot in plots(figure.spec(width)):
                layers = [each for each in plot["layer"] if "description" in each["encoding"]]
                assert layers, figure.name
                fields = {each["encoding"]["description"]["field"] for each in layers}
                for each in layers:
                    values = each.get("data", plot["data"])["values"]
                    assert all(
                        row.get(field, "").split("\x1f")[1:2] == ["one"]
                        for row in values
                        for field in fields
                        if each["encoding"]["description"]["field"] == field
                    ), figure.name


@pytest.mark.parametrize("chart", CHARTS)
def test_nothing_but_a_name_makes_no_figure(chart: Any, tmp_path: Path) -> None:
    assert (
        list(chart.figures(results_of(tmp_path, [bench("it", {"target": "it", "time_step_s": None})]))) == []
    )


# cold starts -----------------------------------------------------------------------------------------


def test_a_cold_start_is_a_point_with_a_range_and_a_tick_per_launch(tmp_path: Path) -> None:
    record = load("it", None, launches=10)
    [figure] = cold.figures(results_of(tmp_path, [bench("it", record)]))
    [plot] = plots_of(figure)
    [row] = plot["data"]["values"]
    times = record["response_time_s"]
    assert (row["value"], row["low"], row["high"]) == (times["p50"], times["min"], times["max"])
    assert len(rows(plot)) == 1 + 10
    assert not [each for each in plot["layer"] if "bar" in (each["mark"], each["mark"].get("type"))]


def test_many_cold_launches_are_a_range_without_ticks(tmp_path: Path) -> None:
    [figure] = cold.figures(results_of(tmp_path, [bench("it", load("it", None, launches=30))]))
    assert len(rows(plots_of(figure)[0])) == 1
    assert "ticks" not in figure.caption


# distributions ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("launches", "is_ridge"), [(29, False), (30, True)])
def test_ridges_begin_with_30_launches(tmp_path: Path, launches: int, is_ridge: bool) -> None:
    results = results_of(tmp_path, [bench("it", load("it", 0.5, launches=launches))])
    [figure] = distribution.figures(results)
    ridges, _ = plots_of(figure)
    assert bool(ridges["data"]["values"]) is is_ridge
    points = [row for row in rows(ridges) if row.get("y") == -0.2]
    assert len(points) == (0 if is_ridge else launches)


def test_both_plots_of_a_distribution_have_the_same_axis_of_time(tmp_path: Path) -> None:
    results = results_of(tmp_path, [*sweep("one"), *sweep("two")])
    axes = [
        plot["layer"][0]["encoding"]["x"]["scale"]["domain"]
        for figure in distribution.figures(results)
        for plot in plots_of(figure)
    ]
    assert len(axes) == 4
    assert all(each == axes[0] for each in axes)


def test_a_curve_stays_below_100_per_cent_where_launches_never_completed(tmp_path: Path) -> None:
    record = load("it", 0.5)
    record["distribution"] = {**record["distribution"], "censored": 100}
    ended = load("it", 0.25)
    [figure] = distribution.figures(results_of(tmp_path, [bench("it", record), bench("it", ended)]))
    _, shares = plots_of(figure)
    highest = {row["step"]: row["share"] for row in shares["data"]["values"]}  # the last of each curve
    assert highest == {0.5: pytest.approx(80.0), 0.25: pytest.approx(100.0)}


def test_the_knee_and_the_first_load_beyond_it_stand_out(tmp_path: Path) -> None:
    [series] = results_of(tmp_path, sweep("one")).sweeps
    found = turning(series)
    assert found.knee is not None
    assert found.beyond is not None
    assert (found.knee.step_s, found.beyond.step_s) == STEPS[-2:]
    assert found.words(found.knee) == "1/16 s, the knee"
    assert found.words(found.beyond) == "1/32 s, saturated"
    [figure] = distribution.figures(results_of(tmp_path, sweep("one")))
    _, shares = plots_of(figure)
    assert {row["role"] for row in shares["data"]["values"]} == {
        "other time steps", "1/16 s, the knee", "1/32 s, saturated",
    }  # fmt: skip


def test_a_sweep_that_was_ok_throughout_has_a_fastest_step_and_no_knee(tmp_path: Path) -> None:
    [series] = results_of(tmp_path, [bench("it", load("it", step)) for step in STEPS]).sweeps
    found = turning(series)
    assert found.beyond is None
    assert found.knee is not None
    assert found.words(found.knee) == "1/32 s, the fastest"


# over time -------------------------------------------------------------------------------------------


def test_the_course_of_the_knee_and_of_the_load_beyond_it_is_shown(tmp_path: Path) -> None:
    [figure] = over_time.figures(results_of(tmp_path, sweep("one")))
    wide = plots_of(figure)
    assert [plot["title"]["text"] for plot in wide if "title" in plot] == [
        "1/16 s, the knee",
        "1/32 s, saturated",
    ]
    assert len(wide) == 6
    counts = wide[1]["data"]["values"]
    assert max(row["value"] for row in counts if row["name"] == "started") == 200
    assert max(row["value"] for row in counts if row["name"] == "failed") == 4
    narrow = figure.spec(NARROW)
    assert narrow["columns"] == 1
    assert [plot.get("title", {}).get("text", "")[:4] for plot in narrow["concat"]] == [
        "1/16",
        "",
        "",
        "1/32",
        "",
        "",
    ]


def test_both_loads_have_the_same_scales(tmp_path: Path) -> None:
    [figure] = over_time.figures(results_of(tmp_path, sweep("one")))
    found = [plot["layer"][1]["encoding"]["y"]["scale"] for plot in plots_of(figure)]
    assert found[0::2] == found[1::2]


@pytest.mark.parametrize(
    "damage",
    [
        {"started": [1, 2]},
        {"failed": ["x", *[0] * 19]},
        {"bin_s": 0},
        {"bin_s": 1e14},
        {"begin_s": None},
        {"in_flight_max": None},
    ],
)
def test_a_damaged_course_is_not_shown(tmp_path: Path, damage: Record) -> None:
    whole = load("it", 0.5, over_time={**course(0.5), **damage})
    assert bins_of(load_of("it", whole)) == []
    assert list(over_time.figures(results_of(tmp_path, [bench("it", whole)]))) == []


def test_a_course_of_more_bins_than_are_ever_written_is_not_shown() -> None:
    assert len(bins_of(load_of("it", load("it", 0.5, over_time=course(0.5, 100))))) == 100
    assert bins_of(load_of("it", load("it", 0.5, over_time=course(0.5, 101)))) == []


def test_records_of_earlier_versions_have_no_course(tmp_path: Path) -> None:
    old = load("it", 0.5)
    del old["over_time"]
    assert list(over_time.figures(results_of(tmp_path, [bench("it", old)]))) == []


# the host --------------------------------------------------------------------------------------------


def test_the_plots_of_the_host_share_one_legend(tmp_path: Path) -> None:
    [figure] = surroundings.figures(results_of(tmp_path, [*sweep("one"), *sweep("two")]))
    spec = figure.spec()
    assert len(spec["concat"]) > 4
    assert {*spec["resolve"]["legend"].values()} == {"shared"}
    legends = [
        each["encoding"]["shape"]["legend"]["values"]
        for plot in spec["concat"]
        for each in plot["layer"]
        if "legend" in each["encoding"].get("shape", {})
    ]
    assert legends == [["one", "two"]] * len(spec["concat"])


@pytest.mark.parametrize(
    ("begin", "least", "expected"),
    [(8.0, 2.0, 75.0), (8.0, 9.0, 0.0), (None, 2.0, None), (8.0, None, None), (0.0, 0.0, None)],
)
def test_memory_is_a_share_of_what_was_available_at_the_beginning(
    begin: float | None, least: float | None, expected: float | None
) -> None:
    host = {"memory_available_begin_bytes": begin, "memory_available_min_bytes": least}
    assert surroundings.memory_percent(load_of("it", load("it", 0.5, host=host))) == expected
