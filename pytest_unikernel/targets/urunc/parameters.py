"""The parameters of ``urunc_container``, checked and completed, and their use by urunc itself."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from pytest_unikernel.errors import LoadError
from pytest_unikernel.guests.build.urunc_bundle import Guest
from pytest_unikernel.plan.stamps import Stamp, StampLog
from pytest_unikernel.plan.target import Target
from pytest_unikernel.plan.target_fields import Place, Unavailable
from pytest_unikernel.targets.urunc import checks
from pytest_unikernel.targets.urunc import program as programs
from pytest_unikernel.targets.urunc.checks import INSTALL, MONITORS, NAME
from pytest_unikernel.targets.urunc.log.reader import LogReader
from pytest_unikernel.targets.urunc.log.releases import FIRST, Release
from pytest_unikernel.targets.urunc.program import Urunc

MARKED = (("started", "console"), ("console", "exited"))
# Phases of a launch that don't overlap. "created" isn't among them: from 0.7 on reexec stamps its end, and
# start may be running by then. A guest that is known to write to its console divides the time after execve.
BY_URUNC = ("create", "create->start", "start->exec")
BY_CONSOLE, BY_EXIT = ("exec->console", "console->exit"), ("exec->exit",)
Rename = Callable[[str], str]


class Switched(NamedTuple):
    """Timestamps, on or off for our own launches: the log, if there is one, and urunc's variables."""

    log: str | None
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Parameters:
    """The parameters of a launch; one of ``guest``, ``bundle`` and ``image`` is set."""

    guest: Guest | None
    bundle: Path | None
    image: str | None
    hypervisor: str
    timestamps: bool
    is_ours: bool
    monitor: str | None
    urunc: str | None
    command: tuple[str, ...] = ()
    runtime: str | None = None
    snapshotter: str | None = None
    network: str | None = None

    def found(self) -> Urunc:
        """Return the urunc that is used.

        Raises:
            LoadError: there is none.
        """
        found = programs.find(self.urunc)
        if isinstance(found, Unavailable):
            raise LoadError(f"{NAME}: {found}")
        return found

    def switched(self, urunc: Urunc, directory: Path) -> Switched:
        """Return the log and the variables for a urunc that takes them from us."""
        environment = self._path(urunc)
        if urunc.switch == "environment":
            switched = {**environment, "URUNC_TIMESTAMPS": "1" if self.timestamps else "0"}
            return Switched(programs.FIXED_LOG if self.timestamps else None, switched)
        if urunc.switch == "file":
            log = directory / "urunc.log"
            config = directory / "urunc.toml"
            text = programs.private_config(log if self.timestamps else None, self.hypervisor, self.monitor)
            config.write_text(text, encoding="utf-8")
            return Switched(
                str(log) if self.timestamps else None, {**environment, programs.CONFIG_VARIABLE: str(config)}
            )
        return Switched(self._log_of_system(), environment)

    def switched_by_others(self, urunc: Urunc) -> Switched:
        """Return the log of a urunc whose caller takes no variables from us."""
        if urunc.switch == "environment":
            return Switched(programs.FIXED_LOG if self.timestamps else None, {})
        return Switched(self._log_of_system(), {})

    def why_not_by_others(self, urunc: Urunc) -> Unavailable | None:
        """Return why timestamps are not as wanted, where another program calls urunc without our own."""
        if urunc.switch != "file":
            return None
        log = programs.log_of_system() if self.timestamps else programs.why_timed()
        return log if isinstance(log, Unavailable) else None

    def _log_of_system(self) -> str | None:
        log = programs.log_of_system()
        return None if not self.timestamps or isinstance(log, Unavailable) else log

    def _path(self, urunc: Urunc) -> dict[str, str]:
        """Return the environment in which a urunc that has no configuration finds the monitor."""
        if self.monitor is None or urunc.switch == "file":
            return {}
        return {"PATH": f"{Path(self.monitor).parent}:{os.environ.get('PATH', os.defpath)}"}

    def monitor_program(self, urunc: Urunc) -> str | None:
        """Return the path of the monitor that urunc takes, None if there is none."""
        if self.monitor is None:
            configured = programs.monitor_of(programs.config_or_nothing(urunc.switch), self.hypervisor)
            if configured is not None:
                return shutil.which(configured)
        return shutil.which(self.monitor or MONITORS[self.hypervisor])

    def why_no_monitor(self, urunc: Urunc) -> Unavailable | None:
        """Return why urunc would find no monitor, or None."""
        wanted = MONITORS[self.hypervisor]
        if self.monitor_program(urunc) is None:
            return Unavailable(
                f"no {self.monitor or wanted}, which hypervisor={self.hypervisor!r} needs",
                INSTALL[self.hypervisor],
            )
        by_name = self.monitor is not None and urunc.switch != "file"
        if by_name and Path(self.monitor or "").name != wanted:
            return Unavailable(
                f"{urunc.program} finds its monitor by the name {wanted!r}, got monitor={self.monitor!r}",
                f"give the path of a file with the name {wanted}",
            )
        return None

    def guest_version(self) -> str:
        """Return the description of the guest, for the record."""
        if self.image is not None:
            return f"image {self.image}"
        if self.bundle is not None:
            return f"bundle {self.bundle.name}"
        assert self.guest is not None  # noqa: S101 - checked before: one of the three is set
        name = "shipped" if self.is_ours else self.guest.kernel.name
        return f"{self.guest.unikernel_type}, {name} {checks.sha256(self.guest.kernel)}"


