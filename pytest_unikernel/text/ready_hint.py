"""A hint for targets of which no launch completed: does the output say that a server was ready? Pure."""

from __future__ import annotations

import re

from pytest_unikernel.plan.readiness import Event, Exit, Line, Port
from pytest_unikernel.plan.target_fields import TargetFields
from pytest_unikernel.results.record import Record
from pytest_unikernel.text.grid import printable

REASONS = frozenset({"timeout", "not-ready"})
# What servers print when they are ready, the most telling first. The match is proposed for Line(), so it has
# nothing that differs from run to run.
PHRASES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\b(ready|waiting|listening) (to accept|for) (new )?connections\b",  # Redis, PostgreSQL, MariaDB
        r"\baccepting connections\b",
        r"\b(serving|listening|running) (https? )?(on|at)\b",  # Python, nginx, gunicorn, Uvicorn, Flask
        r"\b(server|service|daemon) (is |has )?(now )?(started|running|ready|listening|up)\b",
        r"\b(startup|start-up|boot|initialization) (is )?(complete|completed|finished|done)\b",
        r"\b(started|ready) (\S+ ){0,3}in(?= [0-9])",  # Spring: Started App in 2.1 seconds
        r"\bready to (serve|handle|process)\b",
        r"\b(is |now |and )?ready\b(?= *[.!]* *$)",
        r"\bstarted\b(?= *[.!]* *$)",
        r"\blogin:(?= *$)",
    )
)
# A line that says the contrary, or that something else is awaited.
CONTRARY = re.compile(
    r"\b(not|never|fail\w*|errors?|cannot|can't|unable|until|when|waiting for (?!\w* ?conn)\w+)\b",
    re.IGNORECASE,
)


def ready_phrase(output: str) -> str | None:
    """Return the part of an output that says that a server is ready; None if nothing does.

    Of several the most telling one counts, and of its kind the last.
    """
    lines = [line for line in output.splitlines() if not CONTRARY.search(line)]
    for phrase in PHRASES:
        for line in reversed(lines):
            match = phrase.search(line)
            if match:
                return match[0].strip()
    return None


def hint_line(target: TargetFields, load: Record) -> str:
    """Return the hint on a load as a line; empty where there is none."""
    output = next((each["output_tail"] for each in load["failures"]), "")
    hint = ready_hint(target, load["failed"], output)
    return f"hint: {hint}" if hint else ""


def ready_hint(target: TargetFields, failed: Record, output: str) -> str:
    """Return what may be wrong with a target's readiness; empty where nothing is known.

    Args:
        target: the target, of which no launch completed.
        failed: the number of launches by their reason.
        output: the end of the output of the first that failed.
    """
    if not REASONS & set(failed):
        return ""
    phrase = ready_phrase(output)
    ready = target.ready
    if phrase is None:
        return _never_exited() if isinstance(ready, Exit) else ""
    said, line = f"its output has {printable(phrase)!r}", f"ready=Line({printable(phrase)!r})"
    if isinstance(ready, Exit):
        return f"{said}: a server, which goes on running, is ready by that: long_lived=True, {line}"
    if isinstance(ready, Port):
        return (
            f"{said}, but nothing answered at its {ready}; is that the port and address that it listens at?"
        )
    if isinstance(ready, (Line, Event)) and target.long_lived:
        return f"{said}, but not what is waited for ({ready}); if that means that it is ready: {line}"
    return f"{said}; if it goes on running when it is ready, it is long_lived=True"


def _never_exited() -> str:
    return (
        "it did not exit; a server, which goes on running, is long_lived=True, with its readiness: "
        "ready=Port(), Http(), Line('…') or Event('…')"
    )
