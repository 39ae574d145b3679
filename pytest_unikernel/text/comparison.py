"""A comparison in words: changes per series, the knee, and the metrics that could not be tested, with why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from pytest_unikernel.plan.step_names import step_text
from pytest_unikernel.results.comparison import (
    FAILURES,
    LATENCIES,
    RATE,
    Change,
    Comparison,
    MachineDifference,
    Regression,
    SeriesComparison,
    Step,
)
from pytest_unikernel.results.evidence import Cause, Why
from pytest_unikernel.results.record import Record
from pytest_unikernel.text import host_speed
from pytest_unikernel.text.comparable import cure_text
from pytest_unikernel.text.compare_table import compare_table
from pytest_unikernel.text.evidence import trials_needed, why_text
from pytest_unikernel.text.grid import WIDTH, Cells, cut, fits, grid, printable, wrapped
from pytest_unikernel.text.row import Row
from pytest_unikernel.text.table_cells import NONE, percent_cell
from pytest_unikernel.text.units import rate_text

MARKS = {"worse": "!", "better": "*"}
LEGEND = (
    "! worse, * better, no mark: no evidence; changes in per cent, from..to: their 95 % confidence interval"
)
MEASURED = "all launches together, as measured:"
COUNTING = "the changes that count, in per cent, trial by trial{corrected}:"
SWEEP_CURE = "{0} or more are needed on each side: --sweep-trials={0}"
COLD_CURE = "{0} or more are needed on each side; give {0} runs of each to pytest-unikernel compare"
UNTESTED_CURES = {
    Cause.FEW_TRIALS: "a test needs {trials} trials on each side: --sweep-trials={trials}",
    Cause.OTHER_WORK: "other work kept the host busy in one of the runs: repeat it on a quiet host, or "
    "add {lift}",
}
TARGET_COLUMNS = 24
Reasons = dict[str, dict[str, list[str]]]  # reason -> metrics -> steps
Shown = Mapping[str, tuple[Record, Record]]  # by a test's full name: its records, the later run's first


def comparison_lines(comparison: Comparison, machine: Sequence[MachineDifference], shown: Shown) -> list[str]:
    """Return a whole comparison for a terminal, 80 columns wide.

    Args:
        comparison: the changes between the runs.
        machine: the facts in which the machines differ.
        shown: the records of the tests that both runs have.
    """
    lines = [line for group in groups(comparison) for line in _group_lines(group, shown)]
    return [*map(printable, lines), *map(printable, closing_lines(comparison, machine))]


def _group_lines(group: Sequence[SeriesComparison], shown: Shown) -> Iterator[str]:
    first = group[0]
    title = f"{first.steps[0].target}: {first.name}" if first.is_sweep else "cold starts, one after the other"
    yield from [*wrapped(title, ""), ""]
    steps = [(series.name, step.fullname) for series in group for step in series.steps]
    rows = [Row(series, *shown[fullname]) for series, fullname in steps if fullname in shown]
    table = compare_table(rows)
    for part in ([MEASURED, *table] if table else [], series_lines(group)):
        yield from [*part, ""] if part else []


def series_lines(group: Sequence[SeriesComparison], *, searched: bool = False) -> list[str]:
    """Return the changes of a sweep, or of all cold starts; every line fits a terminal.

    Args:
        group: the sweep, or all cold starts.
        searched: the knee has a line of its own elsewhere; it is left out unless it was tested.
    """
    steps = [step for series in group for step in series.steps]
    table = changes_table(steps)
    shown = (series for series in group if not searched or (series.knee and series.knee.low is not None))
    knees = [line for series in shown for line in _knee(series)]
    notes = [*knees, *_statuses(steps), *_unknown(steps), *_despite(steps)]
    corrected = host_speed.corrected_table(steps)
    legend = [LEGEND, *host_speed.notes(group)] if table else []
    counting = COUNTING.format(corrected=host_speed.CORRECTED if corrected else "")
    captioned = ((counting, table), (host_speed.BESIDE, corrected))
    tables = [line for caption, part in captioned if part for line in [caption, *part, ""]]
    return [*tables, *(line for note in [*legend, *notes] for line in wrapped(note))]


def changes_table(steps: Sequence[Step]) -> list[str]:
    """Return the table of tested changes, a row per step; empty if none was tested."""
    tested = [step for step in steps if any(change.low is not None for change in step.changes)]
    if not tested:
        return []
    shown = [metric for metric in (RATE, *LATENCIES) if any(_tested(step, metric) for step in tested)]
    for metrics in (shown, [each for each in shown if each != "p90"], shown[:2]):
        for gap in ("  ", " "):
            lines = _grid(tested, metrics, gap)
            if fits(lines, WIDTH):
                return lines
    return lines


def _grid(steps: Sequence[Step], metrics: Sequence[str], gap: str) -> list[str]:
    swept = any(step.step_s for step in steps)
    with_host = any(map(host_speed.is_known, steps))
    header = [
        ["", *("" for _ in metrics for _ in range(2)), "failed", "host"],
        ["step" if swept else "target", *(text for _ in metrics for text in ("", "from..to")), "points", ""],
    ]
    body = [
        [*_cells(step, metrics), percent_cell(step.host) if host_speed.is_known(step) else NONE]
        for step in steps
    ]
    header, body = ([row if with_host else row[:-1] for row in rows] for rows in (header, body))
    groups = [(1 + 2 * place, 2, name) for place, name in enumerate(metrics)]
    return grid(header, body, left=() if swept else (0,), gap=gap, groups=groups)


def _cells(step: Step, metrics: Sequence[str]) -> Cells:
    cells = [step_text(step.step_s) if step.step_s else cut(step.target, TARGET_COLUMNS)]
    for metric in metrics:
        change = _of(step, metric)
        cells += [NONE, ""] if change is None or change.low is None else [_marked(change), _within(change)]
    failed = _of(step, FAILURES)
    return [*cells, NONE if failed is None or failed.low is None else _marked(failed)]


def _tested(step: Step, metric: str) -> bool:
    change = _of(step, metric)
    return change is not None and change.low is not None


def _of(step: Step, metric: str) -> Change | None:
    return next((change for change in step.changes if change.metric == metric), None)


def _marked(change: Change) -> str:
    return MARKS.get(change.judgement, "") + percent_cell(change.change)


def _within(change: Change) -> str:
    return f"{percent_cell(change.low)}..{percent_cell(change.high)}"


def _knee(series: SeriesComparison) -> Iterator[str]:
    change = series.knee
    if change is None:
        return
    now, was = ("unknown" if each is None else rate_text(each) for each in (change.now, change.was))
    by = "" if change.low is None else f", {percent_cell(change.change)} % ({_within(change)})"
    yield f"knee {now}, was {was}{by}: {_judgement(change)}"


def _judgement(change: Change) -> str:
    return change.judgement + (f": {why_text(change.why)}" if change.why is not None else "")


def _statuses(steps: Iterable[Step]) -> Iterator[str]:
    """Yield the steps that were ok in only one of the runs."""
    for step in steps:
        status = step.status
        if status.was == status.now or status.judgement == "not comparable":
            continue
        worded = status.why is not None and status.why.cause is Cause.VERDICT_CHANGED
        seen = "" if worded else f" (was {step.was}, now {step.now})"
        yield f"{step_text(step.step_s) if step.step_s else step.target} verdict{seen} {_judgement(status)}"


def _unknown(steps: Iterable[Step]) -> Iterator[str]:
    """Yield the reasons why metrics could not be tested, each reason once for all its metrics and steps."""
    found: Reasons = {}
    steps = list(steps)
    cure = SWEEP_CURE if any(step.step_s for step in steps) else COLD_CURE
    for step in steps:
        reasons: dict[str, list[str]] = {}
        for change in step.changes:
            if change.low is None:
                needed = trials_needed(change.why)
                more = cure.format(needed) if needed else _cure(change)
                reason = "; ".join(part for part in (_judgement(change), more) if part)
                reasons.setdefault(reason, []).append(change.metric)
        for reason, metrics in reasons.items():
            label = step_text(step.step_s) if step.step_s else step.target
            which = "" if len(metrics) == len(step.changes) else f" {', '.join(metrics)}"
            found.setdefault(reason, {}).setdefault(which, []).append(label)
    for reason, by_metrics in found.items():
        for which, labels in by_metrics.items():
            yield f"{_span(labels)}{which}: {reason}"


def _cure(change: Change) -> str:
    return cure_text(change.why.differences) if change.why is not None else ""


def _despite(steps: Iterable[Step]) -> Iterator[str]:
    """Yield the steps that are compared although other work kept the host busy."""
    for step in steps:
        if step.busy is not None:
            label = step_text(step.step_s) if step.step_s else step.target
            took = why_text(Why(Cause.OTHER_WORK, step.busy))
            yield f"{label}: compared although {took}"


def _span(labels: Sequence[str]) -> str:
    return f"{labels[0]} … {labels[-1]} ({len(labels)} steps)" if len(labels) > 3 else ", ".join(labels)


def groups(comparison: Comparison) -> list[list[SeriesComparison]]:
    """Return the series by table: each sweep by itself, all cold starts together."""
    cold = [series for series in comparison.series if not series.is_sweep]
    return [*([series] for series in comparison.series if series.is_sweep), *([cold] if cold else [])]


# around all series ---------------------------------------------------------------------------------


def closing_lines(comparison: Comparison, machine: Sequence[MachineDifference]) -> list[str]:
    """Return the notes on the whole comparison: other machines, tests that one run lacks."""
    facts = "; ".join(map(machine_text, machine))
    notes = [f"the machines differ, which may explain changes: {facts}"] if facts else []
    for names, where in ((comparison.only_old, "this run"), (comparison.only_new, "the baseline")):
        notes += [f"not in {where}: {', '.join(names)}"] if names else []
    return [line for note in notes for line in wrapped(note, "")]


def regression_lines(found: Iterable[Regression]) -> list[str]:
    """Return a line per regression, of any length."""
    return [f"{each.name}: {regression_text(each)}" for each in found]


def regression_text(found: Regression) -> str:
    """Return the text of a regression, without the name of its test."""
    if found.limit is None:
        return f"verdict {why_text(found.change.why)}"
    change = 100 * (found.change.change or 0.0)
    points = " points" if found.change.metric == FAILURES else "%"
    text = f"{found.change.metric} {change:+.1f}{points} (limit {found.limit})"
    return text + host_speed.correction_text(found.change)


def untested_lines(comparison: Comparison, limits: str, lift: str) -> list[str]:
    """Return that no figure with a limit could be tested, and what would make it possible.

    Args:
        comparison: what was compared.
        limits: the option that has the limits.
        lift: the option that lifts the veto of a busy host.
    """
    whys = [change.why for _, change in comparison.judged() if change.why is not None]
    causes, trials = {why.cause for why in whys}, max(map(trials_needed, whys), default=0)
    cures = [
        cure.format(lift=lift, trials=trials) for cause, cure in UNTESTED_CURES.items() if cause in causes
    ]
    text = f"{limits}: no metric could be tested; only steps that are no longer ok fail the run"
    return [text, *(f"  {cure}" for cure in cures or ["the comparison has the reason for each step"])]


def machine_text(found: MachineDifference) -> str:
    """Return the text of a fact in which two machines differ."""
    now, was = ("unknown" if each is None else each for each in (found.now, found.was))
    return f"{found.fact} {now}, was {was}"
