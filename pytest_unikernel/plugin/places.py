"""The places that results are to go to, by pytest's options; each is tried before the first load."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from pytest_unikernel.errors import UnikernelError
from pytest_unikernel.plan.settings import SweepSettings
from pytest_unikernel.plugin import options
from pytest_unikernel.plugin.usage_error import SweepUsageError

Result = TypeVar("Result")


def check_directories(config: pytest.Config) -> None:
    """Try the directories, and the file, of our own options."""
    settings = options.settings(config)
    given = (
        ("--sweep-raw", settings.raw),
        ("--sweep-output", settings.output),
        ("--sweep-report", settings.report),
    )
    for option, directory in given:
        if directory is not None:
            check(option, directory)
    if settings.summary is not None:
        check("--sweep-summary", settings.summary, is_file=True)
    _check_raw_format(settings)


def _check_raw_format(settings: SweepSettings) -> None:
    from pytest_unikernel.bench.places import check_raw_format  # noqa: PLC0415 - loads only, not collection

    try:
        check_raw_format(settings.raw_format)
    except UnikernelError as error:
        raise SweepUsageError(str(error)) from error


def check_histogram(known: Any) -> None:
    """Refuse pictures that can't be drawn: pytest-benchmark looks for its library at the very end."""
    if not known.histogram:
        return
    try:
        import pytest_benchmark.histogram  # noqa: F401, PLC0415 - where it is asked for only
    except ImportError as error:
        raise SweepUsageError(
            f"--benchmark-histogram: pygal can't be imported ({error}); "
            "pip install 'pytest-benchmark[histogram]', or take the option away"
        ) from error
    check("--benchmark-histogram", Path(known.histogram).absolute().parent)


def files(known: Any) -> Iterator[tuple[str, Path]]:
    """Yield each file that pytest-benchmark will write, with its option."""
    if known.json:
        yield "--benchmark-json", json_path(known.json)
    name = known.save or known.autosave
    if name and is_on_disk(known.storage):
        option = "--benchmark-save" if known.save else "--benchmark-autosave"
        yield option, known.storage.get(f"0000_{name}.json")  # the number that the first file comes after


def json_path(json: Any) -> Path:
    """Return the path of ``--benchmark-json``; before 5.3 it is an open file."""
    return json if isinstance(json, Path) else Path(json.name)


def is_on_disk(storage: Any) -> bool:
    """Return whether a storage of saved runs is a directory."""
    return hasattr(storage, "path")


def check(option: str, path: Path, *, is_file: bool = False) -> None:
    """Refuse a place that takes no results."""
    from pytest_unikernel.results import destinations  # noqa: PLC0415 - loads only, not collection

    tried(option, path, destinations.check_file if is_file else destinations.check_directory)


def tried(option: str, path: Path, attempt: Callable[[Path], Result]) -> Result:
    """Return the result of an attempt at a place.

    Raises:
        SweepUsageError: it failed.
    """
    from pytest_unikernel.results import destinations  # noqa: PLC0415 - loads only, not collection

    try:
        return attempt(path)
    except (OSError, ValueError) as error:
        raise SweepUsageError(f"{option}: {destinations.refusal(path, error)}") from error
