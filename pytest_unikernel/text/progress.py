"""Where a run stands, in words: which targets run here, how many loads are measured, how long it takes."""

from __future__ import annotations

from collections.abc import Collection

from pytest_unikernel.text.grid import printable, wrapped
from pytest_unikernel.text.missing import names_text
from pytest_unikernel.text.units import duration_text

NO_BREAK = "\N{NO-BREAK SPACE}"


def left_text(left_s: float) -> str:
    """Return a rough time for people: ``1 s``, ``95 s``, ``3 min``, ``1 h 12 min``."""
    if 119.5 <= left_s < 3599.5:
        return f"{round(left_s / 60)} min"
    return duration_text(max(1, round(left_s)))


def place_text(number: int, total: int, left_s: float) -> str:
    """Return ``[7/33, 3 min left]``."""
    return (
        f"[{number}/{total}, {left_text(left_s)} left]" if number < total or left_s else f"[{number}/{total}]"
    )


def round_text(number: int, rounds: int) -> str:
    """Return the line at the end of a round of trials."""
    return f"round {number} of {rounds} is measured; the last one has the figures"


def survey_lines(count: int, running: Collection[str], left_s: float) -> list[str]:
    """Return lines that say which targets run here and how long the loads take.

    Args:
        count: of all targets.
        running: the names of those that run.
        left_s: the expected time of all loads.
    """
    head = f"{count} target{'' if count == 1 else 's'}"
    if len(running) < count:
        head += f", {len(running) or 'none'} {'run' if len(running) > 1 else 'runs'} here"
    if not running:
        return [head]
    about = f"about {left_text(left_s)}".replace(" ", NO_BREAK)
    whole, short = (
        wrapped(f"{head}: {printable(names)}; {about}", "")
        for names in (", ".join(running), names_text(list(running)))
    )
    lines = short if len(short) < len(whole) else whole
    return [line.replace(NO_BREAK, " ") for line in lines]


def skipped_text(count: int) -> str:
    """Return what is said behind a step that ends its series."""
    return f"; {count} test{'' if count == 1 else 's'} after it skipped"
