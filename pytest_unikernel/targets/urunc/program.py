"""The urunc on this host, its abilities, and ways to switch its timestamps on without touching the system.

A urunc's abilities are read from the texts in its program: ``go install`` makes one without ``--version``.

Source: urunc's ``internal/constants``, ``internal/metrics``, ``pkg/unikontainers/config.go``, by release.
"""

from __future__ import annotations

import functools
import mmap
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pytest_unikernel.plan.target_fields import Unavailable
from pytest_unikernel.targets.urunc.log.releases import FROM_0_7, UP_TO_0_4, UP_TO_0_6, Release

PROGRAM = "urunc"
INSTALL = "install urunc 0.5 or later (urunc's documentation, page Installation)"
CONFIG_PATH = "/etc/urunc/config.toml"
SYSTEM_CONFIG = Path(CONFIG_PATH)
CONFIG_VARIABLE = "URUNC_CONFIG_FILE"
FIXED_LOG = "/tmp/urunc.zlog"  # noqa: S108 - urunc's own, up to 0.6
SWITCH = '[timestamps] with enabled = true and destination = "FILE"'
# Source: Go's debug/buildinfo: lines of the module's path and version, separated by tabs.
_MODULE = re.compile(rb"\tgithub\.com/(?:nubificus|urunc-dev)/urunc\t(v[0-9][\w.+-]*|\(devel\))")

Switch = Literal["file", "system", "environment", "none"]


@dataclass(frozen=True)
class Urunc:
    """A urunc that can be run here.

    Attributes:
        program: its path.
        version: of its module, ``(devel)`` if it was built from a source tree, else ``unknown``.
        switch: how its timestamps are switched on: a configuration of our own, the system's, a variable.
        release: the meaning of its stamps.
    """

    program: str
    version: str
    switch: Switch
    release: Release


def find(program: str | None) -> Urunc | Unavailable:
    """Return the urunc of that path (or on PATH), or why there is none."""
    found = shutil.which(program or PROGRAM)
    if found is not None:
        path = Path(found).resolve()
        return _looked_at(str(path), path.stat().st_mtime_ns)
    if program is None:
        return Unavailable(f"no {PROGRAM} on PATH", INSTALL)
    return Unavailable(
        f"urunc={program!r} is not an executable file", "give the path of one that is, or leave urunc= out"
    )


@functools.cache
def _looked_at(program: str, modified_ns: int) -> Urunc | Unavailable:
    del modified_ns  # a replaced program is read again
    try:
        with Path(program).open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
            match = _MODULE.search(text)
            version = match[1].decode() if match else "unknown"
            return Urunc(program, version, _switch(text), _release(text))
    except (OSError, ValueError) as error:
        return Unavailable(f"can't read {program!r}: {error}", INSTALL)


def _switch(text: mmap.mmap) -> Switch:
    if text.find(CONFIG_VARIABLE.encode()) >= 0:
        return "file"
    if text.find(CONFIG_PATH.encode()) >= 0:
        return "system"
    return "environment" if text.find(b"URUNC_TIMESTAMPS") >= 0 else "none"


def _release(text: mmap.mmap) -> Release:
    if text.find(b"CR.invoked") >= 0:
        return FROM_0_7
    return UP_TO_0_4 if text.find(b"TS19") >= 0 else UP_TO_0_6


def config_file(switch: Switch) -> Path:
    """Return the configuration that urunc reads by itself: the system's, or the user's."""
    named = os.environ.get(CONFIG_VARIABLE) if switch == "file" else None
    return Path(named) if named else SYSTEM_CONFIG


def read_config(file: Path) -> dict[str, Any]:
    """Return a configuration; empty if there is none.

    Raises:
        OSError, ValueError: it can't be read.
    """
    from pytest_unikernel.guests.build.toml import loads  # noqa: PLC0415 - imported only when needed

    if not file.exists():
        return {}
    try:
        found = loads(file.read_text(encoding="utf-8"))
    except RecursionError as error:
        raise ValueError("expected TOML, got one that is nested too deeply") from error
    monitors = found.get("monitors", {})
    if not isinstance(monitors, dict) or not all(isinstance(each, dict) for each in monitors.values()):
        raise ValueError(f"expected tables in [monitors], got {monitors!r}")
    return found


