"""Images of one small layer: the same files give the same bytes, others another name."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile

from pytest_unikernel.guests.build.container_image import Member, hello_image, made
from pytest_unikernel.guests.build.static_program import HELLO

FILES = (Member("bin/true", b"\x7fELF"),)


def contents(archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]


def test_the_same_files_give_the_same_bytes() -> None:
    assert made("x/y", FILES, ["/bin/true"]) == made("x/y", FILES, ["/bin/true"])


def test_the_name_tells_what_is_in_it() -> None:
    tags = {
        made("x/y", FILES, ["/bin/true"]).tag,
        made("x/y", FILES, ["/bin/true", "1"]).tag,
        made("x/y", (Member("bin/true", b"other"),), ["/bin/true"]).tag,
    }
    assert len(tags) == 3
    assert all(tag.startswith("x/y:") for tag in tags)


def test_the_manifest_names_configuration_and_layer_and_the_hashes_are_right() -> None:
    image = made("x/y", FILES, ["/bin/true"])
    files = contents(image.archive)
    (manifest,) = json.loads(files["manifest.json"])
    config = files[manifest["Config"]]
    assert manifest["RepoTags"] == [image.tag]
    assert manifest["Config"] == f"{hashlib.sha256(config).hexdigest()}.json"
    layers = [f"sha256:{hashlib.sha256(files[name]).hexdigest()}" for name in manifest["Layers"]]
    assert json.loads(config)["rootfs"]["diff_ids"] == layers
    assert json.loads(config)["config"]["Cmd"] == ["/bin/true"]
    assert contents(files["layer.tar"]) == {"bin/true": b"\x7fELF"}


def test_the_default_image_holds_our_program_alone() -> None:
    assert contents(contents(hello_image().archive)["layer.tar"]) == {"hello": HELLO.shipped.read_bytes()}
