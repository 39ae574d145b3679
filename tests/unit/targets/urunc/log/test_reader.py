"""Bytes of a log -> stamps, however the bytes are cut and whatever else is among them."""

from __future__ import annotations

import itertools
import json
from dataclasses import asdict

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from uruncscripts import BEGIN_NS, SEED_LINES, life, line

from pytest_unikernel.targets.urunc.log.reader import (
    LONGEST_BYTES,
    Counts,
    LogReader,
    LogStamp,
    parsed,
    parsed_as_json,
)

FOREIGN = [
    "",
    "no JSON",
    "{",
    '{"containerID":"c","timestampID":"TS00","time":1',
    "[" * 100_000,
    "\x00\x00",
    "é\u2028ü",
    "[]",
    "12",
    '{"level":"info"}',
    '{"containerID":"c","timestampID_invalid":25,"time":1,"message":"invalid timestamp ID"}',
    '{"timestampID":"TS00","time":1}',
    '{"containerID":"","timestampID":"TS00","time":1}',
    '{"containerID":"c","timestampID":"","time":1}',
    '{"containerID":"c","timestampID":7,"time":1}',
    '{"containerID":"c","timestampID":"TS00","time":"1"}',
    '{"containerID":"c","timestampID":"TS00","time":1.5}',
    '{"containerID":"c","timestampID":"TS00","time":true}',
    '{"containerID":"c","timestampID":"TS00","time":-1}',
    '{"containerID":"c","timestampID":"TS00","time":9223372036854775808}',
    '{"containerID":"c","timestampID":"TS00","time":1%s}' % ("0" * 5000),
    '{"containerID":"c","timestampID":"TS00","timestampName":null,"time":1}',
]
ids = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=5)
stamp_lines = st.builds(
    line, ids, st.sampled_from(["TS00", "TS18", "cTS00", "TS99"]), st.integers(0, 2**63 - 1)
)
any_line = stamp_lines | st.sampled_from(FOREIGN).map(lambda text: f"{text}\n")


def read(*pieces: bytes) -> tuple[list[LogStamp], Counts]:
    reader = LogReader()
    stamps = [stamp for piece in pieces for stamp in reader.feed(piece)]
    return [*stamps, *reader.finish()], reader.counts


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({min(place, len(data)) for place in places} | {0, len(data)})
    return [data[begin:end] for begin, end in itertools.pairwise(ends)]


def test_the_lines_of_uruncs_own_page_are_five_stamps() -> None:
    stamps, counts = read(SEED_LINES.encode())
    assert [each.id for each in stamps] == ["cTS00", "cTS01", "TS00", "TS01", "TS02"]
    assert {each.container_id[:8] for each in stamps} == {"faaf8302"}
    assert stamps[2].at_unix_ns == 1703676366853478852
    assert asdict(counts) == {"stamps": 5, "not_json": 0, "other_json": 0, "malformed": 0, "incomplete": 0}


def test_names_are_read_where_there_are_some() -> None:
    stamps, _ = read(line("c", "TS00", 1, "CR.invoked").encode())
    assert stamps == [LogStamp("c", "TS00", 1, "CR.invoked")]
    assert read(line("c", "TS00", 1).encode())[0] == [LogStamp("c", "TS00", 1, "")]


@given(st.lists(any_line, max_size=12), st.lists(st.integers(0, 3000), max_size=30))
def test_however_a_log_is_cut_the_stamps_and_the_counts_are_the_same(
    lines: list[str], places: list[int]
) -> None:
    data = "".join(lines).encode()
    assert read(*cut(data, places)) == read(data)


@given(st.lists(stamp_lines, min_size=1, max_size=4))
def test_a_log_read_byte_by_byte_gives_every_stamp_once(lines: list[str]) -> None:
    data = "".join(lines).encode()
    stamps, counts = read(*(data[place : place + 1] for place in range(len(data))))
    assert [(each.container_id, each.at_unix_ns) for each in stamps] == [
        (record["containerID"], record["time"]) for record in map(json.loads, lines)
    ]
    assert counts.lines == len(lines)


@pytest.mark.parametrize("foreign", FOREIGN, ids=range(len(FOREIGN)))
def test_a_foreign_line_is_counted_and_the_others_are_read(foreign: str) -> None:
    stamps, counts = read(f"{line('a', 'TS00', 1)}{foreign}\n{line('b', 'TS00', 2)}".encode())
    assert [each.container_id for each in stamps] == ["a", "b"]
    assert (counts.stamps, counts.foreign, counts.incomplete, counts.lines) == (2, 1, 0, 3)


