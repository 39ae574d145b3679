"""A launch in flight: the state that every supervisor of real instances keeps."""

from __future__ import annotations

from pytest_unikernel.launch.output import TAIL_BYTES, Sink, Watch
from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.plan.target_fields import Instance
from pytest_unikernel.results.launches import LaunchLog


class InFlight:
    """The state of one launch from its start to its end.

    Attributes:
        index: its row in the log.
        log: the rows of its trial.
        ended_as: its outcome, where that is known before the exit.
        tail: the end of its output, ``tail_bytes`` at most.
        watch: searches its output for the target's patterns; None if there are none.
        sink: the file of its whole output; None if there is none.
    """

    __slots__ = (
        "ended_as",
        "index",
        "instance",
        "is_ready",
        "log",
        "sink",
        "tail",
        "tail_bytes",
        "watch",
    )

    def __init__(self, index: int, log: LaunchLog, instance: Instance) -> None:
        self.index = index
        self.log = log
        self.instance = instance
        self.is_ready = False
        self.ended_as: Outcome | None = None
        self.tail = b""
        self.tail_bytes = TAIL_BYTES
        self.watch: Watch | None = None
        self.sink: Sink | None = None

    def take(self, data: bytes) -> None:
        """Keep the end of new output, and pass all of it on."""
        most = self.tail_bytes
        self.tail = data[-most:] if len(data) >= most else (self.tail + data)[-most:]
        if self.watch is not None:
            self.watch.feed(data)
        if self.sink is not None:
            self.sink.write(data)
