"""``pytest-unikernel timestamps``: its output, files and exit statuses."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from uruncscripts import (
    BEGIN_NS,
    SEED_LINES,
    USUAL_ORDER,
    life,
    line,
    measure,
    measure_single,
    measure_to_json,
)

from pytest_unikernel.commands import main
from pytest_unikernel.targets.urunc.log.releases import FROM_0_7, UP_TO_0_4, UP_TO_0_6
from pytest_unikernel.text.grid import WIDTH

SEED_ID = SEED_LINES.split('"')[3]
ALL = "".join(life(f"{number:064x}", step_ns=1000 * number) for number in range(1, 251))
IDS = [f"{number:064x}" for number in range(1, 251)]


class Ran:
    """The result of a command."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err
        self.lines = out.splitlines()
        self.said = " ".join(out.split())

    def row(self, name: str) -> list[str]:
        """Return the cells of the first row of a table that begins so."""
        return next(each.split() for each in self.lines if each.startswith(f"{name} "))


Run = Callable[..., Ran]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "ts.log"
    path.write_text(ALL)
    return path


@pytest.fixture
def seed(tmp_path: Path) -> Path:
    path = tmp_path / "seed.log"
    path.write_text(SEED_LINES)
    return path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def command(*arguments: object) -> Ran:
        try:
            status = main.main(["timestamps", *map(str, arguments)])
        except SystemExit as ended:
            status = int(str(ended.code))
        return Ran(status, *capsys.readouterr())

    return command


# text ----------------------------------------------------------------------------------------------


def test_all_containers_have_count_min_mean_median_quantiles_and_max_per_interval(
    run: Run, log: Path
) -> None:
    done = run(log)
    assert (done.status, done.err) == (0, "")
    assert done.said.startswith(f"{log}: 4,750 stamps of 250 containers, 250 lives ")
    assert "urunc 0.5-0.6: 250 lives, all with TS18" in done.lines
    # the steps are 1 to 250 µs; quantiles of type 7
    assert done.row("TS00->TS01") == [
        "TS00->TS01",
        "250",
        "0",
        *("0.001", "0.126", "0.126", "0.238", "0.248", "0.250"),
    ]
    assert done.row("TS05->TS06") == ["TS05->TS06", "0", "250", *["\u2013"] * 6]
    assert "reversed: lives with the second stamp before the first" in done.said


def test_one_container_shows_each_stamp_with_its_process_and_meaning(run: Run, log: Path) -> None:
    done = run(log, IDS[99])
    assert done.lines[0] == f"container {IDS[99]}"
    assert "began 2026-11-21 20:35:26.757458442 UTC" in done.lines
    shown = [each for each in done.lines if re.match(r"TS\d\d  ", each)]
    assert [each[:4] for each in shown] == [f"TS{number:02}" for number in USUAL_ORDER]
    for each in shown:
        meaning = UP_TO_0_6.stamps[each[:4]]
        assert each.endswith(meaning.text)
        assert f" {meaning.process} " in each
    assert done.row("TS03->TS04") == ["TS03->TS04", "0.400"]
    assert any("TS06 was 0.400 ms before TS05" in each for each in done.lines)


@pytest.mark.parametrize("view", [(), ("--phases",), ("--neighbours",)])
def test_every_view_of_all_says_what_the_stamps_mean(run: Run, log: Path, view: tuple[str, ...]) -> None:
    done = run(log, *view)
    for stamp_id, meaning in UP_TO_0_6.stamps.items():
        assert f"{stamp_id}   {meaning.process:7}  {meaning.text}" in done.lines


def test_phases_are_named_and_say_which_stamps_bound_them(run: Run, log: Path) -> None:
    assert run(log, "--phases").row("total")[:6] == ["total", "TS00->TS18", "250", "0.018", "2.259", "2.259"]
    assert run(log, IDS[0], "--phases").row("start->exec") == ["start->exec", "0.007", "TS11->TS18"]


