"""``--sweep-summary``: at the end of a run, its outcome as Markdown, for the page of a CI job.

Registered only if the option is given. The file is appended to: GitHub's has what earlier commands of the
step have written.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_unikernel.plugin import baseline, benchmark, options
from pytest_unikernel.plugin.afterwards import Afterwards

if TYPE_CHECKING:
    from pytest_unikernel.run.run import Run
    from pytest_unikernel.text.step_summary import Outcome

NAME = "unikernel-step-summary"
OPTION = "--sweep-summary"


def configure(config: pytest.Config) -> None:
    """Watch the session, if a summary is asked for."""
    path = options.settings(config).summary
    if path is not None and not hasattr(config, "workerinput") and not config.option.collectonly:
        config.pluginmanager.register(StepSummary(config, path), NAME)


class StepSummary(Afterwards):
    """Writes the summary."""

    option, word = OPTION, "summary"

    def __init__(self, config: pytest.Config, path: Path) -> None:
        super().__init__(config)
        self._path = path

    def is_worth_it(self, run: Run) -> bool:
        """Return whether there is a load, or a target that could not run here."""
        return bool(run.entries or run.missing)

    def write(self, session: pytest.Session, run: Run) -> str:
        """Append as much as the page shows."""
        from pytest_unikernel.text.step_summary import MOST_BYTES, step_summary  # noqa: PLC0415 - the end of a run

        held = self._path.stat().st_size if self._path.is_file() else 0
        text = step_summary(outcome_of(session, run), max(0, MOST_BYTES - held))
        if not text:
            return f"{OPTION}: {str(self._path)!r} has no room: GitHub shows 1 MiB of a step at most"
        append(self._path, text)
        return f"summary: {self._path}"

    def why(self, error: Exception) -> str:
        """Return what went wrong, and for a system's error what helps."""
        from pytest_unikernel.results import destinations  # noqa: PLC0415 - the end of a run only

        return destinations.cause_and_cure(error) if isinstance(error, OSError) else super().why(error)


def append(path: Path, text: str) -> None:
    """Write a text at the end of a file, a device, or a pipe that is read.

    Raises:
        OSError: it can't be written.
    """
    from pytest_unikernel.results import destinations  # noqa: PLC0415 - the end of a run only

    if destinations.is_pipe(path):
        descriptor = destinations.open_pipe(path)
        os.set_blocking(descriptor, True)
    else:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - of a descriptor
        file.write(text.encode(errors="replace"))


def outcome_of(session: pytest.Session, run: Run) -> Outcome:
    """Return the run's loads, with what they were compared with."""
    from pytest_unikernel.text.step_summary import Outcome  # noqa: PLC0415 - the end of a run only

    config = session.config
    rows = [entry.row(benchmark.baseline(config, entry.fullname)) for entry in run.entries]
    found = baseline.existing(config)
    evidence = {} if found is None else baseline.evidence(found)
    return Outcome(rows, run.missing, _machine(), _compared(config), evidence, _notes(session, run))


def _compared(config: pytest.Config) -> list[str]:
    """Return what the comparison says of the run: worse, not worse, or that nothing could be tested."""
    failed, remarks = baseline.failure_lines(config), baseline.remark_lines(config)
    limits = options.settings(config).compare_fail
    if failed or remarks or not limits or baseline.existing(config) is None:
        return [line.removeprefix("ERROR: ").strip() for line in failed or remarks]
    return [f"Not worse than the baseline by more than {', '.join(map(str, limits))}"]


def _notes(session: pytest.Session, run: Run) -> list[str]:
    failed = session.testsfailed
    notes = [f"{failed} test{'' if failed == 1 else 's'} failed; the job's log says why"] if failed else []
    return [*(["The run was interrupted"] if run.interrupted else []), *notes]


def _machine() -> list[str]:
    from pytest_unikernel.host import facts  # noqa: PLC0415 - the end of a run only

    known = facts.facts()
    return [str(known[name]) for name in ("cpu_model", "kernel") if known.get(name)]
