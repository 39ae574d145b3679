"""A finding about this host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pytest_unikernel.host.bounds import Cap

# yes, no: it works, or is there and does not; absent: it is not installed, or the hardware lacks it.
# quiet, noisy: a disturbance that is not, or is, at work. unknown: this host does not show it.
State = Literal["yes", "no", "absent", "quiet", "noisy", "unknown"]
NEEDS_CURE = ("no", "absent", "noisy")


@dataclass(frozen=True)
class Check:
    """The finding about one subject.

    Attributes:
        name: the subject; stable, the key in JSON.
        reason: the finding; the cause, where it is a no.
        cure: the command or step that mends it.
        effect: the effect on figures, in a phrase.
        facts: the figures behind it, in seconds, hertz and bytes; keys are stable.
        cap: the most instances of a target in flight; the facts have it in words.

    Raises:
        ValueError: a no without a reason or a cure.
    """

    name: str
    state: State
    reason: str = ""
    cure: str = ""
    effect: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    cap: Cap | None = None

    def __post_init__(self) -> None:
        if self.state in NEEDS_CURE and not (self.reason and self.cure):
            raise ValueError(f"{self.name}: expected a reason and a cure with {self.state!r}, got {self!r}")

    def as_json(self) -> dict[str, Any]:
        """Return the check as JSON knows it; its name is the key."""
        return {
            "state": self.state,
            "reason": self.reason,
            "cure": self.cure,
            "effect": self.effect,
            "facts": dict(self.facts),
        }
