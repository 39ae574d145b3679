"""The README's target: exactly that text, run."""

from __future__ import annotations

import pytest
from documents import named_block
from places import README
from sweeprun import loads


@pytest.fixture
def snippet() -> str:
    return named_block(README, "snippet: target")


def test_a_new_target_takes_less_than_15_lines(snippet: str) -> None:
    assert 0 < len(snippet.strip().splitlines()) < 15


def test_the_new_target_of_the_readme_works(pytester: pytest.Pytester, snippet: str) -> None:
    pytester.makepyfile(test_it=snippet)
    result = pytester.runpytest_inprocess(
        "-p", "no:hypothesispytest", "--strict-markers", "--benchmark-json=o.json",
        "--sweep-time-steps=0.1", "--sweep-warmup=0", "--sweep-window=0.5", "--sweep-quiet-host=off",
    )  # fmt: skip
    assert result.ret == 0
    found = loads(pytester.path / "o.json")
    assert found
    assert all(load["completed"] == load["scheduled"] > 0 for load in found.values())
