"""What was saved, read back."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import finishedrun
import pytest

from pytest_unikernel.results.proof import doubt

DOCUMENT = finishedrun.document()
GIVEN = [(each["fullname"], each["extra_info"]["load"]) for each in DOCUMENT["benchmarks"]]


def saved(tmp_path: Path, document: Any) -> Path:
    path = tmp_path / "o.json"
    path.write_text(json.dumps(document, indent=4))
    return path


def test_a_file_that_holds_every_load_leaves_no_doubt(tmp_path: Path) -> None:
    assert doubt(saved(tmp_path, DOCUMENT), GIVEN) == ""


def test_other_benchmarks_beside_them_are_no_matter(tmp_path: Path) -> None:
    other = {"fullname": "x", "extra_info": {}, "stats": {"data": [1.0]}}
    document = {**DOCUMENT, "benchmarks": [other, None, *DOCUMENT["benchmarks"]]}
    assert doubt(saved(tmp_path, document), GIVEN) == ""


def test_figures_that_are_no_numbers_equal_themselves(tmp_path: Path) -> None:
    path = saved(tmp_path, {"benchmarks": [{"fullname": "x", "extra_info": {"load": {"p50": float("nan")}}}]})
    assert doubt(path, [("x", {"p50": float("nan")})]) == ""


def test_a_load_that_is_missing_is_named(tmp_path: Path) -> None:
    document = {**DOCUMENT, "benchmarks": DOCUMENT["benchmarks"][1:]}
    assert doubt(saved(tmp_path, document), GIVEN).endswith(f"lacks the load of {GIVEN[0][0]}")


def test_a_load_that_was_run_twice_must_be_there_twice(tmp_path: Path) -> None:
    assert "lacks the load" in doubt(saved(tmp_path, DOCUMENT), [*GIVEN, GIVEN[0]])


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"benchmarks": 3}', "[" * 9999, "\x00"])
def test_whatever_else_the_file_holds_is_doubted(tmp_path: Path, content: str) -> None:
    path = tmp_path / "o.json"
    path.write_text(content)
    assert doubt(path, GIVEN)


def test_no_file_is_doubted(tmp_path: Path) -> None:
    assert doubt(tmp_path / "none", GIVEN).endswith("can't be read back: No such file or directory")
    assert doubt(tmp_path, GIVEN).endswith("can't be read back: it is no regular file")


def test_a_disk_that_refuses_in_the_end_is_doubted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(descriptor: int) -> None:
        raise OSError(5, os.strerror(5))

    monkeypatch.setattr(os, "fsync", refused)
    assert doubt(saved(tmp_path, DOCUMENT), GIVEN).endswith("can't be read back: Input/output error")


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOSYS, errno.EINVAL])
def test_a_host_that_cannot_synchronize_a_file_raises_no_doubt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refused(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refused)
    assert doubt(saved(tmp_path, DOCUMENT), GIVEN) == ""


def test_a_file_that_does_not_reach_the_disk_raises_doubt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", failing)
    assert "Input/output error" in doubt(saved(tmp_path, DOCUMENT), GIVEN)
