"""urunc: which one is here, which monitors it could start, and whether it writes timestamps."""

from __future__ import annotations

import mmap
import os
import re
import shutil
import sys
from pathlib import Path

from pytest_unikernel.doctor import files, tools
from pytest_unikernel.doctor.check import Check

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

INSTALL = "go install github.com/urunc-dev/urunc/cmd/urunc@latest, as root; see README, urunc"
MONITORS = ("qemu-system-x86_64", "solo5-spt", "solo5-hvt", "firecracker", "cloud-hypervisor")
CONFIGURATION = Path("/etc/urunc/config.toml")  # from 0.7 on
# What `go version -m` prints is in the program as text. Source: Go's debug/buildinfo.
MODULE = re.compile(rb"mod\t(\S*/urunc)\t(v?\S+)")


def release(program: Path) -> str | None:
    """Return the module's version that Go has put into the program; None if it isn't readable or there."""
    try:
        with program.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            found = MODULE.search(content)
            return found[2].decode(errors="replace") if found else None
    except (OSError, ValueError):  # an empty file can't be mapped
        return None


def timestamps() -> tuple[bool, str | None]:
    """Return whether urunc's own configuration switches timestamps on, and where they go."""
    try:
        table = tomllib.loads(files.text(CONFIGURATION) or "").get("timestamps", {})
    except tomllib.TOMLDecodeError:
        return False, None
    if isinstance(table, dict) and table.get("enabled") is True:
        return True, str(table.get("destination") or "")
    if os.environ.get("URUNC_TIMESTAMPS") == "1":  # up to 0.6
        return True, "/tmp/urunc.zlog"  # noqa: S108 - urunc's own place
    return False, None


def urunc() -> Check:
    """Say which urunc, which monitors, and whether timestamps are on, and where."""
    path = shutil.which("urunc")
    monitors = [name for name in MONITORS if shutil.which(name)]
    on, where = timestamps()
    facts = {"monitors": monitors, "timestamps": on, "timestamps_file": where}
    if path is None:
        return Check("urunc", "absent", "no urunc on PATH", INSTALL, facts={**facts, "release": None})
    known = release(Path(path)) or tools.version_of(path)
    facts = {**facts, "release": known}
    shown = f"{known or 'release unknown'}; timestamps {f'on, into {where}' if on else 'off'}"
    if not monitors:
        cure = "apt-get install qemu-system-x86, or build solo5's spt"
        return Check("urunc", "no", f"{shown}; no monitor on PATH", cure, facts=facts)
    return Check("urunc", "yes", f"{shown}; monitors {', '.join(monitors)}", facts=facts)