class Via(NamedTuple):
    """A way to have urunc run something.

    Attributes:
        fields: the target's fields that do not depend on a load.
        prepare: see :class:`Target`.
        why_not: why it can't be used here, or None; a program that is missing, a daemon that is silent.
        versions: the versions in use, beyond urunc itself.
    """

    fields: Callable[[Parameters], dict[str, Any]]
    prepare: Callable[[Parameters, Target, Place], Target]
    why_not: Callable[[Parameters, Urunc], Unavailable | None]
    versions: Callable[[Parameters], Mapping[str, str]]


def timed(
    log: str | None, release: Release, before: str, rename: Rename = str, *, greets: bool = False
) -> dict[str, Any]:
    """Return a target's fields that have to do with timestamps.

    Args:
        log: where they are, None without them.
        release: the line of releases that defines their meaning.
        before: the name of the phase that ends with urunc's first stamp.
        rename: container id -> instance id.
        greets: the guest is known to write to its console: it may divide the time after execve.
    """
    if log is None:
        return {"phases": {}, "partition": (), "intervals": MARKED}
    return {
        "stamps": StampLog(log, lambda: stamp_parser(rename)),
        "intervals": (*release.pairs, (release.last, "console"), ("console", "exited")),
        "phases": phases(release, before),
        "partition": (before, *BY_URUNC, *(BY_CONSOLE if greets else BY_EXIT)),
    }


def phases(release: Release, before: str) -> dict[str, tuple[str, str]]:
    """Return the release's phases, and those that the host sees."""
    return {
        **release.phases,
        before: ("started", FIRST),
        "create->start": (release.phases["create"][1], release.phases["start->exec"][0]),
        "exec->console": (release.last, "console"),
        "console->exit": ("console", "exited"),
        "exec->exit": (release.last, "exited"),
    }


def stamp_parser(rename: Rename = str) -> Callable[[bytes], Iterable[Stamp | None]]:
    """Return a parser of urunc's log, which takes it piece by piece."""
    reader = LogReader()

    def parse(data: bytes) -> Iterator[Stamp | None]:
        before = reader.counts.foreign
        for each in reader.feed(data):
            yield Stamp(rename(each.container_id), each.id, each.at_unix_ns)
        yield from itertools.repeat(None, reader.counts.foreign - before)

    return parse
