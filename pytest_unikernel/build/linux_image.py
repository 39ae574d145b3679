"""Makes disk images with Debian: mmdebstrap fills a directory, mke2fs an image; no mounts."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from pytest_unikernel.build import ext4
from pytest_unikernel.build.cache import cache_directory, private
from pytest_unikernel.build.linux_init import GUEST
from pytest_unikernel.errors import BuildError

Progress = Callable[[str], None]

CACHE = "linux-image"
PROFILE = GUEST / "profile.sh"
DEFAULT_SUITE, DEFAULT_SIZE = "bookworm", "384M"
PACKAGES = ("systemd-sysv", "udev")
TAIL_LINES = 15
LOGIN = """[Service]
ExecStart=
ExecStart=-/sbin/agetty --autologin root --noclear --keep-baud 115200,9600 ttyS0 linux
"""
# What only delays a boot that ends at a marker: time-outs, timers, network, what is kept for the next boot.
MASKED = (
    *(
        "apt-daily.timer",
        "apt-daily-upgrade.timer",
        "dpkg-db-backup.timer",
        "e2scrub_all.timer",
        "fstrim.timer",
    ),
    *("systemd-timesyncd.service", "systemd-random-seed.service", "systemd-update-utmp.service"),
    *(
        "systemd-journal-flush.service",
        "systemd-pstore.service",
        "e2scrub_reap.service",
        "getty@tty1.service",
    ),
    *("systemd-udev-settle.service", "systemd-binfmt.service", "systemd-networkd.service"),
)
# Smaller by half: nobody reads them in a guest.
WITHOUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")


def newest_image() -> Path | None:
    """Return the image that was built without another name, the last one, or None; never fails."""
    try:
        images = sorted(cache_directory(CACHE).glob("*.img"), key=lambda each: each.stat().st_mtime_ns)
    except (OSError, BuildError):
        return None
    return images[-1] if images else None


def build_image(
    output: Path | None = None,
    *,
    size: str = DEFAULT_SIZE,
    suite: str = DEFAULT_SUITE,
    include: Sequence[str] = (),
    image_format: str | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Make an image with Debian, root logged in on the serial console, without a password.

    Args:
        output: the image, by default in the cache.
        size: its size, as ``384M`` or ``2G``.
        suite: Debian's release.
        include: more packages.
        image_format: ``raw`` or ``qcow2``, by default what the name ends with, else raw.
        force: write over an image of that name.
        progress: called with a line now and then.

    Raises:
        BuildError: a tool is missing or failed, the size doesn't suffice, or the file exists.
    """
    if not re.fullmatch(r"[1-9]\d*[kMG]?", size):
        raise BuildError(f"expected a size like 384M or 2G, got {size!r}")
    place = output or private(cache_directory(CACHE)) / f"{suite}.img"
    refuse_existing(place, force=force or output is None)
    with tempfile.TemporaryDirectory(prefix="linux-image-") as work:
        root = Path(work) / "root"
        _bootstrap(root, suite, include, progress or _silent)
        _set_up(root)
        raw = Path(work) / "image.raw"
        ext4.make(root, raw, size)
        deliver(raw, place, image_format)
    return place


def refuse_existing(place: Path, *, force: bool) -> None:
    """Refuse to write over an image.

    Raises:
        BuildError: there is one, and ``force`` isn't set; or no directory for it.
    """
    if place.exists() and not force:
        raise BuildError(f"{str(place)!r} exists; name another, or give --force")
    if not place.parent.is_dir():
        raise BuildError(f"expected -o to name a file in a directory that exists, got {str(place)!r}")


def deliver(raw: Path, place: Path, image_format: str | None) -> None:
    """Put an image into its place, whole or not at all, in the format that was asked for.

    Raises:
        BuildError: no qemu-img for a qcow2 image, or no room.
    """
    wanted = image_format or ("qcow2" if place.suffix == ".qcow2" else "raw")
    new = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        convert(raw, "raw", new, wanted)
        new.replace(place)
    except OSError as error:
        raise BuildError(f"can't write {str(place)!r}: {error.strerror}") from error
    finally:
        new.unlink(missing_ok=True)


def convert(source: Path, source_format: str, place: Path, wanted: str) -> None:
    """Copy an image into another format, holes as holes.

    Raises:
        BuildError: no qemu-img, or it failed.
    """
    program = shutil.which("qemu-img")
    if program is None:
        raise BuildError("no qemu-img on PATH; apt-get install qemu-utils")
    argv = [program, "convert", "-f", source_format, "-O", wanted, str(source), str(place)]
    ended = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise BuildError(f"qemu-img convert: {ended.stderr.strip()}")


def _bootstrap(root: Path, suite: str, include: Sequence[str], tell: Progress) -> None:
    program = shutil.which("mmdebstrap")
    if program is None:
        raise BuildError("no mmdebstrap on PATH; apt-get install mmdebstrap")
    mode = "root" if os.getuid() == 0 else "unshare"
    packages = ",".join((*PACKAGES, *include))
    without = [f"--dpkgopt=path-exclude={each}" for each in WITHOUT]
    argv = [program, f"--mode={mode}", "--variant=minbase", f"--include={packages}", *without]
    tail: deque[str] = deque(maxlen=TAIL_LINES)
    with subprocess.Popen(
        [*argv, suite, str(root)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None  # noqa: S101 - asked for
        for line in process.stdout:
            tail.append(line)
            if line.startswith("I: "):
                tell(line[3:].rstrip())
    if process.returncode:
        cure = "" if mode == "root" else "; without root it needs newuidmap: apt-get install uidmap"
        raise BuildError(
            f"mmdebstrap can't make Debian {suite!r} with {packages} (status {process.returncode}){cure}; "
            f"its last lines:\n{''.join(tail)}"
        )


def _set_up(root: Path) -> None:
    """Log root in on the serial console, and mask what only takes time."""
    system = root / "etc" / "systemd" / "system"
    login = system / "serial-getty@ttyS0.service.d"
    login.mkdir(parents=True)
    (login / "autologin.conf").write_text(LOGIN)
    for unit in MASKED:
        (system / unit).unlink(missing_ok=True)
        (system / unit).symlink_to("/dev/null")
    (root / "etc" / "hostname").write_text("linux\n")
    (root / "etc" / "fstab").write_text("")
    shadow = root / "etc" / "shadow"
    shadow.write_text(re.sub(r"^root:[^:]*:", "root::", shadow.read_text(), flags=re.MULTILINE))
    shutil.copyfile(PROFILE, root / "root" / ".profile")


def _silent(_line: str) -> None:
    pass
