from __future__ import annotations

import pytest

from pytest_unikernel.host.quiet import Excess, Unrest
from pytest_unikernel.text.unrest import excess_text, kind_text

TEXTS = [
    (Excess(Unrest.CPU, 90, 2), "CPU busy 90 %, 2 % before the first load", "CPU busy"),
    (
        Excess(Unrest.PRESSURE_CPU, 50),
        "pressure for CPU 50 %, 0 % before the first load",
        "pressure for CPU",
    ),
    (
        Excess(Unrest.PRESSURE_MEMORY, 20, 1),
        "pressure for memory 20 %, 1 % before the first load",
        "pressure for memory",
    ),
    (
        Excess(Unrest.PRESSURE_IO, 11, 0),
        "pressure for I/O 11 %, 0 % before the first load",
        "pressure for I/O",
    ),
    (Excess(Unrest.RUNNABLE, 9, 1), "9 runnable tasks, 1 before the first load", "runnable tasks"),
    (Excess(Unrest.LEFTOVERS, 1), "1 process of earlier launches left", "process of earlier launches left"),
    (
        Excess(Unrest.LEFTOVERS, 2),
        "2 processes of earlier launches left",
        "processes of earlier launches left",
    ),
]


@pytest.mark.parametrize(("excess", "text", "kind"), TEXTS)
def test_what_was_not_quiet_is_told_with_and_without_its_figures(
    excess: Excess, text: str, kind: str
) -> None:
    assert (excess_text(excess), kind_text(excess)) == (text, kind)


def test_every_kind_has_words() -> None:
    assert {excess.kind for excess, _, _ in TEXTS} == set(Unrest)
