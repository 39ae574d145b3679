"""The targets that could not run here, with cause and cure: in full, once each. Pure.

pytest's own summary cuts a skip's reason at the terminal's width, and repeats it for each test.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pytest_unikernel.plan.target_fields import Unavailable
from pytest_unikernel.text.grid import printable, wrapped

Missing = tuple[str, Unavailable]  # a target's full name, and why it can't run


def missing_report(missing: Iterable[Missing]) -> list[str]:
    """Return lines that name each reason, with the targets that have it, in the order of the tests."""
    names: dict[Unavailable, list[str]] = {}
    for name, why in dict.fromkeys(missing):
        names.setdefault(why, []).append(name)
    if not names:
        return []
    lines = ["could not run here"]
    for why, targets in names.items():
        lines += _group(printable(f"{names_text(targets)}: {why.reason}"), printable(why.cure))
    return lines


def names_text(targets: Sequence[str]) -> str:
    """Return full names of targets: ``docker_container (also [api]), podman_container``."""
    variants: dict[str, list[str]] = {}
    for name in targets:
        base, bracket, label = name.partition("[")
        variants.setdefault(base, []).append(bracket + label)
    return ", ".join(_with_variants(base, sorted(labels, key=bool)) for base, labels in variants.items())


def _with_variants(base: str, labels: Sequence[str]) -> str:
    also = f" (also {', '.join(labels[1:])})" if labels[1:] else ""
    return f"{base}{labels[0]}{also}"


def _group(head: str, cure: str) -> list[str]:
    """Return targets with reason and cure on one line, on a line each, or as one paragraph."""
    one, whole = wrapped(f"{head}; {cure}"), wrapped(f"{head}; cure: {cure}")
    two = [*wrapped(head), *wrapped(f"cure: {cure}", "    ")]
    return one if len(one) == 1 else two if len(two) <= len(whole) else whole
