"""The origin of a setting's value."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Source(Enum):
    """A source of settings; the value is the source's name in messages."""

    COMMAND_LINE = "command line"
    MARKER = "marker"
    CALL = "keyword"
    BENCH = "keyword of Bench"
    INI_FILE = "ini file"
    DEFAULT = "default"


class Origin(NamedTuple):
    """The origin of a value.

    Attributes:
        source: who gives it.
        test: of a marker, the node id that it stands on.
        profile: the profile that has the value, where the source only names the profile.
    """

    source: Source
    test: str = ""
    profile: str = ""

    def __str__(self) -> str:
        """Return the origin as errors and the header of a run name it."""
        name = f"{self.source.value} on {self.test}" if self.test else self.source.value
        return f"profile {self.profile} ({name})" if self.profile else name


COMMAND_LINE, INI_FILE, DEFAULT = map(Origin, (Source.COMMAND_LINE, Source.INI_FILE, Source.DEFAULT))
CALL, BENCH = Origin(Source.CALL), Origin(Source.BENCH)
