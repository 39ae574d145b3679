"""Images for the ways that need one: the choice, whether it exists, whether it is for urunc."""

from __future__ import annotations

import functools
import subprocess
import tarfile
import tempfile

from pytest_unikernel.guests.build.container_image import ContainerImage
from pytest_unikernel.guests.build.urunc_bundle import Guest
from pytest_unikernel.guests.build.urunc_image import hypervisor_in, urunc_image
from pytest_unikernel.plan.target_fields import Unavailable
from pytest_unikernel.targets.urunc.parameters import Parameters

SAVE_S = 300.0
PACKAGING = "see urunc's documentation, page Packaging"


@functools.cache
def _made(guest: Guest) -> ContainerImage:
    return urunc_image(guest)


def archive_of(parameters: Parameters) -> ContainerImage | None:
    """Return the image that we make of a kernel, None where the user names one."""
    return None if parameters.guest is None else _made(parameters.guest)


def image_of(parameters: Parameters) -> str:
    """Return the image's name."""
    made = archive_of(parameters)
    return made.tag if made is not None else str(parameters.image)


@functools.cache
def why_not_for_urunc(image: str, hypervisor: str, *save: str) -> Unavailable | None:
    """Return why urunc would take an image for no unikernel's, and have runc run it; None if it wouldn't.

    Args:
        image: for the text.
        hypervisor: the hypervisor that it must name.
        save: a command that writes the image's archive.
    """
    with tempfile.TemporaryFile() as file:
        try:
            done = subprocess.run(
                save,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.PIPE,
                timeout=SAVE_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return Unavailable(f"{save[0]} can't export image {image!r}: {error}", " ".join(save))
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            return Unavailable(
                f"no image {image!r}: {said[-1] if said else save[0]}",
                f"pull or load the image with {save[0]} first",
            )
        file.seek(0)
        try:
            found = hypervisor_in(file)
        except tarfile.TarError as error:
            return Unavailable(
                f"expected an archive of image {image!r} from {save[0]}, got none: {error}", " ".join(save)
            )
    if found in ("", hypervisor):
        return None
    if found is not None:
        return Unavailable(
            f"image {image!r} needs hypervisor {found!r}, got hypervisor={hypervisor!r}",
            f"use hypervisor={found!r}",
        )
    return Unavailable(
        f"image {image!r} has no urunc metadata (urunc.json, annotations com.urunc.unikernel.*), so urunc "
        "would pass it on to runc",
        f"{PACKAGING}, or give kernel= and unikernel_type=",
    )
