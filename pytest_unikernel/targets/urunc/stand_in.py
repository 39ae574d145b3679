"""The stand-in for urunc that a daemon's shim calls: it runs urunc with a load's own variables.

Source: guests/urunc/launch.c. It is a link: where the session's directory is no program may be.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pytest_unikernel.guests.build.urunc_bundle import launcher
from pytest_unikernel.targets.urunc.program import Urunc


def stand_in(directory: Path, urunc: Urunc, environment: Mapping[str, str]) -> Path:
    """Make it in a new directory; return its path. urunc then finds monitors on our PATH, not the shim's."""
    directory.mkdir(mode=0o700)
    made = directory / "urunc"
    variables = {"PATH": os.environ.get("PATH", os.defpath), **environment}
    entries = [urunc.program, *(f"{key}={value}" for key, value in variables.items())]
    made.with_name("urunc.settings").write_bytes(b"".join(os.fsencode(each) + b"\0" for each in entries))
    made.symlink_to(launcher())
    return made
