"""A log, read to its end, and the containers in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import BinaryIO, NamedTuple

from pytest_unikernel.errors import LogError
from pytest_unikernel.targets.urunc.log.lives import ContainerLog, Lives, by_release
from pytest_unikernel.targets.urunc.log.reader import Counts, LogReader
from pytest_unikernel.targets.urunc.log.views import ReleaseFigures
from pytest_unikernel.text.grid import printable

PIECE_BYTES = 1 << 20
CANDIDATES_SHOWN = 10
SWITCHED_ON = (
    "urunc writes it with URUNC_TIMESTAMPS=1 in its environment (up to 0.6, /tmp/urunc.zlog) "
    "or [timestamps] in /etc/urunc/config.toml (from 0.7)"
)


class Log(NamedTuple):
    """The content of a log.

    Attributes:
        name: its path, as given.
        counts: its lines.
        containers: by containerID, in the order in which they first appear.
        releases: the lives of all containers, by line of releases, from the oldest line.
    """

    name: str
    counts: Counts
    containers: Mapping[str, ContainerLog]
    releases: Sequence[ReleaseFigures]

    def only(self, container_id: str) -> Log:
        """Return the part of the log that is of one container."""
        container = self.containers[container_id]
        wanted = set(container.lives)  # by identity
        kept = [
            ReleaseFigures(each.release, [life for life in each.lives if life in wanted])
            for each in self.releases
        ]
        return self._replace(
            containers={container_id: container}, releases=[each for each in kept if each.lives]
        )


def read_log(name: str, stream: BinaryIO) -> Log:
    """Read a log to its end.

    Raises:
        LogError: it is empty, or no line of it is a timestamp.
    """
    reader, lives = LogReader(), Lives()
    while piece := stream.read(PIECE_BYTES):
        lives.add(reader.feed(piece))
    lives.add(reader.finish())
    if not lives.containers:
        raise LogError(_without_stamps(name, reader.counts))
    releases = [ReleaseFigures(*each) for each in by_release(lives.containers).items()]
    return Log(name, reader.counts, lives.containers, releases)


def container_named(log: Log, wanted: str) -> str:
    """Return the containerID that equals the text, otherwise the only containerID that begins with it.

    Raises:
        LogError: there is none, or more than one; the text lists them.
    """
    if wanted in log.containers:
        return wanted
    found = [each for each in log.containers if each.startswith(wanted)] if wanted else []
    if len(found) == 1:
        return found[0]
    several = (
        f"expected a unique prefix of an id in {log.name!r}, got {wanted!r}; {len(found)} containers have it"
    )
    unknown = f"expected a container's id or a prefix of it, got {wanted!r}; {log.name!r} has"
    raise LogError(f"{several if found else unknown}: {_listed(found or list(log.containers))}")


def _listed(names: list[str]) -> str:
    shown = [printable(each) for each in names[:CANDIDATES_SHOWN]]
    more = len(names) - len(shown)
    return ", ".join([*shown, *([f"and {more:,} more"] if more else [])])


def _without_stamps(name: str, counts: Counts) -> str:
    if not counts.lines:
        return f"expected urunc's timestamps in {name!r}, got an empty log; {SWITCHED_ON}"
    return (
        f"expected urunc's timestamps in {name!r}, got {counted(counts.lines, 'other line')} "
        f"({foreign_text(counts)}); {SWITCHED_ON}"
    )


def counted(count: int, one: str, many: str = "") -> str:
    """Return a number of things: ``1 life``, ``2 lives``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def foreign_text(counts: Counts) -> str:
    """Return, in words, the kinds of the lines that are no timestamps."""
    kinds = {
        "not JSON": counts.not_json,
        "other JSON": counts.other_json,
        "malformed": counts.malformed,
        "incomplete": counts.incomplete,
    }
    return ", ".join(f"{count:,} {kind}" for kind, count in kinds.items() if count)
