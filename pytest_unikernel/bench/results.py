"""The results that ``Bench`` returns: for scripts values, for people text, for notebooks HTML and frames."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

from pytest_unikernel.bench.wording import KEYWORDS
from pytest_unikernel.results.knee import Knee, cores_of, find_knee
from pytest_unikernel.results.launch_rows import COLUMNS, launch_rows
from pytest_unikernel.results.result import LoadResult
from pytest_unikernel.results.skips import SkippedStep
from pytest_unikernel.results.trial import Trial
from pytest_unikernel.run.joining import Measured
from pytest_unikernel.text.row import Row


@dataclass(frozen=True)
class BenchResult(LoadResult):
    """A :class:`~pytest_unikernel.LoadResult` with its launches.

    Attributes:
        fullname: the load's name in what :meth:`Bench.save` writes.
        problems: what went wrong beside the measurement, such as raw data that could not be written.
        trials_run: the launches, trial by trial; empty for a load that was read back or found by a search.
    """

    fullname: str = ""
    problems: Sequence[str] = ()
    trials_run: Sequence[Trial] = field(default=(), repr=False, compare=False)

    @classmethod
    def of(cls, measured: Measured, fullname: str) -> BenchResult:
        """Return the result of a load."""
        known = {name: getattr(measured.result, name) for name in LoadResult.__dataclass_fields__}
        return cls(**known, fullname=fullname, problems=measured.problems, trials_run=measured.trials)

    def launches(self) -> Iterator[dict[str, Any]]:
        """Yield a row per launch; seconds count from the begin of its trial's window."""
        return launch_rows(self.target, self.time_step_s, self.trials_run)

    def to_pandas(self) -> Any:
        """Return a ``DataFrame`` with a row per launch; one row of figures if the launches aren't known.

        Raises:
            LoadError: pandas is not installed.
        """
        from pytest_unikernel.results.flat import data_frame  # noqa: PLC0415 - frames only

        return data_frame(self.launches(), COLUMNS) if self.trials_run else super().to_pandas()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self}>"

    def __str__(self) -> str:
        from pytest_unikernel.text.run_summary import load_line  # noqa: PLC0415 - text only

        return load_line(self.as_json())

    def _repr_html_(self) -> str:
        from pytest_unikernel.bench.notebook import html_of  # noqa: PLC0415 - notebooks only

        return html_of([(self.fullname, self.as_json())], str(self))


class Sweep(Sequence[BenchResult]):
    """The loads of a sweep, from the slowest time step to the fastest that was run.

    Attributes:
        series: the name that its loads share.
        planned: the number of loads if none is skipped.
        skipped: the steps that were not run, and why.
        search: the result of the search for the knee, if there was one.
    """

    def __init__(self, series: str, planned: int) -> None:
        self.series = series
        self.planned = planned
        self.skipped: list[SkippedStep] = []
        self.search: BenchResult | None = None
        self.rows: list[Row] = []
        self._results: list[BenchResult] = []

    def add(self, result: BenchResult) -> None:
        """Add the load of the next step."""
        self._results.append(result)

    @overload
    def __getitem__(self, index: int) -> BenchResult: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[BenchResult]: ...
    def __getitem__(self, index: int | slice) -> BenchResult | Sequence[BenchResult]:
        return self._results[index]

    def __len__(self) -> int:
        return len(self._results)

    @property
    def interrupted(self) -> bool:
        """Whether a load was cut short."""
        return any(load.interrupted for load in self.loads)

    @property
    def loads(self) -> list[BenchResult]:
        """The loads of all steps, and the result of the search."""
        return [*self._results, *([] if self.search is None else [self.search])]

    @property
    def knee(self) -> Knee:
        """The fastest step that was ok, with the first that was not; after a search its estimate."""
        return find_knee(self.records())

    def records(self) -> list[Mapping[str, Any]]:
        """Return the record of each load."""
        return [load.as_json() for load in self.loads]

    def to_pandas(self) -> Any:
        """Return a ``DataFrame`` with a row per time step: the single values of its record.

        Raises:
            LoadError: pandas is not installed.
        """
        from pytest_unikernel.results.flat import data_frame, flat  # noqa: PLC0415 - frames only

        return data_frame(flat(load.as_json()) for load in self._results)

    def __str__(self) -> str:
        from pytest_unikernel.text.run_summary import report  # noqa: PLC0415 - text only

        lines = report(self.rows, self.skipped, verbose=True)
        return KEYWORDS.without_pytest("\n".join(lines).rstrip())

    def __repr__(self) -> str:
        return f"<Sweep {self.series}: {len(self)} loads>"

    def _repr_html_(self) -> str:
        from pytest_unikernel.bench.notebook import html_of  # noqa: PLC0415 - notebooks only
        from pytest_unikernel.text.knee import knee_text  # noqa: PLC0415 - notebooks only

        knee = knee_text(self.knee, cores_of(self.records())) if self.loads else ""
        return html_of(
            [(each.fullname, each.as_json()) for each in self.loads], str(self), f"{self.series}: {knee}"
        )
