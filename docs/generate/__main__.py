"""Generates docs/reference/ from the code: ``python docs/generate`` writes, ``--check`` compares.

A test runs ``--check``: a page that differs from what the code says fails it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from command_page import commands_page
from fixture_page import fixtures_page
from option_page import options_page
from record_page import record_page

from pytest_unikernel.results.record import json_schema

REFERENCE = Path(__file__).resolve().parents[1] / "reference"
PAGES: Mapping[str, Callable[[], str]] = {
    "options.md": options_page,
    "fixtures.md": fixtures_page,
    "record.md": record_page,
    "record.schema.json": json_schema.text,
    "commands.md": commands_page,
}


def main() -> int:
    """Write the pages, or with ``--check`` name those that are not what the code says."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument(
        "--check", action="store_true", help="write nothing; exit status 1 if a page is stale"
    )
    check = arguments.parse_args().check
    stale = [name for name, make in PAGES.items() if not is_current(REFERENCE / name, make())]
    for name in stale:
        print(f"stale: docs/reference/{name}; run python docs/generate" if check else f"wrote {name}")
        if not check:
            (REFERENCE / name).write_text(PAGES[name](), encoding="utf-8")
    return 1 if check and stale else 0


def is_current(path: Path, text: str) -> bool:
    """Return whether a page is there and says this."""
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
