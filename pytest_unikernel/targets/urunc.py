"""A unikernel in a container, by urunc alone: no daemon, a bundle that we make, its timestamps recorded."""

from __future__ import annotations

import dataclasses
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_unikernel import removeurunc
from pytest_unikernel.build import urunc_bundle as bundles
from pytest_unikernel.build.urunc_bundle import Guest
from pytest_unikernel.errors import BuildError, LoadError, TargetError
from pytest_unikernel.host import program_version
from pytest_unikernel.stamps import Stamp, StampLog
from pytest_unikernel.target import Place, Target, Unavailable
from pytest_unikernel.targets import qemu as qemu_host
from pytest_unikernel.targets import urunc_parameters as parameters
from pytest_unikernel.targets import urunc_program as programs
from pytest_unikernel.targets.machine_parameters import check_numbers, last_part
from pytest_unikernel.targets.urunc_parameters import INSTALL, MONITORS, NAME, PathText
from pytest_unikernel.targets.urunc_probe import why_not
from pytest_unikernel.targets.urunc_program import Urunc
from pytest_unikernel.timestamps.reader import StampReader
from pytest_unikernel.timestamps.releases import Release

GREETING = "Hello 42!"
VIAS = ("oci",)
FAILED = 125  # source: guests/urunc/launch.c
LONGEST_SOCKET = 107  # bytes of a path; source: unix(7)
LONGEST_NAME = "/u01234567-1234567890/reexec.sock"
# Measured: the resident set of QEMU under TCG with our guest, and what urunc needs before it.
MEMORY_MIB, PROCESSES = 64, 8
# The first that QEMU's firmware, Solo5, Linux or our own guest write. urunc's own log shares the pipe.
CONSOLE = rb"\x1bc|SeaBIOS|Solo5|Linux version|Hello 42!"


def urunc_container(
    *,
    kernel: PathText | None = None,
    initrd: PathText | None = None,
    bundle: PathText | None = None,
    unikernel_type: str | None = None,
    hypervisor: str = "qemu",
    via: str = "oci",
    command: Sequence[str] = (),
    timestamps: bool = True,
    memory_mib: int | None = None,
    monitor: PathText | None = None,
    urunc: PathText | None = None,
) -> Target:
    """Return a target that runs a unikernel by urunc; ready is the monitor's exit, success its status 0.

    Args:
        kernel: a unikernel of one's own; by default our Rust unikernel.
        initrd: its initrd, for those that have one.
        bundle: a bundle of the user's, in place of all that; it is copied, and stays as it is.
        unikernel_type: what urunc takes the kernel for: ``unikraft``, ``linux``, ``mewz`` …
        hypervisor: ``qemu``, ``spt``, ``hvt`` or ``firecracker``.
        via: ``oci``: create, start, wait, delete, without a daemon.
        command: the unikernel's arguments.
        timestamps: have urunc log when it reaches what, and report it as intervals and phases.
        memory_mib: the guest's memory; by default urunc's own choice.
        monitor: the path of the hypervisor's program, by default urunc's own choice.
        urunc: the path of urunc, by default the one on PATH.

    Raises:
        TargetError: a parameter can't be right.
    """
    check_numbers(NAME, memory_mib=(memory_mib, 1))
    if via not in VIAS:
        raise TargetError(f"{NAME}: via must be one of {', '.join(VIAS)}, got {via!r}")
    parameters.checked_hypervisor(hypervisor)
    guest = given = None
    if bundle is None:
        guest = parameters.checked_guest(
            kernel, initrd, unikernel_type, hypervisor=hypervisor, command=command, memory_mib=memory_mib
        )
    else:
        about = {"kernel": kernel, "initrd": initrd, "unikernel_type": unikernel_type, "command": command}
        given = parameters.checked_bundle(bundle, **about, memory_mib=memory_mib)
        hypervisor = parameters.checked_hypervisor(parameters.hypervisor_in(given))
    plan = _Plan(
        guest,
        given,
        hypervisor,
        timestamps=parameters.checked_truth("timestamps", timestamps),
        is_ours=kernel is None and bundle is None,
        monitor=None if monitor is None else str(Path(monitor).absolute()),
        urunc=None if urunc is None else str(Path(urunc).absolute()),
    )
    return plan.target()


