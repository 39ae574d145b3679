"""A report's table of judged changes."""

from __future__ import annotations

from comparedruns import OTHERS, SPEEDS, drifting, run, steady

from pytest_unikernel.compare.judging import compare
from pytest_unikernel.compare.sides import sides
from pytest_unikernel.report.judged import judged
from pytest_unikernel.text.table_cells import NONE


def test_measured_and_corrected_changes_stand_side_by_side_and_the_one_that_counts_is_named() -> None:
    old, new = drifting(SPEEDS), drifting([1.6 * speed for speed in OTHERS], 0.024)
    for load, p99_s in ((old, 0.2), (new, 0.24)):
        for number, trial in enumerate(load["per_trial"]):
            trial["p99"] = p99_s * (1 + 0.001 * number)
    table = judged(compare(sides([run(old)]), sides([run(new)])))
    assert table is not None
    assert table.heads[2:6] == ["metric", "measured", "corrected", "counts"]
    rows = {row[2]: row[3:6] + row[7:] for row in table.rows}
    assert rows["p50"] == ["+94", "+20", "corrected", "worse"]
    assert rows["p99"] == ["+20", NONE, "measured", "worse"]
    assert rows["throughput"] == ["0", NONE, "measured", "no evidence: within the noise"]


def test_without_a_tested_change_there_is_no_table() -> None:
    few = sides([run(steady(1.0, trials=1))])
    assert judged(compare(few, few)) is None
    assert judged(None) is None
