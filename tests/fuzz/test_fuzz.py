"""20,000 cases, the same ones each time: every reader gives a result or refuses its input in a sentence."""

from __future__ import annotations

from pathlib import Path

import campaign
import pytest
from cases import Reader
from everything import READERS, SHARES

CASES = 20_000


@pytest.mark.parametrize("reader", READERS, ids=[each.name for each in READERS])
def test_whatever_comes_it_is_read_or_refused_in_a_sentence(reader: Reader, tmp_path: Path) -> None:
    found = campaign.search(reader, range(CASES * reader.share // SHARES), 0, tmp_path / "findings")
    assert not found, "\n".join(map(str, found))
