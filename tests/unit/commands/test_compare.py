"""``pytest-unikernel compare``: files in, a table out, and its exit statuses."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from comparedruns import OTHERS, SERIES, SPEEDS, Record, drifting, mixed, name, run, steady

from pytest_unikernel.commands import main
from pytest_unikernel.compare.saved_run import machine_differences, read
from pytest_unikernel.errors import CompareError
from pytest_unikernel.results.saved_file import without_samples
from pytest_unikernel.text.grid import WIDTH
from pytest_unikernel.text.table_cells import NONE

STEPS = (1.0, 0.5, 0.25)


def document(loads: dict[str, Record], machine: Record | None = None) -> Record:
    benches = [
        {"fullname": test, "extra_info": {"load": load}, "stats": {"data": [0.125] * 50}}
        for test, load in loads.items()
    ]
    return {"machine_info": machine or {}, "benchmarks": benches}


@pytest.fixture
def save(tmp_path: Path) -> Any:
    def save(file: str, loads: dict[str, Record], machine: Record | None = None) -> str:
        path = tmp_path / file
        path.write_text(json.dumps(document(loads, machine), indent=4))  # as pytest-benchmark does
        return str(path)

    return save


@pytest.fixture
def before(save: Any) -> str:
    return str(save("before.json", run(*map(steady, STEPS)), {"unikernel": {"kernel": "6.1"}}))


@pytest.fixture
def slower(save: Any) -> str:
    loads = run(*(steady(each, 0.026) for each in STEPS))
    return str(save("slower.json", loads, {"unikernel": {"kernel": "6.2"}}))


def usage_error(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main.main(arguments)
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_an_equal_run_has_changed_in_nothing(before: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["compare", before, before, "--fail", "p50:20%,knee:20%,throughput:20%"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert not {"!", "*"} & set(out.replace("! worse, * better", ""))


def test_a_cold_start_is_told_how_it_gains_trials(save: Any, capsys: pytest.CaptureFixture[str]) -> None:
    cold = save("cold.json", run(steady(None, trials=1)))
    assert main.main(["compare", cold, cold]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "no evidence: one trial; 5 or more are needed on each side; give 5 runs of each" in out
    assert "--sweep-trials" not in out


GOLDEN = f"""\
some: {SERIES}

all launches together, as measured:
        throughput /s           p50 ms                p99 ms
 step  now  was  change    now    was  change    now    was  change
-------------------------------------------------------------------
  1 s  1.0  1.0   +0.0%  26.00  20.00    +30%  78.00  60.00    +30%
1/2 s  2.0  2.0   +0.0%  26.00  20.00    +30%  78.00  60.00    +30%
1/4 s  4.0  4.0   +0.0%  26.00  20.00    +30%  78.00  60.00    +30%

the changes that count, in per cent, trial by trial:
        throughput       p50             p90             p99        failed
 step     from..to        from..to        from..to        from..to  points
--------------------------------------------------------------------------
  1 s  0      0..0  !+30  +30..+30  !+30  +30..+30  !+30  +30..+30       0
1/2 s  0      0..0  !+30  +30..+30  !+30  +30..+30  !+30  +30..+30       0
1/4 s  0      0..0  !+30  +30..+30  !+30  +30..+30  !+30  +30..+30       0

  ! worse, * better, no mark: no evidence; changes in per cent, from..to: their
    95 % confidence interval
  knee 4/s, was 4/s, 0 % (0..0): no evidence: within the noise

