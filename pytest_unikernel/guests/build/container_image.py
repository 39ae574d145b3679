"""The image of the default container: our own small program, as an archive that engines load. Pure.

Source: Docker's image specification v1.2 (``docker save``), which ``podman load`` reads as well.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
import tarfile
from collections.abc import Sequence
from typing import NamedTuple

from pytest_unikernel.guests.build.static_program import HELLO

REPOSITORY = "localhost/pytest-unikernel/hello"  # with a host: Podman takes short names for a registry's
PROGRAM = "/hello"
EPOCH = "1970-01-01T00:00:00Z"  # nothing of the archive depends on when it was made


class ContainerImage(NamedTuple):
    """An image and its archive.

    Attributes:
        tag: its name; the part after the colon is a hash of its content.
        archive: the archive for ``docker load`` and ``podman load``.
    """

    tag: str
    archive: bytes


class Member(NamedTuple):
    """A file of a layer."""

    name: str
    content: bytes
    mode: int = 0o755


@functools.cache
def hello_image() -> ContainerImage:
    """Return the image of the default container."""
    return made(REPOSITORY, (Member(PROGRAM.lstrip("/"), HELLO.shipped.read_bytes()),), (PROGRAM,))


def made(repository: str, members: Sequence[Member], command: Sequence[str]) -> ContainerImage:
    """Return an image of one layer with these files; the same ones give the same bytes."""
    layer = _tar(members)
    config = _json(
        {
            "architecture": "amd64",
            "os": "linux",
            "created": EPOCH,
            "config": {
                "Cmd": list(command),
                "Env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
                "WorkingDir": "/",
            },
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{_sha256(layer)}"]},
            "history": [{"created": EPOCH, "created_by": "pytest-unikernel"}],
        }
    )
    digest = _sha256(config)
    tag = f"{repository}:{digest[:12]}"
    manifest = _json([{"Config": f"{digest}.json", "RepoTags": [tag], "Layers": ["layer.tar"]}])
    files = (
        Member(f"{digest}.json", config, 0o644),
        Member("layer.tar", layer, 0o644),
        Member("manifest.json", manifest, 0o644),
    )
    return ContainerImage(tag, _tar(files))


def _tar(members: Sequence[Member]) -> bytes:
    """Return an archive of files of root, without times."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for member in members:
            entry = tarfile.TarInfo(member.name)
            entry.size, entry.mode = len(member.content), member.mode
            tar.addfile(entry, io.BytesIO(member.content))
    return file.getvalue()


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
