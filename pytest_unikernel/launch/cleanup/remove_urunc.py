"""Removes all containers of a root of urunc's: ``python -I -S remove_urunc.py LAUNCHER URUNC ROOT BUNDLES``.

It is what a load's end calls, and the reaper if pytest was killed: it imports nothing of this package. Root
and bundles are the load's own, so whatever is in them is ours. Exit status 1: some are left.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys

CALL_S = 30.0


def main(argv: list[str]) -> int:
    """Have each container removed by the launcher."""
    launcher, urunc, root, bundles = argv[1:]
    for name in sorted({*names(root), *names(bundles)}):
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(
                [launcher, "remove", urunc, root, bundles, name],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                timeout=CALL_S,
                check=False,
            )
    left = [*names(root), *names(bundles)]
    if left:
        print(f"{urunc} did not delete {', '.join(left[:5])}", file=sys.stderr)  # noqa: T201
    return 1 if left else 0


def names(directory: str) -> list[str]:
    """Return what is in a directory; nothing if it isn't there."""
    try:
        return os.listdir(directory)  # noqa: PTH208 - pathlib takes longer to import than all the rest
    except OSError:
        return []


if __name__ == "__main__":
    sys.exit(main(sys.argv))