def config_or_nothing(switch: Switch) -> dict[str, Any]:
    """Return a urunc's configuration; empty if there is no readable one."""
    try:
        return read_config(config_file(switch)) if switch in ("file", "system") else {}
    except (OSError, ValueError):
        return {}


def log_of_system() -> str | Unavailable:
    """Return where the system's configuration has timestamps written, or why it hasn't."""
    cure = f"write {SWITCH} into {SYSTEM_CONFIG}, or use timestamps=False"
    try:
        found = read_config(SYSTEM_CONFIG).get("timestamps", {})
    except (OSError, ValueError) as error:
        return Unavailable(f"can't read {str(SYSTEM_CONFIG)!r}: {error}", cure)
    destination = found.get("destination") if isinstance(found, dict) else None
    if not isinstance(found, dict) or found.get("enabled") is not True or not isinstance(destination, str):
        return Unavailable(f"timestamps of this urunc are switched off in {SYSTEM_CONFIG}", cure)
    if not Path(destination).is_absolute() or _is_directory(destination, if_unknown=True):
        return Unavailable(
            f"{SYSTEM_CONFIG}: the destination of timestamps must be the absolute path of a file, "
            f"got {destination!r}",
            cure,
        )
    if not _is_directory(Path(destination).parent, if_unknown=False):
        return Unavailable(
            f"{SYSTEM_CONFIG}: the directory of the timestamps' destination {destination!r} does not exist",
            f"mkdir -p {Path(destination).parent}",
        )
    return destination


def _is_directory(path: str | Path, *, if_unknown: bool) -> bool:
    try:
        return Path(path).is_dir()
    except OSError:  # too long for a path, or a loop of links
        return if_unknown


def private_config(log: Path | None, hypervisor: str, monitor: str | None) -> str:
    """Return the text of a configuration of our own: urunc's, but for the timestamps and the monitor.

    Raises:
        OSError, ValueError: urunc's can't be read.
    """
    from pytest_unikernel.guests.build.toml import dumps  # noqa: PLC0415 - imported only when needed

    made = read_config(config_file("file"))
    made["timestamps"] = {"enabled": log is not None, "destination": "" if log is None else str(log)}
    if monitor is not None:
        monitors = made.setdefault("monitors", {})
        monitors[hypervisor] = {**monitors.get(hypervisor, {}), "path": monitor}
    return dumps(made)


def why_no_config(found: Urunc) -> Unavailable | None:
    """Return why no configuration of our own can be made, where we make one, or None."""
    if found.switch != "file":
        return None
    try:
        read_config(config_file("file"))
    except (OSError, ValueError) as error:
        file = str(config_file("file"))
        return Unavailable(
            f"can't read {file!r}: {error}", f"fix it, or set {CONFIG_VARIABLE} to another file"
        )
    return None


def why_no_timestamps(found: Urunc) -> Unavailable | None:
    """Return why this urunc's timestamps can't be had, or None."""
    if found.switch == "system":
        log = log_of_system()
        return log if isinstance(log, Unavailable) else None
    if found.switch == "none":
        return Unavailable(
            f"{found.program} {found.version} has no timestamps", f"{INSTALL}; or use timestamps=False"
        )
    return None


def why_timed() -> Unavailable | None:
    """Return why a urunc that goes by the system's configuration can't be run without timestamps, or None."""
    if isinstance(log_of_system(), Unavailable):
        return None
    return Unavailable(
        f"timestamps=False, but {SYSTEM_CONFIG} switches them on for every container of this urunc",
        "write enabled = false into its [timestamps], or use timestamps=True",
    )


def monitor_of(config: Mapping[str, Any], hypervisor: str) -> str | None:
    """Return the monitor that a configuration names."""
    path = config.get("monitors", {}).get(hypervisor, {}).get("path")
    return path if isinstance(path, str) and path else None
