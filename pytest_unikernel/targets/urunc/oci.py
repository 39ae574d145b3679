"""urunc by itself: a bundle that we make, create, start, wait, delete, without a daemon."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_unikernel.errors import BuildError, LoadError
from pytest_unikernel.guests.build import urunc_bundle as bundles
from pytest_unikernel.launch.cleanup import remove
from pytest_unikernel.plan.target import Target
from pytest_unikernel.plan.target_fields import Place, Unavailable
from pytest_unikernel.targets.urunc import program as programs
from pytest_unikernel.targets.urunc.checks import NAME
from pytest_unikernel.targets.urunc.parameters import Parameters, Via, timed
from pytest_unikernel.targets.urunc.program import Urunc

FAILED = 125  # source: guests/urunc/launch.c
LONGEST_SOCKET = 107  # bytes of a path; source: unix(7)
LONGEST_NAME = "/u01234567-1234567890/reexec.sock"


def fields(parameters: Parameters) -> dict[str, Any]:
    """Return the target's fields that do not depend on a load."""
    return {"argv": [parameters.urunc or programs.PROGRAM], "exit_reasons": {FAILED: "daemon-error"}}


def prepare(parameters: Parameters, target: Target, place: Place) -> Target:
    """Make the template of all bundles, the root and the configuration for a load."""
    urunc, directory = parameters.found(), Path(place.directory)
    root, made, template = (directory / f"urunc-{name}" for name in ("r", "b", "template"))
    check_length(root, place)
    root.mkdir(mode=0o700)
    made.mkdir(mode=0o700)
    entries = _template(parameters, template)
    launcher = str(bundles.launcher())
    own = (urunc.program, str(root), str(made))
    log, environment = parameters.switched(urunc, directory)
    return dataclasses.replace(
        target,
        argv=(launcher, "launch", *own, "{id}", str(template), *entries),
        removal=(launcher, "remove", *own, "{id}"),
        leftovers=remove.argv("urunc", launcher, *own),
        env={**environment, **target.env},
        **timed(log, urunc.release, "launcher", greets=parameters.is_ours),
    )


def _template(parameters: Parameters, directory: Path) -> list[str]:
    try:
        if parameters.bundle is not None:
            return bundles.copy_template(directory, parameters.bundle)
        assert parameters.guest is not None  # noqa: S101 - checked before: one of the two is set
        return bundles.write_template(directory, parameters.guest)
    except (BuildError, OSError) as error:
        raise LoadError(f"{NAME}: can't write the bundle: {error}") from error


def check_length(root: Path, place: Place) -> None:
    """Refuse a directory in which urunc's sockets can't be.

    Raises:
        LoadError: its path is too long.
    """
    longest = f"{root}{LONGEST_NAME}"
    if len(os.fsencode(longest)) > LONGEST_SOCKET:
        raise LoadError(
            f"{NAME}: expected a directory with a shorter path for urunc's sockets, got {place.directory!r}; "
            "set TMPDIR to a short path"
        )


def why_not(_parameters: Parameters, _urunc: Urunc) -> Unavailable | None:
    """Return why urunc can't be called, or None."""
    if os.geteuid():
        return Unavailable("urunc needs root to create namespaces and device nodes", "run as root")
    return None


def versions(_parameters: Parameters) -> Mapping[str, str]:
    """Nothing else is used."""
    return {}


OCI = Via(fields, prepare, why_not, versions)
