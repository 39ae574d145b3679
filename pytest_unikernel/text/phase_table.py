"""Where the service time goes, step by step, for targets whose phases partition a launch. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from pytest_unikernel.plan.partition import REMAINDER
from pytest_unikernel.plan.step_names import step_text
from pytest_unikernel.results.record import Record
from pytest_unikernel.text.grid import WIDTH, Cells, cut, fits, grid, printable, wrapped
from pytest_unikernel.text.table_cells import NONE, milliseconds, ready_resolution_s

NAME_COLUMNS, TARGET_COLUMNS = 14, 24
MOST_ROWS = 8  # of steps; beyond it, the rows in the middle are left out
TITLE = "  where the service time goes, mean ms"
ELLIPSIS = "…"
TARGET = "target"  # heads the labels of cold starts
AFTER = "then:"  # heads a phase's time from ready on
Partition = Mapping[str, Any]


@dataclass(frozen=True)
class Column:
    """A column: its head's lines and a cell per load, in the unit of the table's title."""

    heads: tuple[str, ...]
    cells: Cells


def phase_lines(
    loads: Sequence[Record], width: int = WIDTH, *, verbose: bool = False, tables: bool = True
) -> list[str]:
    """Return a table of means for each set of phases among the loads; nothing where there are none.

    Args:
        loads: the loads; steps go slow to fast.
        width: the columns of the terminal.
        verbose: show every step.
        tables: show the means, not only which launches are in none.
    """
    lines: list[str] = []
    for group in _alike(loads):
        if tables and any(load["partition"]["n"] for load in group):
            lines += ["", TITLE, *_table(_label_column(group), list(_columns(group)), width, verbose=verbose)]
        lines += [line for note in _notes(group) for line in wrapped(note)]
    return lines


def common_phase_lines(
    series: Iterable[Sequence[Record]], width: int = WIDTH, *, verbose: bool = False
) -> list[str]:
    """Return one table for several series with the same phases, side by side; nothing if it's too wide.

    Args:
        series: the loads of each series, slow to fast.
        width: the columns of the terminal.
        verbose: show every step.
    """
    groups = [
        group for loads in series for group in _alike(loads) if any(each["partition"]["n"] for each in group)
    ]
    if len(groups) < 2 or len({_names(group[0]["partition"]) for group in groups}) > 1:
        return []
    steps_s = sorted({load["time_step_s"] for group in groups for load in group}, reverse=True)
    columns = [Column(("step",), [step_text(step_s) for step_s in steps_s])]
    places = []
    for group in groups:
        own = _on_rows(steps_s, group)
        places.append((len(columns), len(own), printable(str(group[0]["target"]))))
        columns += own
    columns = columns if verbose else _shortened(columns)
    for headed in (_flat(columns), columns):
        lines = _grid(
            headed, [(at, count, cut(name, _width(headed[at : at + count]))) for at, count, name in places]
        )
        if fits(lines, width):
            return [TITLE, *lines]
    return []


def _on_rows(steps_s: Sequence[float], loads: Sequence[Record]) -> list[Column]:
    """Return the columns of a series with a cell per step; empty where it has no such step."""
    rows = {load["time_step_s"]: row for row, load in enumerate(loads)}
    return [
        Column(each.heads, [each.cells[rows[step_s]] if step_s in rows else "" for step_s in steps_s])
        for each in _columns(loads)
    ]


def _width(columns: Sequence[Column]) -> int:
    return sum(max(map(len, (*each.heads, *each.cells))) + 1 for each in columns) - 1


def _table(label: Column, columns: Sequence[Column], width: int, *, verbose: bool) -> list[str]:
    """Return aligned lines, in as many blocks as the width asks for."""
    blocks = _blocks(label, columns, width)
    whole = verbose or label.heads[0] == TARGET
    first, *others = [_grid(block if whole else _shortened(block)) for block in blocks]
    return [*first, *(line for block in others for line in ("", *block))]


def _shortened(columns: Sequence[Column]) -> list[Column]:
    """Return at most ``MOST_ROWS`` rows: the slowest step, an ellipsis, the last steps."""
    if len(columns[0].cells) <= MOST_ROWS:
        return list(columns)
    last = MOST_ROWS - 2
    return [Column(each.heads, [each.cells[0], ELLIPSIS, *each.cells[-last:]]) for each in columns]


def _alike(loads: Sequence[Record]) -> list[list[Record]]:
    """Return the loads that have a partition, those with the same phases together, in their order."""
    groups: dict[tuple[str, ...], list[Record]] = {}
    for load in loads:
        if load.get("partition"):
            groups.setdefault(_names(load["partition"]), []).append(load)
    return list(groups.values())


def _names(partition: Partition) -> tuple[str, ...]:
    return tuple(phase["name"] for phase in partition["phases"])


def _label_column(loads: Sequence[Record]) -> Column:
    if loads[0]["mode"] == "cold":
        return Column((TARGET,), [cut(printable(str(load["target"])), TARGET_COLUMNS) for load in loads])
    return Column(("step",), [step_text(load["time_step_s"]) for load in loads])


def _columns(loads: Sequence[Record]) -> Iterator[Column]:
    """Yield the phases up to ready, the remainder, the sum; then phases after ready, if there are any."""
    parts = [load["partition"] for load in loads]
    decimals = _decimals(parts)
    for key, head in (("before_ready_s", ()), ("after_ready_s", (AFTER,))):
        for number, name in enumerate(_names(parts[0])):
            values_s = [part["phases"][number][key] for part in parts]
            if any(values_s):
                yield Column((*head, *_head(name)), _cells(loads, values_s, decimals))
        if key == "before_ready_s":
            for title, total in ((REMAINDER, "other_s"), ("service", "service_time_s")):
                yield Column((title,), _cells(loads, [part[total] for part in parts], decimals))


def _decimals(parts: Sequence[Partition]) -> int:
    known_s = [part["service_time_s"] for part in parts if part["service_time_s"] is not None]
    return 2 if min(known_s, default=1.0) < 0.1 else 1


def _cells(loads: Sequence[Record], values_s: Sequence[float | None], decimals: int) -> Cells:
    """Return a cell per load; phases end when readiness is seen, so they have no finer digits than it."""
    return [
        NONE if value_s is None else milliseconds(value_s, decimals, ready_resolution_s(load))
        for load, value_s in zip(loads, values_s, strict=True)
    ]


def _head(name: str) -> tuple[str, ...]:
    """Return a name on two lines if it has a place to part it."""
    plain = printable(name)
    first, arrow, rest = plain.partition("->") if "->" in plain else plain.rpartition(" ")
    parts = (f"{first}{arrow.strip()}", rest) if first and rest else (plain,)
    return tuple(cut(part, NAME_COLUMNS) for part in parts)


def _blocks(label: Column, columns: Sequence[Column], width: int) -> list[list[Column]]:
    """Return the columns as one table with short heads, or in as many as the width asks for."""
    flat = _flat([label, *columns])
    if fits(_grid(flat), width):
        return [flat]
    blocks = [[label]]
    for column in columns:
        if len(blocks[-1]) > 1 and not fits(_grid([*blocks[-1], column]), width):
            blocks.append([label])
        blocks[-1].append(column)
    return blocks


def _flat(columns: Sequence[Column]) -> list[Column]:
    return [Column(_on_one_line(each.heads), each.cells) for each in columns]


def _on_one_line(heads: tuple[str, ...]) -> tuple[str, ...]:
    """Return a head's name on one line; a mark above it keeps its own."""
    marks, names = (heads[:1], heads[1:]) if heads[0] == AFTER else ((), heads)
    return (*marks, ("" if names[0].endswith("->") else " ").join(names))


def _grid(columns: Sequence[Column], groups: Sequence[tuple[int, int, str]] = ()) -> list[str]:
    """Return aligned lines; heads end on the same line above the rule, names of groups stand above them."""
    turned = zip_longest(*(reversed(column.heads) for column in columns), fillvalue="")
    heads = [list(line) for line in turned][::-1]
    heads = [[""] * len(columns), *heads] if groups else heads
    body = [list(cells) for cells in zip(*(column.cells for column in columns), strict=True)]
    left = [0] if columns[0].heads[0] == TARGET else []
    return grid(heads, body, left=left, groups=groups)


def _notes(loads: Sequence[Record]) -> Iterator[str]:
    """Yield which launches are in no mean."""
    few = [load for load in loads if load["partition"]["left_out"]]
    steps = ", ".join(f"{_at(load)} {load['partition']['left_out']} of {load['completed']}" for load in few)
    if steps:
        yield f"no phases of launches that lack an event, or have events out of order: {steps}"


def _at(load: Record) -> str:
    return step_text(load["time_step_s"]) if load["time_step_s"] else printable(str(load["target"]))
