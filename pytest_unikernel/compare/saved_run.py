"""Saved runs: reads the records of loads from pytest-benchmark's files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_unikernel.errors import CompareError
from pytest_unikernel.results import saved_file
from pytest_unikernel.results.comparison import MachineDifference
from pytest_unikernel.results.record.check import DAMAGED, Fault, checked


@dataclass(frozen=True)
class SavedRun:
    """The content of a saved run.

    Attributes:
        loads: the records of loads by the full names of their tests.
        machine: ``machine_info`` as pytest-benchmark and we wrote it.
    """

    path: Path
    loads: Mapping[str, Mapping[str, Any]]
    machine: Mapping[str, Any]


def read(path: Path) -> SavedRun:
    """Return the loads of a pytest-benchmark file.

    Raises:
        CompareError: the file cannot be read, is no pytest-benchmark file, or has no load; the text tells
            these apart.
    """
    document = _document(path)
    benches = document.get("benchmarks") if isinstance(document, dict) else None
    if not isinstance(benches, list):
        raise CompareError(f"{path}: expected a file of --benchmark-json or a saved run, got other JSON")
    loads = {
        name: load for number, bench in enumerate(benches, 1) for name, load in _load(path, number, bench)
    }
    if not loads:
        raise CompareError(
            f"{path}: expected records of loads, got {len(benches)} benchmarks without one; "
            "tests that use load_step or cold_start write them"
        )
    return SavedRun(path, loads, saved_file.machine_info(document))


def _document(path: Path) -> Any:
    try:
        return saved_file.document(path)
    except OSError as error:
        raise CompareError(f"expected a saved run, can't read {str(path)!r}: {error.strerror}") from error
    except ValueError as error:
        raise CompareError(f"{path}: expected JSON as --benchmark-json writes it: {error}") from error


def _load(path: Path, number: int, bench: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield a benchmark's name and record if it is a load."""
    extra = bench.get("extra_info") if isinstance(bench, Mapping) else bench
    load = extra.get("load") if isinstance(extra, Mapping) else extra
    if load is None:
        return
    name, found = (bench.get("fullname") if isinstance(bench, Mapping) else None), checked(load)
    if isinstance(found, Fault):
        raise CompareError(f"{path}, benchmark {number}: {found}; {DAMAGED}")
    if not isinstance(name, str):
        raise CompareError(f"{path}, benchmark {number}: expected a test's fullname, got {name!r}; {DAMAGED}")
    yield name, found


def machine_differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[MachineDifference]:
    """Return the facts in which two machines differ."""
    was, now = _facts(old), _facts(new)
    names = dict.fromkeys([*was, *now])
    return [
        MachineDifference(name, now.get(name), was.get(name))
        for name in names
        if now.get(name) != was.get(name)
    ]


def _facts(machine: Mapping[str, Any]) -> dict[str, str]:
    """Return the facts that figures depend on, flat; pytest-benchmark's own facts replace missing ones."""
    ours = machine.get("unikernel")
    if not isinstance(ours, dict):
        ours = {name: machine[name] for name in ("node", "machine", "release") if name in machine}
    flat = {key: value for key, value in ours.items() if not isinstance(value, dict)}
    nested = {
        f"{name}": text for value in ours.values() if isinstance(value, dict) for name, text in value.items()
    }
    return {key.replace("_", " "): str(value) for key, value in {**flat, **nested}.items()}
