"""urunc by containerd's own client, with the stock shim: ``ctr run --runc-binary``.

The container's id is the instance's. It stays until it is removed in the background: with ``--rm`` that
would be part of the latency.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_unikernel.launch.cleanup import remove
from pytest_unikernel.plan.target import Target
from pytest_unikernel.plan.target_fields import Place, Unavailable
from pytest_unikernel.targets.containers import engine as engines
from pytest_unikernel.targets.containers.container import LABEL
from pytest_unikernel.targets.urunc.images import archive_of, image_of, why_not_for_urunc
from pytest_unikernel.targets.urunc.oci import check_length
from pytest_unikernel.targets.urunc.parameters import Parameters, Via, timed
from pytest_unikernel.targets.urunc.program import Urunc
from pytest_unikernel.targets.urunc.stand_in import stand_in

PROGRAM = "ctr"
INSTALL = "apt-get install containerd"
SHIM = "io.containerd.runc.v2"
SNAPSHOTTER = "overlayfs"
# The client's own errors; a container's status is passed on.
ITS_ERRORS = rb"(?m)^ctr: "
LOAD_S = 60.0


def fields(_parameters: Parameters) -> dict[str, Any]:
    """Return the target's fields that do not depend on a load."""
    return {
        "argv": [PROGRAM, "run"],
        "failures": {ITS_ERRORS: "daemon-error"},
        "daemons": frozenset({"containerd"}),
    }


def takes_ours(parameters: Parameters) -> bool:
    """Return whether the shim calls the runtime that we name: the stock shim does, others have their own."""
    return parameters.runtime in (None, SHIM)


def prepare(parameters: Parameters, target: Target, place: Place) -> Target:
    """Make the stand-in for urunc, and its root, for a load."""
    urunc = parameters.found()
    log, called = (
        _called(parameters, urunc, place)
        if takes_ours(parameters)
        else (parameters.switched_by_others(urunc).log, ())
    )
    return dataclasses.replace(
        target,
        argv=(
            *(PROGRAM, "run", "--snapshotter", parameters.snapshotter or SNAPSHOTTER),
            *("--runtime", parameters.runtime or SHIM, *called),
            *("--label", f"{LABEL}={place.session}"),
            *("--env", "UNIKERNEL_ID={id}", "--env", f"UNIKERNEL_SESSION={place.session}"),
            *(image_of(parameters), "{id}", *parameters.command),
        ),
        removal=remove.argv("ctr-ids", PROGRAM, "{ids}"),
        leftovers=remove.argv("ctr", LABEL, "{session}", PROGRAM),
        **timed(log, urunc.release, "engine", greets=parameters.is_ours),
    )


def _called(parameters: Parameters, urunc: Urunc, place: Place) -> tuple[str | None, tuple[str, ...]]:
    """Return the log, and the options by which the stock shim calls our urunc with a root of its own."""
    directory = Path(place.directory)
    root = directory / "urunc-r"
    check_length(root / "namespace", place)
    root.mkdir(mode=0o700)
    log, environment = parameters.switched(urunc, directory)
    called = stand_in(directory / "urunc-w", urunc, environment)
    return log, ("--runc-binary", str(called), "--runc-root", str(root))


def why_not(parameters: Parameters, urunc: Urunc) -> Unavailable | None:
    """Return why containerd can't be used, or None; gives it our image."""
    if shutil.which(PROGRAM) is None:
        return Unavailable(f"no {PROGRAM} on PATH", INSTALL)
    asked = engines.call(PROGRAM, "version")
    if asked.status:
        return Unavailable(
            f"{PROGRAM} gets no answer from containerd: {asked.error}",
            "start it: systemctl start containerd; or set CONTAINERD_ADDRESS to its socket",
        )
    wrong = None if takes_ours(parameters) else parameters.why_not_by_others(urunc)
    return wrong or _why_no_image(parameters)


def _why_no_image(parameters: Parameters) -> Unavailable | None:
    image, made = image_of(parameters), archive_of(parameters)
    if made is None:
        return why_not_for_urunc(image, parameters.hypervisor, PROGRAM, "images", "export", "-", image)
    if image in engines.call(PROGRAM, "images", "list", "--quiet", f"name=={image}").out.split():
        return None
    snapshotter = ("--snapshotter", parameters.snapshotter or SNAPSHOTTER)
    loaded = engines.call(PROGRAM, "images", "import", *snapshotter, "-", given=made.archive, within_s=LOAD_S)
    if loaded.status:
        return Unavailable(
            f"containerd rejects the test image: {loaded.error}", f"{PROGRAM} plugins list shows more"
        )
    return None


def versions(parameters: Parameters) -> Mapping[str, str]:
    """Return the versions that the launches use."""
    said = engines.call(PROGRAM, "version").out.split()
    found = [said[at + 1] for at, word in enumerate(said[:-1]) if word == "Version:"]
    return {
        "containerd": found[-1] if found else "unknown",
        "shim": parameters.runtime or SHIM,
        "snapshotter": parameters.snapshotter or SNAPSHOTTER,
    }


CTR = Via(fields, prepare, why_not, versions)
