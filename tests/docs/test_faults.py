"""The documented table of faults is the one that is tested."""

from __future__ import annotations

from faulttable import ROWS
from places import DOCS


def test_every_fault_is_documented_with_its_outcome_and_no_other() -> None:
    text = (DOCS / "method" / "faults.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert rows == [each.row for each in ROWS]
