"""Whether a file holds results: read back from where it was written, and on the disk."""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pytest_unikernel.results import destinations, saved_file

Benchmark = tuple[str, Mapping[str, Any]]  # the test's full name, the record of its load


def doubt(path: Path, benchmarks: Iterable[Benchmark]) -> str:
    """Return why a saved file isn't known to hold these benchmarks; empty if it does and is on the disk."""
    try:
        _synchronize(path)
        found = _held(saved_file.document(path))
    except OSError as error:
        return f"{str(path)!r} can't be read back: {error.strerror or error}"
    except (ValueError, RecursionError, MemoryError) as error:
        return f"{str(path)!r} can't be read back: {error or type(error).__name__}"
    missing = Counter(map(_key, benchmarks)) - found
    return next((f"{str(path)!r} lacks the load of {name}" for name, _ in missing), "")


def _synchronize(path: Path) -> None:
    """Wait until a file and its name are on the disk.

    Raises:
        OSError: it is no file, or it can't be written.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(0, "it is no regular file")
    for each in (path, path.parent):
        descriptor = os.open(each, os.O_RDONLY | os.O_CLOEXEC)
        try:
            with contextlib.suppress(OSError) if each is not path else contextlib.nullcontext():
                destinations.synchronize(descriptor)  # not every file system has it for directories
        finally:
            os.close(descriptor)


def _held(document: Any) -> Counter[tuple[str, str]]:
    benchmarks = document.get("benchmarks") if isinstance(document, dict) else None
    found: Counter[tuple[str, str]] = Counter()
    for each in benchmarks if isinstance(benchmarks, list) else []:
        extra = each.get("extra_info") if isinstance(each, dict) else None
        if isinstance(extra, dict) and "load" in extra:
            found[_key((str(each.get("fullname")), extra["load"]))] += 1
    return found


def _key(benchmark: Benchmark) -> tuple[str, str]:
    """Return a name and its record as text: figures that are no numbers equal themselves there."""
    return benchmark[0], json.dumps(benchmark[1], sort_keys=True)
