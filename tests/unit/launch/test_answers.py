"""The rule for answers in JSON."""

from __future__ import annotations

import pytest

from pytest_unikernel.launch.answers import json_object


@pytest.mark.parametrize("answer", ['{"Id": 1}', b'{"Id": 1}'])
def test_an_object_is_read_from_text_and_from_bytes(answer: str | bytes) -> None:
    assert json_object(answer) == {"Id": 1}


@pytest.mark.parametrize("answer", ["", b"", "no JSON", b"\xff", "[1]", '"text"', "null"])
def test_anything_else_is_an_empty_object(answer: str | bytes) -> None:
    assert json_object(answer) == {}
