"""Reads saved results without their samples, which neither reports nor comparisons need.

A ``--benchmark-json`` file holds every response time, about 30 bytes per launch. The samples are cut out
before the text is parsed, which is faster than any parser.
"""

from __future__ import annotations

import json
import mmap
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pytest_unikernel.results.record.check import is_deep
from pytest_unikernel.results.size import read_bounded, refuse_too_large

SAMPLES = b'"data"'
WHITE = b" \t\r\n"
Content = mmap.mmap | bytes


def document(path: Path) -> Any:
    """Return the JSON of a file, with each array of samples empty.

    Raises:
        OSError: the file cannot be read; devices, pipes without a writer and files that would fill the
            memory are refused.
        ValueError: the content is no JSON.
    """
    try:
        return json.loads(without_samples(_content(path)))
    except RecursionError:
        raise ValueError("its values are nested too deeply") from None


def machine_info(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a saved run's ``machine_info``; empty if it is damaged."""
    machine = document.get("machine_info")
    return machine if isinstance(machine, dict) and not is_deep(machine) else {}


def _content(path: Path) -> Content:
    # A blocking open would wait for a pipe's writer without end; this way the pipe is empty.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with open(descriptor, "rb") as stream:  # noqa: PTH123 - a descriptor, no path
        status = os.fstat(descriptor)
        mode = status.st_mode
        if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):  # may never end
            raise OSError(0, "it is a device")
        refuse_too_large(status.st_size)
        os.set_blocking(descriptor, True)
        try:
            return mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError):  # a pipe, a directory, or nothing in it
            return read_bounded(stream)


def without_samples(content: Content) -> bytes:
    """Return JSON with empty arrays in place of the arrays of numbers named ``data``: most of a file.

    An array that holds anything but numbers stays. Strings are not touched: inside a string, a backslash
    precedes the first quote of the name.
    """
    kept, place = [], 0
    for begin, end in _samples(content):
        kept += [content[place:begin], b"[]"]
        place = end
    return b"".join((*kept, content[place:]))


def _samples(content: Content) -> Iterator[tuple[int, int]]:
    """Yield the begin and the end of each array of samples."""
    place = content.find(SAMPLES)
    while place >= 0:
        after = place + len(SAMPLES)
        colon = _skip(content, after)
        begin = _skip(content, colon + 1)
        marks = content[colon : colon + 1] + content[begin : begin + 1]
        if content[place - 1 : place] != b"\\" and marks == b":[":
            end = content.find(b"]", begin) + 1
            if end and not any(content.find(mark, begin + 1, end) >= 0 for mark in (b'"', b"[", b"{")):
                yield begin, end
                after = end
        place = content.find(SAMPLES, after)


def _skip(content: Content, place: int) -> int:
    while content[place : place + 1] and content[place] in WHITE:
        place += 1
    return place