the machines differ, which may explain changes: kernel 6.2, was 6.1
"""


def test_a_comparison_reads_like_this(before: str, slower: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["compare", before, slower]) == 0  # without --fail a change is no failure
    assert tuple(capsys.readouterr()) == (GOLDEN, "")


def test_what_is_worse_than_allowed_is_named_and_ends_with_status_1(
    before: str, slower: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(["compare", before, slower, "--fail", "p50:20%,p99:90%"]) == 1
    told = capsys.readouterr().err.splitlines()
    assert told == [
        f"pytest-unikernel: worse: {name(each)}: p50 +30.0% (limit p50:20%)" for each in (1.0, 0.5, 0.25)
    ]


BUSY: Record = {
    "host": {"cpu_percent": 90.0, "cpu_count": 2},
    "instance": {"user_s": 0.01, "system_s": 0.01},
    "generator": {"cpu_s_per_launch": 0.0},
}
IDLE: Record = {**BUSY, "host": {"cpu_percent": 3.0, "cpu_count": 2}}


@pytest.mark.parametrize(
    ("made", "cure"),
    [
        ((IDLE, BUSY, 5), "repeat it on a quiet host, or add --busy"),
        ((BUSY, IDLE, 5), "repeat it on a quiet host, or add --busy"),
        ((BUSY, BUSY, 5), "repeat it on a quiet host, or add --busy"),
        ((IDLE, IDLE, 1), "a test needs 5 trials on each side"),
        ((IDLE, {**IDLE, "window_s": 2.0}, 5), "the comparison has the reason for each step"),
        (
            (IDLE, {**IDLE, "verdict": "generator-bound"}, 5),
            "the comparison has the reason for each step",
        ),
    ],
)
def test_limits_of_which_no_figure_could_be_tested_end_with_status_75(
    save: Any, capsys: pytest.CaptureFixture[str], made: tuple[Record, Record, int], cure: str
) -> None:
    was, now, trials = made
    before = save("before.json", run(steady(1.0, trials=trials, **was)))
    after = save("after.json", run(steady(1.0, trials=trials, **now)))
    assert main.main(["compare", before, after]) == 0
    capsys.readouterr()
    assert main.main(["compare", before, after, "--fail", "p50:20%,knee:20%"]) == 75
    told = capsys.readouterr().err
    assert "--fail: no metric could be tested" in told
    assert cure in told


def test_the_veto_of_a_busy_host_is_lifted_by_an_option(
    save: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    before, same = (save(f"{each}.json", run(steady(1.0, **IDLE))) for each in ("before", "same"))
    busy = save("busy.json", run(steady(1.0, **BUSY)))
    slower = save("slower.json", run(steady(1.0, 0.03, **BUSY)))
    limits = ["--fail", "p50:20%"]
    assert main.main(["compare", before, same, *limits]) == 0
    capsys.readouterr()
    assert main.main(["compare", before, busy, *limits, "--busy"]) == 0
    assert (
        "1 s: compared although other work took 89 % of the CPU time, 2 % in the\n    baseline"
        in capsys.readouterr().out
    )
    assert main.main(["compare", before, slower, *limits, "--busy"]) == 1


def test_a_step_that_is_ok_no_more_is_worse_although_no_figure_could_be_tested(save: Any) -> None:
    before = save("before.json", run(steady(1.0, trials=1)))
    after = save("after.json", run(mixed(1.0, ["saturated"], "saturated")))
    assert main.main(["compare", before, after, "--fail", "p50:20%"]) == 1


def test_a_slower_host_is_no_regression_unless_it_may_be_what_is_measured(
    save: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    old, machine = run(drifting(SPEEDS)), {"unikernel": {"kernel": "6.1"}}
    new = run(drifting([1.6 * speed for speed in OTHERS]))
    before, after = save("before.json", old, machine), save("after.json", new, machine)
    other = save("other.json", new, {"unikernel": {"kernel": "6.2"}})
    assert main.main(["compare", before, after, "--fail", "p50:20%"]) == 0
    assert "host: change of the time in which the generator" in capsys.readouterr().out
    assert main.main(["compare", before, after, "--fail", "p50:20%", "--as-measured"]) == 1
    assert main.main(["compare", before, other, "--fail", "p50:20%"]) == 1
    assert "host:" not in capsys.readouterr().out


COUNTS = "\nthe changes that count, in per cent, trial by trial, corrected as below:\n"
BESIDE = f"""\
response times as measured, and corrected for the host's speed, which counts:
              p50                  p90                  p99
step  measured  corrected  measured  corrected  measured  corrected
-------------------------------------------------------------------
 1 s       +94        +20       +94        +20       +20          {NONE}

  ! worse, * better, no mark: no evidence; changes in per cent, from..to: their
    95 % confidence interval
  host: change of the time in which the generator starts a process; corrected:
    without the part that follows the host's speed in the trials within each
    run; a corrected change counts, above and for limits; {NONE} corrected: the
    trials show no dependence on the host's speed, so the measured change counts
  share of the host's change that is removed: p50 100 %, p90 100 %
