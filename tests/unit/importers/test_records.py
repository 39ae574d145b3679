"""Imported records beside those of today: the same keys, compared where that is meaningful."""

from __future__ import annotations

import statistics
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from kbfiles import BEGIN_NS, DATA
from pytest_benchmark.stats import Stats

from pytest_unikernel.importers.document import document, stats
from pytest_unikernel.importers.format_tables import read
from pytest_unikernel.importers.inputs import InputFile
from pytest_unikernel.importers.names import SUBJECTS
from pytest_unikernel.importers.pool import Pooled, pool
from pytest_unikernel.importers.readings import ImportOptions, Launches, Reading
from pytest_unikernel.importers.records import Stated, record
from pytest_unikernel.results.comparable import Condition, Difference, differences
from pytest_unikernel.results.result import LoadResult
from pytest_unikernel.text.comparable import differences_text
from pytest_unikernel.text.compare_table import compare_table
from pytest_unikernel.text.row import Row
from pytest_unikernel.text.run_summary import series_report

LATENCIES_NS = [10_000_000, 12_000_000, 11_000_000, 90_000_000, 13_000_000]
STATED = Stated(window_s=60, warmup_s=120)


def reading(**changed: Any) -> Reading:
    starts = [BEGIN_NS + each for each in range(len(LATENCIES_NS))]
    launches = Launches(starts, LATENCIES_NS, {}, 0)
    return Reading(SUBJECTS["rust"], ["x"], **{"time_step": Fraction(1, 2), "launches": launches, **changed})


def means(**changed: Any) -> dict[str, Any]:
    mean = reading(launches=None, latency_s=0.3, throughput_hz=2.0, **changed)
    return record(Pooled(mean, ("f",)), STATED)


def today(**changed: Any) -> dict[str, Any]:
    """Return a record as a run of today would leave it, of the same method."""
    told = {"n": 100, "censored": 0, "min": 0.1, "mean": 0.2, "max": 0.3, "stddev": 0.1}
    quantiles = dict.fromkeys(("p50", "p90", "p95", "p99", "p99.9"), 0.2)
    summary = {**told, **quantiles}
    settings = {"warmup_s": 120.0, "max_warmup_s": 300.0}
    ours = {"response_time_s": summary, "service_time_s": summary, "settings": settings, "window_s": 60.0}
    counts = {"failed": {}, "dropped": 0, "unfinished": 0, "verdict": "ok", "achieved_rate_hz": 2.0}
    record_ = {**means(), **ours, **counts, "warmup_s": 120.0, "trials": 1, "throughput_hz": 4.0, **changed}
    del record_["source"]
    return record_


def test_a_record_has_every_key_of_ours_and_its_source() -> None:
    ours = {*LoadResult.__dataclass_fields__, "source"} - {"responses_s", "hosts", "knees", "precision"}
    assert set(means()) == set(record(Pooled(reading(), ("f",)), STATED)) == ours


def test_the_stats_are_those_that_pytest_benchmark_computes() -> None:
    theirs: Any = Stats()  # type: ignore[no-untyped-call]
    for each in LATENCIES_NS:
        theirs.update(each / 1e9)
    ours = stats(reading())
    known = {**theirs.as_dict(), "iterations": 1}
    assert set(ours) == set(known)
    for name in ("min", "max", "mean", "stddev", "median", "rounds", "total", "ops"):
        assert ours[name] == pytest.approx(known[name]), name


def test_a_mean_alone_stands_for_all_stats() -> None:
    ours = stats(reading(launches=None, latency_s=0.3))
    assert {ours[name] for name in ("min", "max", "mean", "median", "q1", "q3")} == {0.3}
    assert (ours["stddev"], ours["ops"]) == (0, pytest.approx(1 / 0.3))


def test_a_document_has_what_pytest_benchmark_reads() -> None:
    made = document([Pooled(reading(), ("f",))], STATED, None)
    assert set(made) == {"machine_info", "commit_info", "benchmarks", "datetime", "version"}
    (bench,) = made["benchmarks"]
    assert (bench["param"], bench["params"], bench["name"]) == (
        "0.5s",
        {"timestep": 0.5},
        "test_rust_kernel[0.5s]",
    )


def test_what_an_imported_record_does_not_say_makes_it_not_incomparable() -> None:
    unknown = record(Pooled(reading(launches=None, latency_s=0.3), ("f",)), Stated())
    assert not differences(today(), unknown)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"window_s": 4.0}, "window 4 s against 60 s"),
        ({"settings": {"warmup_s": 1.0, "max_warmup_s": 60.0}}, "warm-up 1 s against 120 s"),
        ({"ready": "line 'up'"}, "ready line 'up' against exit"),
        ({"arrivals": "poisson"}, "arrivals poisson against fixed"),
    ],
)
def test_what_it_says_counts(changed: dict[str, Any], why: str) -> None:
    assert differences_text(differences(today(**changed), means())) == why


def test_of_the_variant_only_what_it_says_counts() -> None:
    kvm = {**means(), "variant": {"kvm": True}}
    assert differences(today(), kvm) == (Difference(Condition.VARIANT, (), (("kvm", "True"),)),)
    assert not differences(today(variant={"kvm": True, "memory_mib": 64}), kvm)
    assert not differences(today(variant={"memory_mib": 64}), means())


def test_a_window_measured_by_a_shells_sleep_is_what_was_asked_for() -> None:
    measured = {**means(), "window_s": 60.0043}
    assert not differences(today(), measured)
    assert differences(today(window_s=60.5), measured)


def test_the_terminal_compares_means_with_means_of_service_times() -> None:
    table = compare_table([Row("t", today(), means())])
    assert "mean service ms" in table[0]
    assert table[-1].split() == ["1/2", "s", "4.0", "2.0", "+100%", "200.0", "300.0", "-33%"]


def test_the_terminal_says_where_a_baseline_comes_from() -> None:
    lines = " ".join(series_report([Row("t", today(), means())]))
    assert "imported (f): means only" in lines


def test_every_published_figure_is_imported_to_its_last_digit() -> None:
    pooled = pool(
        ("t", each)
        for name in ("latency.tsv", "throughput.tsv", "raw_latency.tsv")
        for each in read([InputFile(str(DATA), name)], ImportOptions())
    )
    expected = {}
    for name, scale in (("latency.tsv", 1), ("throughput.tsv", 60)):
        heads, *rows = [line.split("\t") for line in Path(DATA, name).read_text().splitlines()]
        for row in rows:
            expected.update({
                (name, (float(row[0]), head)): float(cell) / scale
                for head, cell in zip(heads[1:], row[1:], strict=True) if cell
            })  # fmt: skip
    got = {}
    columns = {"linux_process": "Process", "rust_kernel": "Rust", "docker_container": "Docker",
             "linux_vm[kvm]": "Linux KVM", "linux_vm": "Linux"}  # fmt: skip
    for each in pooled:
        if each.reading.time_step is not None:
            key = (float(each.reading.time_step), columns[each.subject.target])
            got["latency.tsv", key] = each.reading.latency_s
            got["throughput.tsv", key] = each.reading.throughput_hz
    assert got == expected
    assert len(got) == 88


def test_quartiles_are_of_type_7() -> None:
    ours = stats(reading())
    assert [ours["q1"], ours["median"], ours["q3"]] == statistics.quantiles(
        sorted(each / 1e9 for each in LATENCIES_NS), n=4, method="inclusive"
    )
