"""The text below a table that compares loads with their baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pytest_unikernel.plan.step_names import step_text
from pytest_unikernel.results.comparable import differences
from pytest_unikernel.text.comparable import cure_text, differences_text
from pytest_unikernel.text.compare_table import compare_table, lacks_changes
from pytest_unikernel.text.grid import wrapped
from pytest_unikernel.text.row import Row
from pytest_unikernel.text.table_cells import change_text
from pytest_unikernel.text.units import rate_text, significant


def compared_lines(steps: Sequence[Row], evidence: Sequence[str]) -> list[str]:
    """Return the comparison of a series with its baseline: the table, then the evidence or the reasons."""
    if not any(row.baseline for row in steps):
        return []
    table = compare_table(steps)
    head = ["", "  against the baseline, all launches together, as measured:", ""] if table else [""]
    if evidence:
        lacking = [_label(row) for row in steps if row.baseline is None]
        missing = [f"{', '.join(lacking)}: not in the baseline"] if lacking else []
        lines = [line for note in [*missing, *_imported(steps)] for line in wrapped(note)]
        return [*head, *table, *([""] if table else []), *evidence, *lines]
    notes: dict[str, list[str]] = {}
    for row in steps:
        notes.setdefault(_no_comparison(row), []).append(_label(row))
    reasons = (f"{', '.join(labels)}: {why}" for why, labels in notes.items() if why)
    imported = _imported(steps)
    short = lacks_changes(steps) and not imported
    why_none = ["the change of p99 needs 1,000 launches in each run"] if short else []
    return [*head, *table, *(line for note in [*reasons, *why_none, *imported] for line in wrapped(note))]


def _imported(steps: Sequence[Row]) -> list[str]:
    """Return the format and the remarks of each imported baseline."""
    texts = (
        f"imported ({row.baseline['source']['format']}): {row.baseline['source']['note']}"
        for row in steps
        if row.baseline and row.baseline.get("source")
    )
    return list(dict.fromkeys(texts))


def _label(row: Row) -> str:
    return step_text(row.load["time_step_s"]) if row.load["time_step_s"] else str(row.load["target"])


def knee_compared_lines(row: Row) -> list[str]:
    """Return a searched knee beside the baseline's; empty unless both runs searched for it."""
    now, was = row.load["knee"], (row.baseline or {}).get("knee")
    if not was or now["interrupted"] or None in (now["rate_hz"], was["rate_hz"], was["lower_hz"]):
        return []
    rates = f"{rate_text(now['rate_hz'])}, was {rate_text(was['rate_hz'])}"
    ends = (
        f"{significant(was['lower_hz'])} to {significant(was['upper_hz'])}" if was["upper_hz"] else "or more"
    )
    return wrapped(
        f"knee against the baseline: {rates} ({ends}): {change_text(now['rate_hz'], was['rate_hz'])}"
    )


def _no_comparison(row: Row) -> str:
    if row.baseline is None:
        return "not in the baseline"
    found = differences(row.load, row.baseline)
    cure = cure_text(found)
    if not found:
        return ""
    return f"not comparable: {differences_text(found)}" + (f"; {cure}" if cure else "")


def busy_baseline_lines(busy: Mapping[str, float], lift: str) -> list[str]:
    """Return a warning that a saved run is a poor baseline; no lines if the host was quiet.

    Args:
        busy: the CPU time of other work in per cent, by the full names of the tests.
        lift: the option that allows comparisons with it.
    """
    if not busy:
        return []
    name = max(busy, key=lambda each: busy[each])
    others = f" (and in {len(busy) - 1} more tests)" if len(busy) > 1 else ""
    return wrapped(
        f"WARNING: this run is a poor baseline: other work took {busy[name]:.0f} % of the CPU time in "
        f"{name}{others}; measure it again on a quiet host: comparisons with it need {lift}",
        "",
    )