"""


def test_measured_and_corrected_changes_stand_side_by_side_and_the_one_that_counts_is_judged(
    save: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    loads = drifting(SPEEDS), drifting([1.6 * speed for speed in OTHERS], 0.024)
    for load, p99_s in zip(loads, (0.2, 0.24), strict=True):
        for number, trial in enumerate(load["per_trial"]):
            trial["p99"] = p99_s * (1 + 0.001 * number)
    files, out = [save(f"{number}.json", run(load)) for number, load in enumerate(loads)], tmp_path / "out"
    limits = "p50:10%,p90:50%,p99:10%"
    assert main.main(["compare", *files, "--fail", limits, "--json", str(out)]) == 1
    told = capsys.readouterr()
    assert BESIDE in told.out
    assert COUNTS in told.out
    assert max(map(len, told.out.splitlines())) <= 80
    why = ", corrected for the host's speed; measured +93.9%"
    assert told.err.splitlines() == [
        f"pytest-unikernel: worse: {name(1.0)}: p50 +20.0% (limit p50:10%){why}",
        f"pytest-unikernel: worse: {name(1.0)}: p99 +20.0% (limit p99:10%)",
    ]
    found = json.loads(out.read_text())
    p50, p99 = (
        next(each for each in found["series"][0]["steps"][0]["changes"] if each["metric"] == metric)
        for metric in ("p50", "p99")
    )
    assert p50["change"] == p50["corrected"] == pytest.approx(0.2, abs=0.01)
    assert (p50["counts"], p50["measured"]) == ("corrected", pytest.approx(0.94, abs=0.01))
    assert p50["sensitivity"] == pytest.approx(1, abs=0.02)
    assert p99["change"] == p99["measured"] == pytest.approx(0.2, abs=0.01)
    assert (p99["counts"], p99["corrected"], p99["sensitivity"]) == ("measured", None, 0)
    assert [each["counts"] for each in found["regressions"]] == ["corrected", "measured"]
    assert found["regressions"][0]["measured"] == p50["measured"]


def test_where_no_trial_shows_a_dependence_on_the_host_that_is_said_once(
    save: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    loads = [
        {
            **steady(1.0),
            "per_trial": [{**each, "spawn_s": 0.0003 * slow} for each in steady(1.0)["per_trial"]],
        }
        for slow in (1.0, 1.3)
    ]
    assert main.main(["compare", *(save(f"{n}.json", run(load)) for n, load in enumerate(loads))]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "the trials show no dependence of response times on it, so the measured changes count" in out
    assert "corrected" not in out
    assert "+30" in out


def test_runs_made_in_turn_add_their_trials(save: Any, capsys: pytest.CaptureFixture[str]) -> None:
    files = [
        save(f"{number}.json", run(steady(1.0, p50_s, trials=1)))
        for number, p50_s in enumerate(
            [0.02, 0.03, 0.0201, 0.0301, 0.0202, 0.0302, 0.0203, 0.0303, 0.0204, 0.0304]
        )
    ]
    assert main.main(["compare", files[0], files[1]]) == 0
    assert "no evidence: one trial; 5 or more are needed on each side" in capsys.readouterr().out
    assert main.main(["compare", *files, "--fail", "p50:20%"]) == 1
    assert "p50 +49.5% (limit p50:20%)" in capsys.readouterr().err


def test_the_figures_are_written_as_json(
    before: str, slower: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "out.json"
    assert main.main(["compare", before, slower, "--fail", "p50:20%", "--json", str(file)]) == 1
    found = json.loads(file.read_text())
    step = found["series"][0]["steps"][0]
    changes = {each["metric"]: each for each in step["changes"]}
    assert (found["schema"], step["fullname"], changes["p50"]["judgement"]) == (1, name(1.0), "worse")
    assert changes["p50"]["change"] == pytest.approx(0.3)
    assert {each["metric"] for each in found["regressions"]} == {"p50"}
    capsys.readouterr()
    assert main.main(["compare", before, slower, "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["series"] == found["series"]


def test_steps_that_changed_sides_are_told(
    before: str, save: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    now = run(steady(1.0), mixed(0.5, ["saturated"] * 5, "saturated"))
    assert main.main(["compare", before, save("now.json", now), "--fail", "knee:20%"]) == 1
    out, err = capsys.readouterr()
    assert "1/2 s verdict worse: was ok, now saturated" in out
    assert "1/4 s verdict worse: was ok, now skipped" in out
    assert "knee 1/s, was 4/s, -75 % (-75..-75): worse" in out
    assert f"{SERIES}: knee -75.0% (limit knee:20%)" in err


def test_no_line_is_wider_than_80_columns(save: Any, capsys: pytest.CaptureFixture[str]) -> None:
    loads = [[0.02, 0.021, 0.19, 0.024, 0.9], [1.02, 170.021, 230.19, 280.024, 110.9]]
    files = []
    for number, times_s in enumerate(loads):
        records = [steady(each) for each in STEPS]
        for each in records:
            for row, p50_s in zip(each["per_trial"], times_s, strict=True):
                row |= {"p50": p50_s, "p90": p50_s * 3, "p99": p50_s * 70}
        files.append(save(f"{number}.json", run(*records)))
    main.main(["compare", *files])
    assert max(map(len, capsys.readouterr().out.splitlines())) <= WIDTH


# files --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "expected JSON as --benchmark-json writes it"),
        ("{", "expected JSON as --benchmark-json writes it"),
        ("[1]", "got other JSON"),
        ('{"benchmarks": []}', "got 0 benchmarks without one"),
        ('{"benchmarks": [{"fullname": "x"}]}', "got 1 benchmarks without one"),
        ('{"benchmarks": [7]}', "benchmark 1: load: expected an object, got 7"),
        ('{"benchmarks": [{"fullname": "x", "extra_info": {"load": {}}}]}', "target is missing"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_a_file_that_is_no_run_ends_with_status_2(
    before: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, complaint: str
) -> None:
    file = tmp_path / "bad.json"
    file.write_text(content)
    assert main.main(["compare", before, str(file)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert str(file) in err
    assert complaint in err
    assert len(err.splitlines()) == 1


def test_a_file_that_is_not_there_ends_with_status_2(before: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["compare", before, "/no/such.json"]) == 2
    assert "can't read '/no/such.json': No such file" in capsys.readouterr().err


def test_runs_without_a_common_test_end_with_status_2(
    before: str, save: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    other = save("other.json", run(steady(1.0), series="y.py::test_y"))
    assert main.main(["compare", before, other]) == 2
    assert "got none: " in capsys.readouterr().err


def test_wrong_arguments_are_usage_errors(before: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert usage_error("compare", before) == 2
    assert usage_error("compare", before, before, before) == 2
    assert "expected pairs of files" in capsys.readouterr().err
    assert usage_error("compare", before, before, "--fail", "mean:3%") == 2
    assert "error: --fail must be a list of METRIC:PERCENT" in capsys.readouterr().err


def test_a_run_is_never_written_over(before: str) -> None:
    held = Path(before).read_bytes()
    assert usage_error("compare", before, before, "--json", before) == 2
    assert Path(before).read_bytes() == held


def test_results_for_a_directory_that_is_not_there_are_refused_at_once(before: str) -> None:
    for where in ("/no/such/out.json", "/tmp"):
        assert usage_error("compare", before, before, "--json", where) == 2


def test_a_run_can_come_through_a_pipe(before: str, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.write(writing, Path(before).read_bytes())
    os.close(writing)
    try:
        assert read(Path(f"/dev/fd/{reading}")).loads == read(Path(before)).loads
    finally:
        os.close(reading)


@pytest.mark.parametrize(
    "value", [[], [1.5, 2.5], ["a", "]"], [[1], [2]], [{"data": [1]}, 2], 'a "data": [1, 2] b', {"data": 7}]
)
def test_whatever_is_called_data_the_rest_of_a_file_stays_as_it_is(value: Any) -> None:
    whole = {
        "data": value,
        "stats": {"data": [0.5] * 3},
        "text": 'say "data": [1], and go on',
        "after": [1, 2],
    }
    found = json.loads(without_samples(json.dumps(whole, indent=4).encode()))
    assert found.keys() == whole.keys()
    assert (found["stats"], found["text"], found["after"]) == ({"data": []}, whole["text"], [1, 2])
    assert found["data"] == (
        [] if value == [1.5, 2.5] else [{"data": []}, 2] if value == [{"data": [1]}, 2] else value
    )


def test_machines_differ_in_named_facts() -> None:
    old = {"unikernel": {"cpu_count": 2, "programs": {"qemu": "7.2"}}, "node": "a"}
    new = {"unikernel": {"cpu_count": 4, "programs": {"qemu": "8.0"}}, "node": "b"}
    assert machine_differences(old, new) == [("cpu count", "4", "2"), ("qemu", "8.0", "7.2")]
    assert machine_differences(old, old) == []
    assert machine_differences({"node": "a"}, {"node": "b"}) == [("node", "b", "a")]
    assert machine_differences({}, {"node": "b"}) == [("node", "b", None)]


def test_an_error_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(CompareError, match="expected a saved run, can't read"):
        read(tmp_path)


def test_interrupted_loads_alone_are_nothing_to_compare(
    save: Any, before: str, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = save("cut.json", run(*(steady(each, interrupted=True) for each in STEPS)))
    assert main.main(["compare", before, cut]) == 2
    assert f"got none: {SERIES} in {before}, interrupted loads alone in {cut}" in capsys.readouterr().err


def test_an_error_does_not_steer_the_terminal(save: Any, capsys: pytest.CaptureFixture[str]) -> None:
    files = [save(f"{name}.json", run(steady(1.0), series=f"t.py::{name}\x1b[31m")) for name in ("a", "b")]
    assert main.main(["compare", *files]) == 2
    err = capsys.readouterr().err
    assert r"t.py::a\x1b[31m" in err
    assert "\x1b" not in err
