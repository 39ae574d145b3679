"""An instance's output: matched however it is cut, kept within bounds."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_unikernel.errors import LoadError
from pytest_unikernel.launch.output import LONGEST_LINE_BYTES, Sink, Wanted, Watch
from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.plan.readiness import Line
from pytest_unikernel.plan.target import Target


def watch(**wanted: Any) -> Watch:
    return Watch(Wanted(Target("some", ["true"], **wanted)))


def fed(seen: Watch, *parts: bytes, end: bool = False) -> Watch:
    for part in parts:
        seen.feed(part)
    if end:
        seen.end()
    return seen


@given(st.lists(st.integers(0, 40), max_size=6))
def test_the_wanted_is_found_wherever_the_output_is_cut(cuts: list[int]) -> None:
    output = b"booting\r\nHello 42!\r\npanicked at x\nbye"
    ends = sorted({*cuts, 0, len(output)})
    parts = [output[begin:end] for begin, end in itertools.pairwise(ends)]
    seen = fed(
        watch(ready=Line(re.compile(r"^Hello \d+!$")), output="bye", failures={rb"panicked": "guest-panic"}),
        *parts,
    )
    assert (seen.ready, seen.required, seen.failure) == (True, True, Outcome.GUEST_PANIC)


def test_text_matches_before_its_line_has_ended() -> None:
    assert fed(watch(ready=Line("login:")), b"host log", b"in: ").ready


def test_a_regex_matches_whole_lines_only() -> None:
    seen = watch(ready=Line(re.compile("^up$")))
    assert not fed(seen, b"up").ready  # it may go on: "upper"
    assert fed(seen, b"\n").ready


def test_a_last_line_without_end_counts_when_the_output_is_over() -> None:
    seen = watch(ready=Line(re.compile("^up$")))
    assert not fed(seen, b"up").ready
    assert fed(seen, end=True).ready


def test_a_line_end_of_a_serial_console_does_not_matter() -> None:
    assert fed(watch(ready=Line(re.compile("^up$"))), b"up\r\n").ready


def test_nothing_wanted_is_nothing_required() -> None:
    assert watch().required
    assert not Wanted(Target("some", ["true"])).anything
    assert Wanted(Target("some", ["true"], output="x")).anything


def test_what_was_not_printed_is_not_found() -> None:
    seen = fed(
        watch(ready=Line("up"), output=b"ok", failures={b"oops": "kvm-error"}), b"down\nok?", end=False
    )
    assert (seen.ready, seen.required, seen.failure) == (False, True, None)


def test_the_first_failure_that_matches_names_the_reason() -> None:
    failures = {b"KVM internal error": "kvm-error", b"error": "guest-panic"}
    assert fed(watch(failures=failures), b"KVM internal error\n").failure is Outcome.KVM_ERROR
    seen = fed(watch(failures=failures), b"error\n", b"KVM internal error\n")
    assert seen.failure is Outcome.GUEST_PANIC


def test_an_endless_line_takes_a_bounded_amount_of_memory() -> None:
    seen = watch(ready=Line("needle"))
    for _ in range(40):
        seen.feed(b"x" * 10_000)
    assert len(seen._carry) <= LONGEST_LINE_BYTES
    assert fed(seen, b"needle").ready


@pytest.mark.parametrize(
    ("parts", "body"),
    [
        ([], ""),
        ([b"Hello\n"], "Hello\n"),
        ([b"Hel", b"lo"], "Hello\n"),  # the last stamp gets a line of its own
        ([b"\xff\n"], "\xff\n"),
    ],
)
def test_a_file_of_output_is_what_was_printed_between_two_stamps(
    tmp_path: Path, parts: list[bytes], body: str
) -> None:
    sink = Sink(tmp_path / "out", "some", 100)
    for part in parts:
        sink.write(part)
    sink.close("exited successfully", 200)
    written = (tmp_path / "out").read_bytes().decode("latin-1")
    assert written == f"100 some initiated\n{body}200 some exited successfully\n"


def test_a_file_of_output_never_goes_over_another_and_says_which_it_was(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("precious")
    with pytest.raises(LoadError, match=r"--sweep-output: can't write .*out': File exists"):
        Sink(tmp_path / "out", "some", 100)
    assert (tmp_path / "out").read_text() == "precious"


def test_a_full_disk_is_said_to_be_one() -> None:
    sink = object.__new__(Sink)
    sink._label, sink._at_line_start, sink._stream = "some", True, Path("/dev/full").open("wb")  # noqa: SIM115
    with pytest.raises(LoadError, match="No space left on device; make room"):
        sink.close("exited successfully", 200)
