"""Frames come out as they went in, however the bytes are cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_unikernel.hosts.frames import DONE, FAILED, GO, RENEW, STOP, TRIAL, Frame, Unpacker, packed

WITH_NUMBER = st.builds(
    Frame, st.sampled_from([GO, RENEW, STOP]), st.integers(-(2**63), 2**63 - 1), st.just(b"")
)
WITH_BODY = st.builds(
    lambda kind, body: Frame(kind, len(body), body), st.sampled_from([TRIAL, DONE, FAILED]), st.binary()
)


@given(st.lists(WITH_NUMBER | WITH_BODY, max_size=8), st.integers(1, 40))
def test_frames_are_read_whole_from_pieces_of_any_length(frames: list[Frame], length: int) -> None:
    data, unpacker = b"".join(map(packed, frames)), Unpacker()
    pieces = [data[at : at + length] for at in range(0, len(data), length)]
    assert [frame for piece in pieces for frame in unpacker.feed(piece)] == frames
