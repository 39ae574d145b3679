"""Images for urunc: a kernel as an archive that engines load; and the metadata in an archive.

Source: urunc's documentation (*Packaging*): metadata are in ``/urunc.json`` or in the image's annotations.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import tarfile
import zlib
from collections.abc import Iterator
from typing import IO, Any

from pytest_unikernel.guests.build.container_image import ContainerImage, Member, made
from pytest_unikernel.guests.build.urunc_bundle import INITRD, KERNEL, KEY, Guest, metadata

REPOSITORY = "localhost/pytest-unikernel/urunc"
MOST_JSON_BYTES = 1 << 20
HYPERVISOR = f"{KEY}hypervisor"


def urunc_image(guest: Guest) -> ContainerImage:
    """Return the image of a guest."""
    members = [
        Member("urunc.json", json.dumps(metadata(guest), sort_keys=True).encode(), 0o644),
        Member(KERNEL.lstrip("/"), guest.kernel.read_bytes()),
    ]
    if guest.initrd is not None:
        members.append(Member(INITRD.lstrip("/"), guest.initrd.read_bytes(), 0o644))
    return made(REPOSITORY, members, guest.command)


def hypervisor_in(archive: IO[bytes]) -> str | None:
    """Return the hypervisor that an image asks for; empty if its metadata name none, None without metadata.

    Args:
        archive: the output of ``docker save`` or ``ctr images export``; read once, from its beginning.

    Raises:
        tarfile.TarError: it is no archive.
    """
    found: str | None = None
    with tarfile.open(fileobj=archive, mode="r|*") as tar:
        for member in tar:
            file = tar.extractfile(member) if member.isfile() else None
            for metadata_ in _metadata(file, member.size) if file is not None else ():
                found = found or _plain(str(metadata_.get(HYPERVISOR, "")))
    return found


def _metadata(file: IO[bytes], size: int) -> Iterator[dict[str, Any]]:
    """Yield the metadata in one file of the archive: a manifest, a configuration, or a layer."""
    if size <= MOST_JSON_BYTES:
        content = file.read()
        said = _json(content)
        yield from _of_layer(io.BytesIO(content)) if said is None else _with_keys(said)
        return
    yield from _of_layer(file)


def _json(content: bytes) -> object:
    """Return the JSON of the content; None if it is not JSON, whatever it begins with."""
    try:
        return json.loads(content) if content[:1] in (b"{", b"[") else None
    except (ValueError, RecursionError):
        return None


def _of_layer(file: IO[bytes]) -> Iterator[dict[str, Any]]:
    try:
        with tarfile.open(fileobj=file, mode="r|*") as layer:
            for member in layer:
                if member.name.lstrip("./") == "urunc.json" and (found := layer.extractfile(member)):
                    yield from _with_keys(_json(found.read().lstrip()))
    except (tarfile.TarError, EOFError, OSError, zlib.error):
        return  # no layer, or packed in a way that this Python can't read


def _with_keys(value: object) -> Iterator[dict[str, Any]]:
    """Yield each object with a key of urunc's, however deep."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            if any(key.startswith(KEY) for key in each):
                yield each
            waiting += reversed(each.values())
        elif isinstance(each, list):
            waiting += reversed(each)


def _plain(text: str) -> str:
    """Return a value that may be in base64, as in ``urunc.json``, or plain, as in annotations from 0.8 on."""
    try:
        return base64.b64decode(text, validate=True).decode()
    except (ValueError, binascii.Error):
        return text