def test_neighbours_are_those_in_time(run: Run, log: Path) -> None:
    assert run(log, "--neighbours").row("TS03->TS06")[1] == "250"
    assert run(log, IDS[0], "--neighbours").row("TS03->TS06") == ["TS03->TS06", "0.001"]


def test_stamps_of_03_are_read_and_its_check_is_told_apart(run: Run, seed: Path) -> None:
    done = run(seed)
    assert "urunc 0.3-0.4: 1 life, 1 without TS19" in done.lines
    assert done.row("TS00->TS01")[:3] == ["TS00->TS01", "1", "1.111"]
    assert "  no life has both stamps of TS02->TS03 … TS18->TS19 (17 intervals)" in done.lines
    assert f"TS19   reexec   {UP_TO_0_4.stamps['TS19'].text}" in done.lines
    assert "cTS00->cTS01" in done.out
    assert "min 3.866" in done.out


def test_a_log_of_two_releases_has_a_table_for_each(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "both.log"
    path.write_text(life("old", range(20)) + life("new", named=True) + life("early", [0, 1]))
    done = run(path, "--phases")
    heads = [each for each in done.lines if each.startswith("urunc ")]
    assert heads == ["urunc 0.3-0.4: 2 lives, 1 without TS19", "urunc 0.7-0.8: 1 life, all with TS18"]
    assert "so each has its own table" in done.said
    assert FROM_0_7.stamps["TS10"].text in done.out


def test_what_is_passed_over_or_odd_is_said(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "odd.log"
    odd = line("a", "TS42", BEGIN_NS + 99_000_000) + line("a", "TS11", BEGIN_NS + 5)
    path.write_text(life("a") + odd + 'x\n{}\n{"timestampID":1}\n' + life("b", [7, 8]) + '{"containerID":')
    done = run(path)
    assert "1 life without TS00: it began before the log" in done.out
    assert "1 stamp repeated within a life" in done.out
    assert "TS42 (1)" in done.out
    assert "ignored: 4 lines (1 not JSON, 1 other JSON, 1 malformed, 1 incomplete)" in done.said


def test_a_log_that_ends_too_early_to_tell_the_release_has_intervals_and_no_phases(
    run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "early.log"
    path.write_text(life("a", [0, 1, 2]))
    assert run(path).row("TS00->TS01")[:3] == ["TS00->TS01", "1", "1.000"]
    done = run(path, "--phases")
    assert done.status == 0
    assert "the release may be 0.3-0.4 or 0.5-0.6, so there are no phases" in done.said


def test_a_container_that_lived_often_is_summarised(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "often.log"
    path.write_text("".join(life("c", begin_ns=BEGIN_NS + number * 10**9) for number in range(50)))
    done = run(path, "c")
    assert sum(each.startswith("began ") for each in done.lines) == 3
    assert any("only the last 3 are shown stamp by stamp" in each for each in done.lines)
    assert done.row("TS00->TS01")[1] == "50"


@pytest.mark.parametrize("view", [(), ("--phases",), ("--neighbours",)])
@pytest.mark.parametrize("scale", [1, 10_000, 10_000_000])
def test_tables_fit_80_columns(run: Run, tmp_path: Path, view: tuple[str, ...], scale: int) -> None:
    path = tmp_path / "ts.log"
    lives = [life(f"{n:064x}", step_ns=n * scale, begin_ns=n, named=True) for n in range(1, 251)]
    path.write_text("".join(lives) + life("short", [0, 1], named=True))
    done = run(path, *view)
    assert max(map(len, done.lines[1:])) <= WIDTH
    one = run(path, IDS[0], *view)
    assert max(map(len, one.lines)) <= WIDTH


def test_what_a_log_holds_can_not_steer_the_terminal(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "evil.log"
    path.write_text(line("\x1b[2J", "TS00", 1) + line("\x1b[2J", "T\x1b[31m", 2))
    for done in (run(path), run(path, "\x1b[2J"), run(path, "--neighbours"), run(path, "x")):
        assert "\x1b" not in done.out + done.err
        assert "x1b[2J" in done.out + done.err or done.status == 0


# which container -----------------------------------------------------------------------------------


def test_an_exact_id_is_taken_even_if_others_begin_so(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "ts.log"
    path.write_text(life("c1", [0, 1]) + life("c10", [0, 1, 2]))
    assert run(path, "c1").lines[0] == "container c1"
    assert run(path, "c10").lines[0] == "container c10"


def test_a_prefix_that_only_one_has_is_enough(run: Run, seed: Path) -> None:
    assert run(seed, "faaf83").lines[0] == f"container {SEED_ID}"


@pytest.mark.parametrize("wanted", ["nope", "", SEED_ID[1:]])
def test_an_unknown_container_is_status_2_and_the_known_are_listed(run: Run, seed: Path, wanted: str) -> None:
    done = run(seed, wanted)
    assert (done.status, done.out) == (2, "")
    assert done.err == (
        f"pytest-unikernel: expected a container's id or a prefix of it, got {wanted!r}; "
        f"{str(seed)!r} has: {SEED_ID}\n"
    )


def test_an_ambiguous_prefix_is_status_2_and_lists_the_candidates(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "ts.log"
    path.write_text("".join(line(f"c{number}", "TS00", 1) for number in range(12)) + line("d", "TS00", 1))
    done = run(path, "c")
    assert done.status == 2
    assert "12 containers have it: " in done.err
    assert done.err.endswith(
        "12 containers have it: " + ", ".join(f"c{n}" for n in range(10)) + ", and 2 more\n"
    )


# logs that can't be used ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "which does not exist"),
        ("", "got an empty log"),
        ("x\n{}\n", "got 2 other lines (1 not JSON, 1 other JSON)"),
        ('{"containerID":"c","timest', "got 1 other line (1 incomplete)"),
    ],
)
@pytest.mark.parametrize("more", [(), ("c",), ("--format", "urunc"), ("--json", "-")])
def test_a_log_without_timestamps_is_an_error_of_one_line_and_status_2(
    run: Run, tmp_path: Path, content: str | None, says: str, more: tuple[str, ...]
) -> None:
    path = tmp_path / "ts.log"
    if content is not None:
        path.write_text(content)
    done = run(path, *more)
    assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
    assert says in done.err
    assert "URUNC_TIMESTAMPS=1" in done.err


def test_a_log_that_can_not_be_read_is_status_2(run: Run, tmp_path: Path) -> None:
    done = run(tmp_path)
    assert (done.status, done.err.count("\n")) == (2, 1)
    assert "Is a directory" in done.err


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("a", "b", "c"),
        ("ts.log", "--phases", "--neighbours"),
        ("ts.log", "--format", "csv"),
        ("ts.log", "--format", "urunc", "--phases"),
        ("ts.log", "--json", "-", "--phases"),
        ("ts.log", "--nothing"),
    ],
)
def test_wrong_usage_is_status_2(run: Run, arguments: tuple[str, ...]) -> None:
    assert run(*arguments).status == 2


# as urunc's scripts --------------------------------------------------------------------------------


def test_format_urunc_prints_what_the_scripts_print(run: Run, log: Path) -> None:
    assert run(log, "--format", "urunc").out == measure(ALL, IDS)
    assert run(log, IDS[7], "--format", "urunc", "--neighbours").out == measure_single(ALL, IDS[7])


def test_the_seeds_lines_give_the_seeds_intervals(run: Run, seed: Path) -> None:
    done = run(seed, SEED_ID, "--format", "urunc")
    assert done.out == "TS00 -> TS01:\t1111435 ns\nTS01 -> TS02:\t119570 ns\n"


def test_format_urunc_with_json_writes_the_scripts_file_and_prints_nothing(
    run: Run, log: Path, tmp_path: Path
) -> None:
    file = tmp_path / "out.json"
    done = run(log, "--format", "urunc", "--json", file)
    assert (done.status, done.out) == (0, "")
    assert file.read_text() == measure_to_json(ALL, IDS)
    assert run(log, IDS[3], "--format", "urunc", "--json", "-").out == measure_to_json(ALL, IDS[3:4])


# JSON ----------------------------------------------------------------------------------------------


def test_json_holds_every_view_in_seconds_and_the_tables_are_printed_too(run: Run, log: Path) -> None:
    file = log.with_name("out.json")
    done = run(log, "--json", file, "--phases")
    assert "start->exec" in done.out
    record = json.loads(file.read_text())
    assert (record["schema"], record["containers"], record["lines"]["stamps"]) == (1, 250, 4750)
    (release,) = record["releases"].values()
    assert (release["lives"], release["complete"]) == (250, 250)
    assert release["intervals_s"]["TS00->TS01"]["max"] == 0.00025
    assert release["intervals_s"]["TS05->TS06"]["out_of_order"] == 250
    assert release["phases_s"]["total"]["min"] == 0.000018
    assert release["neighbours_s"]["TS03->TS06"]["n"] == 250
    assert release["stamps"]["TS18"] == {
        "process": "reexec",
        "meaning": "execve of the monitor",
        "name": None,
    }


def test_json_of_one_container_has_its_stamps_as_logged(run: Run, seed: Path) -> None:
    record = json.loads(run(seed, "faaf", "--json", "-").out)
    assert record["container"] == SEED_ID
    (alone,) = record["lives"]
    assert (alone["release"], alone["complete"]) == ("0.3-0.4", False)
    assert [(each["id"], each["at_unix_ns"]) for each in alone["stamps"]] == [
        ("TS00", 1703676366853478852),
        ("TS01", 1703676366854590287),
        ("TS02", 1703676366854709857),
    ]
    assert [each["id"] for each in record["apart"]] == ["cTS00", "cTS01"]


def test_json_replaces_a_file_whole_and_leaves_nothing_else(run: Run, seed: Path, tmp_path: Path) -> None:
    directory = tmp_path / "results"
    directory.mkdir()
    file, link = directory / "a.json", directory / "link.json"
    file.write_text("old")
    link.symlink_to(file)
    before = file.stat().st_ino
    assert run(seed, "--json", link).status == 0
    assert json.loads(file.read_text())["schema"] == 1
    assert file.stat().st_ino != before
    assert sorted(each.name for each in directory.iterdir()) == ["a.json", "link.json"]
    assert link.is_symlink()


def test_json_that_can_not_be_written_is_an_error_that_names_the_file(run: Run, seed: Path) -> None:
    done = run(seed, "--json", "/nowhere/out.json")
    assert done.status == 1
    assert done.err == "pytest-unikernel: [Errno 2] No such file or directory: '/nowhere/out.json'\n"


@pytest.mark.parametrize("link", [False, True])
def test_the_log_is_never_written_over(run: Run, seed: Path, link: bool) -> None:
    other = seed
    if link:
        other = seed.with_name("other.json")
        other.symlink_to(seed)
    assert run(seed, "--json", other).status == 2
    assert seed.read_text() == SEED_LINES


# streams -------------------------------------------------------------------------------------------


def test_a_log_may_come_from_standard_input(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(SEED_LINES.encode())))
    done = run("-", SEED_ID, "--format", "urunc")
    assert done.out.startswith("TS00 -> TS01:\t1111435 ns\n")


def command_line(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "pytest_unikernel.commands.main", "timestamps", *map(str, arguments)]


def test_a_reader_that_goes_away_ends_it_quietly(log: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(command_line(log), stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_stream_that_knows_ascii_only_gets_ascii(log: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command_line(log, "--phases"), env=environment, capture_output=True, check=True)
    assert done.stdout.isascii()


def test_json_to_a_device_is_just_written(seed: Path) -> None:
    done = subprocess.run(
        command_line(seed, "--format", "urunc", "--json", "/dev/stdout"), capture_output=True, check=True
    )
    assert done.stdout.decode() == measure_to_json(SEED_LINES, [SEED_ID])