def test_foreign_lines_are_told_apart() -> None:
    _, counts = read(b'x\n{}\n{"timestampID":"TS00"}\n{"containerID":"c","timest')
    assert (counts.not_json, counts.other_json, counts.malformed, counts.incomplete) == (1, 1, 1, 1)


def test_an_incomplete_last_line_waits_for_its_rest() -> None:
    data = line("c", "TS00", BEGIN_NS).encode()
    reader = LogReader()
    assert reader.feed(data[:40]) == []
    assert reader.counts == Counts()
    assert reader.feed(data[40:]) == [LogStamp("c", "TS00", BEGIN_NS)]
    assert reader.finish() == []
    assert reader.counts == Counts(stamps=1)


def test_a_last_line_without_its_end_is_a_stamp_if_it_is_whole_and_counted_if_it_is_not() -> None:
    data = line("c", "TS00", 1).encode()
    assert read(data.rstrip(b"\n")) == ([LogStamp("c", "TS00", 1)], Counts(stamps=1))
    assert read(data[:-2]) == ([], Counts(incomplete=1))
    assert read(b'{"other":1}') == ([], Counts(incomplete=1))


@pytest.mark.parametrize("letter", ["x", "é", "\U0001f600"])
@pytest.mark.parametrize("more", [-1, 0, 1])
@pytest.mark.parametrize("piece", [1000, 65_536, 10**9])
def test_a_line_is_too_long_by_its_bytes_however_it_comes(letter: str, more: int, piece: int) -> None:
    short = line("", "TS00", 1)
    room = LONGEST_BYTES + more - len(short.rstrip().encode())
    name = letter * (room // len(letter.encode())) + "x" * (room % len(letter.encode()))
    long = short.replace('""', f'"{name}"', 1)
    assert len(long.rstrip().encode()) == LONGEST_BYTES + more
    data = (long + life("c", [0])).encode()
    stamps, counts = read(*(data[place : place + piece] for place in range(0, len(data), piece)))
    assert [each.container_id for each in stamps] == [*([name] if more <= 0 else []), "c"]
    assert (counts.stamps, counts.not_json) == ((2, 0) if more <= 0 else (1, 1))


def test_a_file_without_line_ends_does_not_fill_the_memory() -> None:
    reader = LogReader()
    for _ in range(100):
        assert reader.feed(b"\x00" * LONGEST_BYTES) == []
        assert len(reader._pending) <= LONGEST_BYTES
    assert reader.feed(b"\n" + line("c", "TS00", 1).encode()) == [LogStamp("c", "TS00", 1)]
    assert reader.counts == Counts(stamps=1, not_json=1)


def test_ids_that_are_not_utf8_stay_different() -> None:
    data = line("?", "TS00", 1).encode()
    stamps, _ = read(data.replace(b"?", b"\xff") + data.replace(b"?", b"\xfe"))
    assert len({each.container_id for each in stamps}) == 2


@given(
    stamp_lines.map(str.rstrip)
    | st.from_regex(
        r'\A\{"containerID":"[ac\\"\x00 ]{0,3}","timestampID":"[T\\]{0,2}"'
        r'(,"timestampName":"[N\\"]{0,2}","timestampOrder":-?[0-9]{0,5})?,"time":[0-9]{0,20}\}?\Z'
    )
)
@example('{"containerID":"c","timestampID":"TS00","time":01}')
@example('{"containerID":"c","timestampID":"TS00","timestampName":"N","timestampOrder":00,"time":1}')
@example('{"containerID":"c","timestampID":"TS00","time":9999999999999999999}')
@example('{"containerID":"c","timestampID":"TS00","time":1}\n')
@example('{"containerID":"c\t","timestampID":"TS00","time":1}')
def test_uruncs_own_lines_are_read_as_json_would_be(text: str) -> None:
    assert parsed(text) == parsed_as_json(text)


@pytest.mark.parametrize("places", [[], [1], [2], [1, 2], [3], [4], [0, 0]])
def test_a_byte_order_mark_before_the_first_line_is_passed_over(places: list[int]) -> None:
    data = "".join(SEED_LINES).encode()
    assert read(*cut(b"\xef\xbb\xbf" + data, places)) == read(data)


def test_a_log_of_a_byte_order_mark_alone_has_an_incomplete_line_at_most() -> None:
    for mark in (b"\xef", b"\xef\xbb", b"\xef\xbb\xbf"):
        stamps, counts = read(mark)
        assert (stamps, counts.stamps, counts.foreign) == ([], 0, 0)
