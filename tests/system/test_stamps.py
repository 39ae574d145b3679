"""Events that another program reports by the wall clock, and their way into a load's record."""

from __future__ import annotations

from pathlib import Path

import pytest
from realloads import cold_plan, loading, shell
from sweeprun import loads, run_apart, write

from pytest_unikernel.launch.stamps.from_program import ProgramStampReader
from pytest_unikernel.plan.stamps import Stamps
from pytest_unikernel.run.session import Session

IMPORTS = "import pytest\nfrom pytest_unikernel import Stamp, Stamps, Target\n\n\n"
# The engine: each instance tells it that it began; it says so, and prints other things besides.
SOURCE = """
BOOK = "{book}"
ENGINE = 'tail -n +1 -f "$0" | while read -r id at; do echo foreign; echo "$id begun $at"; done'
SAY = 'echo "$UNIKERNEL_ID $(date +%s%N)" >> "$0"; echo "u00000000-7 $(date +%s%N)" >> "$0"'


def parse(line):
    words = line.decode().split()
    return Stamp(words[0], words[1], int(words[2])) if len(words) == 3 else None


@pytest.mark.cold
def test_it(cold_start):
    target = Target(
        "told", ["/bin/sh", "-c", SAY, BOOK],
        stamps=Stamps(["{engine}", "-c", ENGINE, BOOK], parse),
        intervals=(("started", "begun"), ("begun", "exited"), ("begun", "never")),
    )
    cold_start(target, 3)
"""


@pytest.fixture
def book(tmp_path: Path) -> Path:
    made = tmp_path / "book"
    made.touch()
    return made


def test_stamps_are_intervals_of_the_launches_they_name(pytester: pytest.Pytester, book: Path) -> None:
    write(pytester, SOURCE.format(book=book, engine="/bin/sh"), head=IMPORTS)
    run_apart(pytester, "--benchmark-json=o.json").assert_outcomes(passed=1)
    intervals = loads(pytester.path / "o.json")["test_it"]["intervals_s"]
    for name in ("started->begun", "begun->exited"):
        assert (intervals[name]["n"], intervals[name]["censored"]) == (3, 0)
        assert intervals[name]["min"] > 0
    assert (intervals["begun->never"]["n"], intervals["begun->never"]["censored"]) == (0, 3)


@pytest.mark.parametrize("engine", ["/bin/true", "/bin/false"])
def test_a_program_that_says_nothing_costs_the_stamps_only(
    pytester: pytest.Pytester, book: Path, engine: str
) -> None:
    write(pytester, SOURCE.format(book=book, engine=engine), head=IMPORTS)
    run_apart(pytester, "--benchmark-json=o.json").assert_outcomes(passed=1)
    found = loads(pytester.path / "o.json")["test_it"]
    assert found["completed"] == 3
    assert found["intervals_s"]["started->begun"]["censored"] == 3


def test_a_program_that_is_not_there_is_named(pytester: pytest.Pytester, book: Path) -> None:
    write(pytester, SOURCE.format(book=book, engine="/no/such/engine"), head=IMPORTS)
    result = run_apart(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*told: can't start '/no/such/engine': No such file or directory*"])


def test_a_foreign_instance_with_the_number_of_a_launch_is_not_that_launch(
    pytester: pytest.Pytester, book: Path
) -> None:
    foreign = 'echo "${{UNIKERNEL_ID##*-}} 1" >> "$0"; '  # the number alone, stamped long ago and before ours
    source = SOURCE.replace("SAY = '", f"SAY = '{foreign}")
    write(pytester, source.format(book=book, engine="/bin/sh"), head=IMPORTS)
    run_apart(pytester, "--benchmark-json=o.json").assert_outcomes(passed=1)
    begun = loads(pytester.path / "o.json")["test_it"]["intervals_s"]["started->begun"]
    assert (begun["n"], begun["min"] > 0) == (3, True)


def test_more_than_a_pipe_holds_loses_no_stamp(pytester: pytest.Pytester, book: Path) -> None:
    source = SOURCE.replace("echo foreign;", "yes foreign | head -c 3000000;")
    write(pytester, source.format(book=book, engine="/bin/sh"), head=IMPORTS)
    run_apart(pytester, "--benchmark-json=o.json").assert_outcomes(passed=1)
    begun = loads(pytester.path / "o.json")["test_it"]["intervals_s"]["started->begun"]
    assert (begun["n"], begun["censored"]) == (3, 0)


def test_a_program_that_has_ended_does_not_keep_the_generator_awake(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[ProgramStampReader] = []
    take = ProgramStampReader._take

    def counted(self: ProgramStampReader) -> bool:
        looks.append(self)
        return take(self)

    monkeypatch.setattr(ProgramStampReader, "_take", counted)
    target = shell("sleep 0.2")(stamps=Stamps(["/bin/echo", "one line"], lambda _: None))
    with loading(session) as runs:
        done = runs.cold(target, cold_plan(3))
    assert done.result.completed == 3
    assert len(looks) < 100
