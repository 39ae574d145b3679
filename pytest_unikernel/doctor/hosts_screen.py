"""The findings about the hosts of a cluster as text, 80 columns wide. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pytest_unikernel.doctor.check import State
from pytest_unikernel.doctor.screen import INDENT, marked
from pytest_unikernel.hosts.looked import Looked, differing
from pytest_unikernel.text.grid import Cells, cut, grid, printable, wrapped

NAME_COLUMNS, KERNEL_COLUMNS = 18, 20
SAME = "same"
HEADER = [["", "", "", "clock offset", "", ""],
          ["host", "CPUs", "kernel", "monotonic", "wall", "error"]]  # fmt: skip
REFUSED: tuple[State, ...] = ("no", "unknown", "absent")


def lines(hosts: Sequence[Looked], where: str, ours: str) -> list[str]:
    """Return the whole text; ``ours`` is the version of the plugin here."""
    return [
        *wrapped(printable(f"{len(hosts)} host{'' if len(hosts) == 1 else 's'} of {where}"), ""),
        "",
        *grid(HEADER, [_cells(host) for host in hosts], left=[0, 2], gap="  "),
        "",
        "TARGETS",
        *_targets(hosts),
        "",
        "VERSIONS",
        *_versions(hosts, ours),
    ]


def _cells(host: Looked) -> Cells:
    error_ms = host.monotonic.error_ns / 1e6
    clocks = [SAME, SAME, ""]
    if not host.same_clock:
        clocks = [
            f"{host.monotonic.offset_ns / 1e9:+,.3f} s",
            f"{host.wall.offset_ns / 1e6:+,.1f} ms",
            f"± {error_ms:.2f} ms",
        ]
    name, kernel = printable(host.name), printable(str(host.facts["kernel"]))
    return [cut(name, NAME_COLUMNS), f"{host.cpus:g}", cut(kernel, KERNEL_COLUMNS), *clocks]


# targets -------------------------------------------------------------------------------------------------


def _targets(hosts: Sequence[Looked]) -> Iterator[str]:
    """Yield where each target runs; then why not, with the cure, equal findings together."""
    places: dict[tuple[str, ...], list[str]] = {}
    for target in dict.fromkeys(name for host in hosts for name in host.doctor.get("targets", {})):
        runs = tuple(host.name for host in hosts if _state(host, target) == "yes")
        if runs:
            places.setdefault(runs, []).append(target)
    for names, targets in places.items():
        yield from _entry("yes", f"{', '.join(targets)}: {_where(names, hosts)}")
    for state in REFUSED:
        for text, found in _refused(hosts, state).items():
            names = tuple(dict.fromkeys(host for host, _ in found))
            refused = dict.fromkeys(target for _, target in found)
            yield from _entry(state, f"{', '.join(refused)}: {_where(names, hosts)}: {text}")
    for host in hosts:
        if host.error:
            yield from _entry("unknown", f"{host.name}: {host.error}")


def _state(host: Looked, target: str) -> str:
    return str(host.doctor.get("targets", {}).get(target, {}).get("state", "unknown"))


def _refused(hosts: Sequence[Looked], state: State) -> dict[str, list[tuple[str, str]]]:
    """Return the hosts and targets of a state by the reason with its cure."""
    found: dict[str, list[tuple[str, str]]] = {}
    for host in hosts:
        for target, check in host.doctor.get("targets", {}).items():
            if check["state"] == state:
                cure = f"cure: {check['cure']}" if check["cure"] else ""
                text = "; ".join(each for each in (check["reason"], cure) if each)
                found.setdefault(text, []).append((host.name, target))
    return found


def _where(names: Sequence[str], hosts: Sequence[Looked]) -> str:
    return f"all {len(hosts)} hosts" if len(names) == len(hosts) > 1 else ", ".join(names)


def _entry(state: State, text: str) -> list[str]:
    return marked(state, printable(text), INDENT + 2)


# versions ------------------------------------------------------------------------------------------------


def _versions(hosts: Sequence[Looked], ours: str) -> Iterator[str]:
    different = differing(hosts)
    for host in hosts:
        if refused := host.refused(ours):
            yield from _entry("no", f"{host.name}: {refused}")
    for subject, versions in different.items():
        text = "; ".join(f"{version} on {', '.join(names)}" for version, names in versions.items())
        yield from _entry("noisy", f"{subject}: {text}")
    same = _common(hosts, different)
    if same:
        yield from _entry("quiet", "; ".join(f"{subject} {version}" for subject, version in same.items()))


def _common(hosts: Sequence[Looked], different: Mapping[str, object]) -> dict[str, str]:
    found = {subject: version for host in hosts for subject, version in host.versions().items()}
    return {subject: version for subject, version in found.items() if subject not in different}
