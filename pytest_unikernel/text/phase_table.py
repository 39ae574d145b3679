"""Where the service time goes, step by step, for targets whose phases partition a launch. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from pytest_unikernel.plan.partition import REMAINDER
from pytest_unikernel.plan.step_names import step_text
from pytest_unikernel.results.record import Record
from pytest_unikernel.text.grid import WIDTH, Cells, cut, fits, grid, printable, wrapped
from pytest_unikernel.text.table_cells import NONE, milliseconds, ready_resolution_s

NAME_COLUMNS, TARGET_COLUMNS = 14, 24
TITLE = "  where the service time goes, mean ms"
AFTER = "then:"  # heads a phase's time from ready on
Partition = Mapping[str, Any]


@dataclass(frozen=True)
class Column:
    """A column: its head's lines, the last of which names the unit, and a cell per load."""

    heads: tuple[str, ...]
    cells: Cells


def phase_lines(loads: Sequence[Record], width: int = WIDTH) -> list[str]:
    """Return a table of means for each set of phases among the loads; nothing where there are none."""
    lines: list[str] = []
    for group in _alike(loads):
        if any(load["partition"]["n"] for load in group):
            blocks = _blocks(_label_column(group), _columns(group), width)
            lines += ["", TITLE, *(line for block in blocks for line in ("", *_grid(block)))]
        lines += [line for note in _notes(group) for line in wrapped(note)]
    return lines


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
        return Column(("target", ""), [cut(printable(str(load["target"])), TARGET_COLUMNS) for load in loads])
    return Column(("step", ""), [step_text(load["time_step_s"]) for load in loads])


def _columns(loads: Sequence[Record]) -> Iterator[Column]:
    """Yield the phases up to ready, the remainder, the sum; then phases after ready, if there are any."""
    parts = [load["partition"] for load in loads]
    decimals = _decimals(parts)
    for key, head in (("before_ready_s", ()), ("after_ready_s", (AFTER,))):
        for number, name in enumerate(_names(parts[0])):
            values_s = [part["phases"][number][key] for part in parts]
            if any(values_s):
                yield Column((*head, *_head(name), "ms"), _cells(loads, values_s, decimals))
        if key == "before_ready_s":
            for title, total in ((REMAINDER, "other_s"), ("service", "service_time_s")):
                yield Column((title, "ms"), _cells(loads, [part[total] for part in parts], decimals))


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


def _blocks(label: Column, columns: Iterator[Column], width: int) -> list[list[Column]]:
    """Return the columns in as many tables as the width asks for, each with the label."""
    blocks = [[label]]
    for column in columns:
        if len(blocks[-1]) > 1 and not fits(_grid([*blocks[-1], column]), width):
            blocks.append([label])
        blocks[-1].append(column)
    return blocks


def _grid(columns: Sequence[Column]) -> list[str]:
    """Return aligned lines; heads end on the same line above the rule."""
    turned = zip_longest(*(reversed(column.heads) for column in columns), fillvalue="")
    body = [list(cells) for cells in zip(*(column.cells for column in columns), strict=True)]
    return grid(
        [list(heads) for heads in turned][::-1], body, left=[0] if columns[0].heads[0] == "target" else []
    )


def _notes(loads: Sequence[Record]) -> Iterator[str]:
    """Yield which launches are in no mean."""
    few = [load for load in loads if load["partition"]["left_out"]]
    steps = ", ".join(f"{_at(load)} {load['partition']['left_out']} of {load['completed']}" for load in few)
    if steps:
        yield f"no phases of launches that lack an event, or have events out of order: {steps}"


def _at(load: Record) -> str:
    return step_text(load["time_step_s"]) if load["time_step_s"] else printable(str(load["target"]))
