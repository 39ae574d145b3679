"""Makes disk images with Debian: mmdebstrap fills a directory, mke2fs an image; no mounts of the host's."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from pytest_unikernel.errors import BuildError
from pytest_unikernel.guests.build import ext4, mmdebstrap
from pytest_unikernel.guests.build.cache import cache_directory, private
from pytest_unikernel.guests.build.ownership import Owners, all_owners, unpack
from pytest_unikernel.guests.build.qemu_img import convert
from pytest_unikernel.guests.build.scratch import scratch
from pytest_unikernel.guests.build.static_program import GUESTS

Progress = Callable[[str], None]

CACHE = "linux-image"
PROFILE = GUESTS / "linux" / "profile.sh"
DEFAULT_SUITE, DEFAULT_SIZE = "bookworm", "384M"
PACKAGES = ("systemd-sysv", "login")  # no udev: the kernel makes the devices, and nothing waits for them
WITHOUT_ROOT = (
    "without root it needs `apt-get install uidmap` and your name in /etc/subuid and /etc/subgid, "
    "or else `apt-get install fakechroot fakeroot`"
)
UNITS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}  # powers of two
# In place of systemd's own, which waits for udev to announce the console, and for all else to be idle.
LOGIN = """[Unit]
Description=Root's shell on the serial console
After=systemd-user-sessions.service
[Service]
ExecStart=-/sbin/agetty --autologin root --skip-login --noclear --noissue --keep-baud 115200,9600 ttyS0 linux
Type=simple
Restart=always
StandardInput=tty
StandardOutput=tty
TTYPath=/dev/ttyS0
TTYReset=yes
TTYVHangup=yes
IgnoreSIGPIPE=no
SendSIGHUP=yes
"""
# Without an identity each boot would be a first boot, which enables and sets up everything again.
MACHINE_ID = "756e696b65726e656c0000000000000a\n"
# Units that only delay a boot that ends at a marker. Measured under TCG, from start to marker: 8.4 s with
# udev and without most of these lines, 3.1 s with them.
_TIMERS = (
    "apt-daily",
    "apt-daily-upgrade",
    "dpkg-db-backup",
    "e2scrub_all",
    "fstrim",
    "systemd-tmpfiles-clean",
)
_SERVICES = (
    *("e2scrub_reap", "getty@", "getty-static", "kmod-static-nodes", "modprobe@"),
    *("systemd-binfmt", "systemd-firstboot", "systemd-journal-flush", "systemd-logind"),
    *("systemd-machine-id-commit", "systemd-modules-load", "systemd-networkd", "systemd-pstore"),
    *("systemd-random-seed", "systemd-remount-fs", "systemd-repart", "systemd-sysctl", "systemd-sysusers"),
    *("systemd-timesyncd", "systemd-tmpfiles-setup-dev", "systemd-udev-settle", "systemd-udev-trigger"),
    *("systemd-udevd", "systemd-update-utmp", "systemd-update-utmp-runlevel"),
)
_MOUNTS = (
    *("dev-hugepages", "dev-mqueue", "sys-fs-fuse-connections", "sys-kernel-config"),
    *("sys-kernel-debug", "sys-kernel-tracing"),
)
_OTHERS = (
    *("proc-sys-fs-binfmt_misc.automount", "systemd-initctl.socket", "systemd-journald-audit.socket"),
    *("systemd-udevd-control.socket", "systemd-udevd-kernel.socket"),
    *("systemd-ask-password-console.path", "systemd-ask-password-wall.path"),
)
MASKED = (
    *(f"{name}.timer" for name in _TIMERS),
    *(f"{name}.service" for name in _SERVICES),
    *(f"{name}.mount" for name in _MOUNTS),
    *_OTHERS,
)
# Smaller by half: they are not read in a guest.
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
        size: its size, in bytes or as ``384M`` or ``2G``.
        suite: Debian's release.
        include: more packages.
        image_format: ``raw`` or ``qcow2``; by default the name's ending, else raw.
        force: write over an image of that name.
        progress: called with a line now and then.

    Raises:
        BuildError: a tool is missing or failed, the size doesn't suffice, or the file exists.
    """
    size_bytes = _size_bytes(size)
    if not re.fullmatch(r"[a-z][a-z0-9.+-]*", suite):
        raise BuildError(f"expected a suite of Debian, such as {DEFAULT_SUITE!r}, got {suite!r}")
    place = output or private(cache_directory(CACHE)) / f"{suite}.img"
    refuse_existing(place, force=force or output is None)
    with scratch("linux-image-") as work:
        root, owners = _bootstrap(work, suite, include, progress or _silent)
        _set_up(root)
        raw = work / "image.raw"
        ext4.make(root, raw, size_bytes)
        if owners is not None:
            ext4.set_owners(raw, all_owners(root, owners))
        deliver(raw, place, image_format)
    return place


