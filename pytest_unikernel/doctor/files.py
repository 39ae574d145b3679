"""Reads values of the kernel: one per file, None where there is no such file."""

from __future__ import annotations

import re
from pathlib import Path

PROC, SYS = Path("/proc"), Path("/sys")


def text(path: Path) -> str | None:
    """Return the content of a file; None where it does not exist or can't be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def number(path: Path) -> float | None:
    """Return the number in a file, or None."""
    try:
        return float(text(path) or "")
    except ValueError:
        return None


def chosen(path: Path) -> str | None:
    """Return the word in brackets: ``always [madvise] never``."""
    found = re.search(r"\[(\w+)\]", text(path) or "")
    return found[1] if found else None


def table(path: Path) -> dict[str, int]:
    """Return a file of lines ``name number``."""
    pairs = (line.split() for line in (text(path) or "").splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) >= 2 and pair[1].isdigit()}
