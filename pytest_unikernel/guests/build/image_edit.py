"""Makes a new image from another: adds files, scripts, or changes by a shell. No root, no mounts."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_unikernel.errors import BuildError
from pytest_unikernel.guests.build import ext4
from pytest_unikernel.guests.build.linux_image import deliver, refuse_existing
from pytest_unikernel.guests.build.qemu_img import convert
from pytest_unikernel.guests.build.scratch import scratch

HOME = "/root"
PROFILE = f"{HOME}/.profile"
CALLS = b"# scripts are called above this line\n"  # in guests/linux/profile.sh
QCOW2 = b"QFI\xfb"
END = "reboot -ff || reboot -f || shutdown now"


@dataclass(frozen=True)
class Edit:
    """The changes to make.

    Attributes:
        copy: files for /root.
        run: scripts for /root, called at root's login in this order.
        shutdown: the machine ends when they are done.
        shell: lets the user change the image, raw, after the files have come and before the calls; or None.
    """

    copy: Sequence[Path] = ()
    run: Sequence[Path] = ()
    shutdown: bool = False
    shell: Callable[[Path], None] | None = None


def edit_image(
    source: Path, output: Path, edit: Edit, *, image_format: str | None = None, force: bool = False
) -> Path:
    """Make a new image; the one it is made of stays as it is.

    Raises:
        BuildError: a file can't be read, a script has no shebang, the image isn't a bare ext2, 3 or 4 file
            system, it is full, or the new one exists.
    """
    files = [
        *((path, _read(path), 0o644) for path in edit.copy),
        *((path, _script(path), 0o755) for path in edit.run),
    ]
    refuse_existing(output, force=force)
    if output.exists() and output.samefile(source):
        raise BuildError(f"expected -o to name another file than --from, got {str(output)!r}")
    with scratch("linux-image-") as work:
        raw = work / "image.raw"
        convert(source, _format_of(source), raw, "raw")
        if not ext4.is_ext(raw):
            raise BuildError(
                "expected --from to name an image with an ext2, 3 or 4 file system and no partitions, "
                f"got {str(source)!r}"
            )
        ext4.mend(raw)
        for path, content, permissions in files:
            ext4.write(raw, f"{HOME}/{path.name}", content, permissions)
        if edit.shell is not None:
            edit.shell(raw)
        if edit.run or edit.shutdown:
            ext4.write(raw, PROFILE, _with_calls(ext4.read(raw, PROFILE) or b"", edit), 0o644)
        deliver(raw, output, image_format)
    return output


def _format_of(source: Path) -> str:
    try:
        with source.open("rb") as file:
            return "qcow2" if file.read(4) == QCOW2 else "raw"
    except OSError as error:
        raise BuildError(f"can't read the image {str(source)!r}: {error.strerror}") from error


def _read(path: Path) -> bytes:
    if path.exists() and not path.is_file():  # a device may have no end
        raise BuildError(f"expected --copy and --run to name regular files, got {str(path)!r}")
    try:
        return path.read_bytes()
    except OSError as error:
        raise BuildError(f"can't read {str(path)!r}: {error.strerror}") from error


def _script(path: Path) -> bytes:
    content = _read(path)
    if not content.startswith(b"#!"):
        raise BuildError(f"script {str(path)!r} has no shebang (#!…); use --copy for files that are not run")
    return content


def _with_calls(profile: bytes, edit: Edit) -> bytes:
    """Return root's profile with the calls: in an image of ours before it ends, else at its end."""
    calls = [f"{HOME}/{shlex.quote(path.name)}" for path in edit.run] + [END] * edit.shutdown
    before, line, after = profile.partition(CALLS)
    glue = "" if line else "\n"
    return before + (glue + "\n".join(calls) + "\n").encode() + line + after