def _size_bytes(size: str) -> int:
    """Return a size in bytes: a bare number is blocks to mke2fs, but bytes to qemu-img and to us."""
    match = re.fullmatch(r"([1-9]\d*)([kKMGT]?)", size)
    if match is None:
        raise BuildError(f"expected a size such as 384M or 2G, got {size!r}")
    return int(match[1]) << UNITS[match[2].upper()]


def refuse_existing(place: Path, *, force: bool) -> None:
    """Refuse to write over an image.

    Raises:
        BuildError: there is one, and ``force`` isn't set; or no directory for it.
    """
    if place.exists() and not force:
        raise BuildError(
            f"expected -o to name a new file, got {str(place)!r}, which exists; --force replaces it"
        )
    if not place.parent.is_dir():
        raise BuildError(f"expected -o to name a file in a directory that exists, got {str(place)!r}")


def deliver(raw: Path, place: Path, image_format: str | None) -> None:
    """Put an image into its place, whole or not at all, in the format that was asked for.

    Raises:
        BuildError: no qemu-img for a qcow2 image, or no room.
    """
    wanted = image_format or ("qcow2" if place.suffix == ".qcow2" else "raw")
    try:
        # A directory of our own: in a shared one, a name could be foreseen and taken.
        with scratch(".linux-image-", place.parent) as beside:
            convert(raw, "raw", beside / "image", wanted)
            (beside / "image").replace(place)
    except OSError as error:
        raise BuildError(f"can't write {str(place)!r}: {error.strerror}") from error


def _bootstrap(work: Path, suite: str, include: Sequence[str], tell: Progress) -> tuple[Path, Owners | None]:
    """Fill a directory; return it, and the owners of its files where we are not root and can only note them.

    Raises:
        BuildError: no mmdebstrap, or it failed.
    """
    root, archive = work / "root", work / "root.tar"
    is_root = os.geteuid() == 0
    packages = ",".join((*PACKAGES, *include))
    without = [f"--dpkgopt=path-exclude={each}" for each in WITHOUT]
    options = [f"--mode={'root' if is_root else 'auto'}", "--variant=minbase", f"--include={packages}"]
    status, tail = mmdebstrap.run([*options, *without, suite, str(root if is_root else archive)], work, tell)
    if status:
        for line in tail:
            tell(line)
        cure = "" if is_root else f"; {WITHOUT_ROOT}"
        raise BuildError(
            f"mmdebstrap can't make Debian {suite!r} with {packages} (status {status}){cure}", "\n".join(tail)
        )
    if is_root:
        return root, None
    owners = unpack(archive, root)
    archive.unlink()
    return root, owners


def _set_up(root: Path) -> None:
    """Log root in on the serial console, and mask units that only take time."""
    system = root / "etc" / "systemd" / "system"
    (system / "serial-getty@ttyS0.service").write_text(LOGIN)
    for unit in MASKED:
        (system / unit).unlink(missing_ok=True)
        (system / unit).symlink_to("/dev/null")
    for name, content in (("hostname", "linux\n"), ("fstab", ""), ("motd", ""), ("machine-id", MACHINE_ID)):
        (root / "etc" / name).write_text(content)
    shadow = root / "etc" / "shadow"
    shadow.write_text(re.sub(r"^root:[^:]*:", "root::", shadow.read_text(), flags=re.MULTILINE))
    shutil.copyfile(PROFILE, root / "root" / ".profile")


def _silent(_line: str) -> None:
    pass
