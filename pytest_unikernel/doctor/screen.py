"""An examination as one screen of text, 80 columns wide. Pure."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby

from pytest_unikernel.doctor.check import Check, State
from pytest_unikernel.doctor.examination import Examination
from pytest_unikernel.text.bounds import short_bound_text
from pytest_unikernel.text.grid import WIDTH, cut, printable
from pytest_unikernel.text.units import duration_text

MARKS = {"yes": "yes", "no": "NO", "absent": "-", "unknown": "?", "noisy": "!", "quiet": "ok"}
NAME = 24  # columns of the longest target's name, and a gap
INDENT = 4  # of all lines below a group's head
GIB = 1 << 30


def lines(found: Examination) -> list[str]:
    """Return the whole screen."""
    groups = found.groups
    return [
        *_machine(found),
        "",
        *_targets(groups["targets"], deep=found.deep),
        "",
        *_tools(
            groups["tools"],
            known=frozenset(text for each in groups["targets"] for text in (each.reason, each.cure)),
        ),
        "",
        *_limits(groups["limits"]),
        "",
        *_noise(groups["noise"]),
    ]


def _machine(found: Examination) -> list[str]:
    facts = found.machine
    about = [
        str(facts["cpu_model"]),
        f"{facts['usable_cores']:g} of {facts['cpu_count']} CPUs",
        f"{facts['memory_bytes'] / GIB:.1f} GiB",
        f"Linux {facts['kernel']}",
        str(facts["os"]),
    ]
    return _wrapped(", ".join(about), "", "  ")


# targets -------------------------------------------------------------------------------------------------


def _targets(found: Sequence[Check], *, deep: bool) -> list[str]:
    runs = [each for each in found if each.state == "yes"]
    lines = [_row("TARGETS", "in flight", *(("first start", "max. rate") if deep else ()), "limited by")]
    lines += [_runs(each, deep=deep) for each in runs]
    lines += _refused([each for each in found if each.state != "yes"])
    return [*lines, *(_wrapped(_room_note(deep=deep), "  ", "  ") if runs else ())]


def _row(name: str, *cells: str) -> str:
    *numbers, last = cells
    shown = "".join(cell.rjust(12 if number else 9) for number, cell in enumerate(numbers))
    return cut(f"{name:<{INDENT + NAME}}{shown}  {last}", WIDTH)


def _runs(check: Check, *, deep: bool) -> str:
    facts = check.facts
    cells = [f"{facts['instances_max']:,}"]
    if deep:
        cells += [duration_text(facts["latency_s"]), f"{facts['rate_max_hz']:,.0f}/s"]
    bound = short_bound_text(check.cap) if check.cap is not None else ""
    return _row(f"{MARKS['yes']:<{INDENT}}{check.name}", *cells, bound)


def _room_note(*, deep: bool) -> str:
    if deep:
        return (
            "in flight: instances that fit on this host. max. rate: in flight / first start, or CPUs / "
            "CPU time of a start, whichever is less; a sweep measures the real limit."
        )
    return (
        "in flight: instances that fit on this host. If a start takes 1 s, this is also the maximum rate per "
        "second (in flight = rate x response time). --deep starts one instance of each target."
    )


def _refused(found: Iterable[Check]) -> Iterator[str]:
    """Yield the targets that cannot run; targets with the same cause share an entry."""
    ordered = sorted(found, key=lambda each: (list(MARKS).index(each.state), each.reason))
    for _, group in groupby(ordered, key=lambda each: (each.state, each.reason, each.cure)):
        same = list(group)
        yield from _entry(same[0], ", ".join(each.name for each in same))


def _entry(check: Check, names: str = "") -> list[str]:
    """Return the lines of a finding: the names, the reason, the effect, the cure."""
    cure = f"cure: {check.cure}" if check.cure else ""
    text = printable("; ".join(each for each in (check.reason, check.effect, cure) if each))
    return marked(check.state, f"{names or check.name}: {text}", INDENT + 2)


def marked(state: State, text: str, indent: int = INDENT) -> list[str]:
    """Return a text as wrapped lines, with the mark of a state before the first."""
    return _wrapped(text, f"{MARKS[state]:<{INDENT}}", " " * indent)


def _wrapped(text: str, first: str, rest: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)


# the other groups ----------------------------------------------------------------------------------------


def _tools(found: Sequence[Check], known: Collection[str]) -> list[str]:
    """Return the lines about tools; a finding that a target has too, with its cure, is one of a list here."""
    missing = [each for each in found if each.state != "yes" and {each.reason, each.cure} & set(known)]
    rest = (_entry(each) for each in found if each.state != "yes" and each not in missing)
    lists: list[str] = []
    for state in ("no", "absent", "unknown"):
        same = [each for each in missing if each.state == state]
        lists += _list(state, [each.reason if state == "absent" else _named(each) for each in same])
    return [
        "TOOLS",
        *_list("yes", [_named(each) for each in found if each.state == "yes"]),
        *itertools.chain.from_iterable(rest),
        *lists,
    ]


def _limits(found: Sequence[Check]) -> list[str]:
    scarce = (_entry(each) for each in found if each.state != "yes")
    roomy = [_named(each) for each in found if each.state == "yes"]
    return ["RIGHTS AND LIMITS", *_list("yes", roomy), *itertools.chain.from_iterable(scarce)]


def _noise(found: Sequence[Check]) -> list[str]:
    lines = ["NOISE"]
    for each in found:
        if each.state == "noisy":
            lines += _entry(each)
    for state in ("quiet", "unknown"):
        lines += _list(state, [_named(each) for each in found if each.state == state])
    return lines


def _named(check: Check) -> str:
    return f"{check.name} {check.reason}"


def _list(state: State, entries: Sequence[str]) -> list[str]:
    return marked(state, printable("; ".join(entries)), INDENT) if entries else []
