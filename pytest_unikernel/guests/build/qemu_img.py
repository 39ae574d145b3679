"""qemu-img: copies of disk images in other formats, and checks of qcow2 images.

The header of an image can name other files, a backing file and a data file. QEMU opens them, whatever they
are, and guesses a format that isn't given: then the content of an image decides how it is read. So the format
is always named here, and an image is examined alone: no backing file is opened, and an image with a data file
is refused before its clusters are looked at.

Source: qemu-img(1); QEMU's docs/interop/qcow2.txt; CVE-2008-2004 (guessed formats); CVE-2024-4467 (data
files, which ``info`` opened too until that was fixed).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pytest_unikernel.errors import BuildError
from pytest_unikernel.guests.build.status import how

PROGRAM = "qemu-img"
INSTALL = "apt-get install qemu-utils"
PATIENCE_S = 60.0
MOST_SAID_BYTES = 500
# Source: qemu-img(1), "check". Clusters that leaked take room and do no harm.
WHOLE, LEAKED = 0, 3


def find() -> str | None:
    """Return the path of qemu-img, or None."""
    return shutil.which(PROGRAM)


def convert(source: Path, source_format: str, place: Path, wanted: str) -> None:
    """Copy an image into another format, holes as holes.

    Raises:
        BuildError: no qemu-img, or it failed.
    """
    program = find()
    if program is None:
        raise BuildError(f"no {PROGRAM} on PATH; {INSTALL}")
    # Absolute: QEMU takes the part before a colon for a protocol. Source: qemu(1), "Device URL Syntax".
    paths = [os.path.abspath(each) for each in (source, place)]  # noqa: PTH100 - not where a link leads
    argv = [program, "convert", "-f", source_format, "-O", wanted, *paths]
    ended = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise BuildError(f"qemu-img convert: {ended.stderr.strip() or how(ended.returncode)}")


def why_not_usable(program: str, path: str) -> str | None:
    """Return why no guest can use a qcow2 image, or None. The image is not written to.

    Args:
        program: the path of qemu-img.
        path: the absolute path of the image.
    """
    try:
        header = _ask(program, "info", path)
        if header.status:
            return _unreadable(header)
        cluster_bytes = _number(header.report, "cluster-size")
        return _why_not_alone(header.report, path) or _why_damaged(program, path, cluster_bytes)
    except subprocess.TimeoutExpired:
        return f"it can't be checked: {PROGRAM} did not end within {PATIENCE_S:g} s"
    except OSError as error:
        return f"it can't be checked: {error}"


class _Answer(NamedTuple):
    """The answer of qemu-img: its status, its report, the first line of its errors."""

    status: int
    report: Mapping[str, Any]
    said: str


def _ask(program: str, command: str, image: str, *descriptors: int) -> _Answer:
    """Run a command of qemu-img. Its complaints, one per cluster, go to a file: a large image has millions.

    Raises:
        OSError: it can't be run.
        subprocess.TimeoutExpired: it takes too long.
    """
    argv = [program, command, "--output=json", "-f", "qcow2", image]
    with tempfile.TemporaryFile() as complaints:
        ended = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=complaints,
            pass_fds=descriptors,
            timeout=PATIENCE_S,
            check=False,
        )
        complaints.seek(0)
        first = complaints.readline(MOST_SAID_BYTES).decode(errors="replace").strip()
    return _Answer(ended.returncode, _parsed(ended.stdout), first.rpartition("': ")[2])


def _parsed(output: bytes) -> Mapping[str, Any]:
    try:
        report = json.loads(output)
    except (ValueError, RecursionError):
        return {}
    return report if isinstance(report, dict) else {}


def _number(report: Mapping[str, Any], key: str) -> int:
    value = report.get(key)
    return value if type(value) is int else 0


def _table(report: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = report.get(key)
    return value if isinstance(value, dict) else {}


def _unreadable(answer: _Answer) -> str:
    return f"{PROGRAM} can't read it: {answer.said or how(answer.status)}"


def _why_not_alone(header: Mapping[str, Any], path: str) -> str | None:
    """Return the reason, from the header, to refuse an image, or None."""
    features = _table(_table(header, "format-specific"), "data")
    repair = f"repair it: {PROGRAM} check -f qcow2 -r all {path!r}"
    reasons = {
        "it is encrypted; make a copy that isn't: qemu-img convert": header.get("encrypted"),
        "its data is in another file (data_file); make a copy in one: qemu-img convert": "data-file"
        in features,
        f"it wasn't closed by its last user (dirty); {repair}": header.get("dirty-flag"),
        f"QEMU marked it as corrupt; {repair}": features.get("corrupt"),
    }
    found = next((reason for reason, is_so in reasons.items() if is_so), None)
    return found or _why_no_backing(header.get("full-backing-filename"))


def _why_no_backing(backing: object) -> str | None:
    """Return the fault in the path of a backing file, or None; the file is not opened.

    QEMU takes the part before a colon for a protocol. Source: QEMU's block.c, path_has_protocol().
    """
    if not isinstance(backing, str) or ":" in backing.partition("/")[0] or _exists(backing):
        return None
    return f"its backing file {backing!r} isn't there; bring it, or name another: {PROGRAM} rebase -u"


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):  # too long, or NUL in it: the header can hold any text
        return False


def _why_damaged(program: str, path: str, cluster_bytes: int) -> str | None:
    """Return the fault in an image's tables and clusters, or None.

    A descriptor stands for the path: JSON is UTF-8, a path needn't be.
    """
    with Path(path).open("rb") as image:
        file = {"driver": "file", "filename": f"/dev/fd/{image.fileno()}"}
        alone = json.dumps({"driver": "qcow2", "backing": None, "file": file})
        answer = _ask(program, "check", f"json:{alone}", image.fileno())
        size = image.seek(0, os.SEEK_END)
    found = answer.report.get("corruptions")
    if found:
        return f"truncated or damaged: {found} of its clusters, by {PROGRAM} check; the first: {answer.said}"
    if answer.status not in (WHOLE, LEAKED):
        return _unreadable(answer)
    # The check takes the missing part of a table for anything, mostly zeros, which are no errors. But a
    # cluster that it counted may be missing. A file that ends within its last table isn't always found.
    last = _number(answer.report, "image-end-offset") - cluster_bytes
    return f"truncated or damaged: its last cluster is at {last}, its end at {size}" if last >= size else None