@dataclasses.dataclass(frozen=True)
class _Plan:
    """What the parameters come to; one of ``guest`` and ``bundle`` is there."""

    guest: Guest | None
    bundle: Path | None
    hypervisor: str
    timestamps: bool
    is_ours: bool
    monitor: str | None
    urunc: str | None

    def target(self) -> Target:
        """Return the target, of which a load's beginning prepares the rest."""
        memory_mib = (self.guest.memory_mib if self.guest else None) or 0
        return Target(
            NAME,
            [self.urunc or programs.PROGRAM],
            exit_reasons={FAILED: "daemon-error"},
            output=GREETING if self.is_ours else None,
            failures={
                rb"guest panic: ": "guest-panic",
                qemu_host.KVM_BROKEN: "kvm-error",
                qemu_host.NOT_BOOTABLE: "not-ready",
            },
            marks={"console": CONSOLE},
            prepare=self.prepare,
            probe=self.probe,
            versions=self.versions,
            memory_bytes=(MEMORY_MIB + memory_mib) << 20,
            processes=PROCESSES,
            naming={
                "hypervisor": str,
                "kernel": last_part,
                "bundle": last_part,
                "timestamps": lambda on: "" if on else "untimed",
            },
        )

    def found(self) -> Urunc:
        """Return the urunc that is used.

        Raises:
            LoadError: there is none.
        """
        found = programs.find(self.urunc)
        if isinstance(found, Unavailable):
            raise LoadError(f"{NAME}: {found}")
        return found

    def prepare(self, target: Target, place: Place) -> Target:
        """Make the template of all bundles, the root and the configuration for a load."""
        urunc, directory = self.found(), Path(place.directory)
        root, made, template = (directory / f"urunc-{name}" for name in ("r", "b", "template"))
        _check_length(root, place)
        root.mkdir(mode=0o700)
        made.mkdir(mode=0o700)
        entries = self._template(template)
        launcher = str(bundles.launcher())
        own = (urunc.program, str(root), str(made))
        timed = self._timed(urunc, directory)
        return dataclasses.replace(
            target,
            argv=(launcher, "launch", *own, "{id}", str(template), *entries),
            removal=(launcher, "remove", *own, "{id}"),
            leftovers=(sys.executable, "-I", "-S", removeurunc.__file__, launcher, *own),
            **{**timed, "env": {**timed["env"], **target.env}},
        )

    def _template(self, directory: Path) -> list[str]:
        try:
            if self.bundle is not None:
                return bundles.copy_template(directory, self.bundle)
            assert self.guest is not None  # noqa: S101 - one of the two is there
            return bundles.write_template(directory, self.guest)
        except (BuildError, OSError) as error:
            raise LoadError(f"{NAME}: can't make the bundle: {error}") from error

    def _timed(self, urunc: Urunc, directory: Path) -> dict[str, Any]:
        """Return the target's fields that have to do with timestamps, and the environment for them."""
        log, environment = self._switched(urunc, directory)
        marks_only = {"phases": {}, "intervals": (("started", "console"), ("console", "exited"))}
        if log is None:
            return {**marks_only, "env": environment}
        release = urunc.release
        return {
            "env": environment,
            "stamps": StampLog(log, stamp_parser),
            "intervals": (*release.pairs, (release.last, "console"), ("console", "exited")),
            "phases": phases(release),
        }

    def _switched(self, urunc: Urunc, directory: Path) -> tuple[str | None, dict[str, str]]:
        """Switch timestamps on or off for our own launches; return the log, and the environment for that."""
        environment = self._path(urunc)
        if urunc.switch == "environment":
            switched = {**environment, "URUNC_TIMESTAMPS": "1" if self.timestamps else "0"}
            return programs.FIXED_LOG if self.timestamps else None, switched
        if urunc.switch == "file":
            log = directory / "urunc.log"
            config = directory / "urunc.toml"
            text = programs.private_config(log if self.timestamps else None, self.hypervisor, self.monitor)
            config.write_text(text, encoding="utf-8")
            return str(log) if self.timestamps else None, {**environment, "URUNC_CONFIG_FILE": str(config)}
        log_of_system = programs.log_of_system()
        if not self.timestamps or isinstance(log_of_system, Unavailable):
            return None, environment
        return log_of_system, environment

    def _path(self, urunc: Urunc) -> dict[str, str]:
        """Return the environment in which a urunc that has no configuration finds the monitor."""
        if self.monitor is None or urunc.switch == "file":
            return {}
        return {"PATH": f"{Path(self.monitor).parent}:{os.environ.get('PATH', os.defpath)}"}

    def monitor_program(self, urunc: Urunc) -> str | None:
        """Return the path of the monitor that urunc takes, None if there is none."""
        if self.monitor is None and urunc.switch in ("file", "system"):
            configured = programs.monitor_of(programs.system_config(), self.hypervisor)
            if configured is not None:
                return shutil.which(configured)
        return shutil.which(self.monitor or MONITORS[self.hypervisor])

    def _misnamed(self, urunc: Urunc) -> bool:
        """Whether urunc, which looks for its monitor on PATH, would not find the one that was named."""
        by_name = self.monitor is not None and urunc.switch != "file"
        return by_name and Path(self.monitor or "").name != MONITORS[self.hypervisor]

    def probe(self) -> Unavailable | None:
        """Return why this can't run here, or None; a launch of our own guest is tried."""
        found = programs.find(self.urunc)
        if isinstance(found, Unavailable):
            return found
        if self.timestamps and (off := programs.why_no_timestamps(found)):
            return off
        monitor = self.monitor_program(found)
        if monitor is None:
            name = self.monitor or MONITORS[self.hypervisor]
            return Unavailable(
                f"no {name}, the monitor of hypervisor={self.hypervisor!r}", INSTALL[self.hypervisor]
            )
        if self._misnamed(found):
            return Unavailable(
                f"{found.program} finds its monitor by name, and monitor={self.monitor!r} isn't called so",
                f"name a file that is called {MONITORS[self.hypervisor]}",
            )
        return why_not(self.target(), monitor if self.hypervisor == "qemu" else None, tried=self.is_ours)

    def versions(self) -> Mapping[str, str]:
        """Return what is really used."""
        found = self.found()
        monitor = self.monitor_program(found)
        return {
            "urunc": found.version,
            "timestamps": f"as of {found.release.label}" if self.timestamps else "off",
            "hypervisor": self.hypervisor,
            "monitor": (program_version(monitor) if monitor else None) or "unknown",
            "guest": self._guest_version(),
        }

    def _guest_version(self) -> str:
        if self.bundle is not None:
            return f"bundle {self.bundle.name}"
        assert self.guest is not None  # noqa: S101 - one of the two is there
        name = "shipped" if self.is_ours else self.guest.kernel.name
        return f"{self.guest.unikernel_type}, {name} {parameters.sha256(self.guest.kernel)}"


def phases(release: Release) -> dict[str, tuple[str, str]]:
    """Return the release's phases, and those that the host sees."""
    return {
        **release.phases,
        "launcher": ("started", "TS00"),
        "exec->console": (release.last, "console"),
        "console->exit": ("console", "exited"),
        "exec->exit": (release.last, "exited"),
    }


def stamp_parser() -> Callable[[bytes], Iterable[Stamp]]:
    """Return what reads urunc's log, piece by piece."""
    reader = StampReader()

    def parse(data: bytes) -> Iterable[Stamp]:
        return (Stamp(each.container_id, each.id, each.at_unix_ns) for each in reader.feed(data))

    return parse


def _check_length(root: Path, place: Place) -> None:
    longest = f"{root}{LONGEST_NAME}"
    if len(os.fsencode(longest)) > LONGEST_SOCKET:
        raise LoadError(
            f"{NAME}: urunc's sockets need a directory with a shorter path than {place.directory!r}; "
            "set TMPDIR to one"
        )


URUNC_CONTAINER = dataclasses.replace(urunc_container(), factory=urunc_container)
