"""The outcomes of a launch and their codes in the launch log."""

from __future__ import annotations

from enum import IntEnum


class Outcome(IntEnum):
    """The outcome of a launch; SPAWN_ERROR and all later members are reasons of failures."""

    UNFINISHED = 0
    COMPLETED = 1
    DROPPED = 2
    SPAWN_ERROR = 3
    EXIT_CODE = 4
    SIGNAL = 5
    NOT_READY = 6
    TIMEOUT = 7
    GUEST_PANIC = 8
    KVM_ERROR = 9
    DAEMON_ERROR = 10
    KILLED = 11

    @property
    def reason(self) -> str:
        """The word in the record: ``exit-code``."""
        return self.name.lower().replace("_", "-")


FAILURES = tuple(outcome for outcome in Outcome if outcome >= Outcome.SPAWN_ERROR)
OUTCOME_OF_REASON = {outcome.reason: outcome for outcome in FAILURES}
