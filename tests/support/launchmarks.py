"""A target for test files whose launches leave marks: whose they are, and whether anything is left."""

from __future__ import annotations

from pathlib import Path

from pytest_unikernel.launch.cleanup.leftovers import holders

# A container is a file here. One is removed by its id, a session's by their name, as others are by a label.
MARKED = """
from pathlib import Path

import pytest
from pytest_unikernel import Target

HERE = Path(__file__).parent
(HERE / "containers").mkdir(exist_ok=True)
MARK = f"echo $UNIKERNEL_SESSION {{dir}} >> {HERE}/launches"
CONTAINER = f": > {HERE}/containers/$UNIKERNEL_SESSION.$UNIKERNEL_ID"
MARKED = Target(
    "marked",
    ["/bin/sh", "-c", f"{MARK}; {CONTAINER}; exec sleep 0.2"],
    removal=["/bin/sh", "-c", f"rm -f {HERE}/containers/*.{{id}}"],
    leftovers=["/bin/sh", "-c", f"rm -f {HERE}/containers/{{session}}.*"],
)
"""


class Marks:
    """The marks of the launches of a test file in a directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def _lines(self) -> list[list[str]]:
        file = self._directory / "launches"
        return [line.split() for line in file.read_text().splitlines()] if file.exists() else []

    def tokens(self) -> set[str]:
        """Return the session tokens of all launches: one of each host."""
        return {token for token, _ in self._lines()}

    def are_of_mid_load(self, hosts: int) -> bool:
        """Return whether so many hosts have made more than the one launch before the first load."""
        made = [token for token, _ in self._lines()]
        return len(set(made)) == hosts and all(made.count(token) > 3 for token in set(made))

    def left(self) -> list[str]:
        """Return what is left of the launches on any host: processes, private directories, containers."""
        processes = [f"process {pid}" for token in self.tokens() for pid in holders(token)]
        parents = {Path(directory).parents[1] for _, directory in self._lines()}  # of load and instance
        directories = [str(parent) for parent in parents if parent.exists()]
        return [*processes, *directories, *map(str, (self._directory / "containers").glob("*"))]
