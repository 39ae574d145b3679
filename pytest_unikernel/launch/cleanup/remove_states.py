"""Removes all containers of an OCI runtime's root: ``python -I -S remove_states.py ROOT RUNTIME OPTION...``.

It is what a session's end calls, and the reaper if pytest was killed: it imports nothing of this package. The
root is the session's own, so whatever is in it is ours. Exit status 1: some are left.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys

CALL_S = 30.0


def main(argv: list[str]) -> int:
    """Delete what each directory of the root stands for."""
    root, runtime, *options = argv[1:]
    for name in containers(root):
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(
                [runtime, *options, "--root", root, "delete", "--force", name],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                timeout=CALL_S,
                check=False,
            )
    left = containers(root)
    if left:
        print(f"{runtime} did not delete {', '.join(left[:5])}", file=sys.stderr)  # noqa: T201
    return 1 if left else 0


def containers(root: str) -> list[str]:
    """Return the ids of the root's containers."""
    try:
        return sorted(entry.name for entry in os.scandir(root) if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []


if __name__ == "__main__":
    sys.exit(main(sys.argv))
