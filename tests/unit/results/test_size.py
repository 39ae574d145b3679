from __future__ import annotations

from pathlib import Path

import pytest

from pytest_unikernel.commands import main
from pytest_unikernel.errors import LoadError
from pytest_unikernel.results import size
from pytest_unikernel.run import resumed

TELLS = "it has 6.0 GiB, more than the 1 GiB that are read; split it, or cut it"


@pytest.fixture
def big(tmp_path: Path) -> Path:
    """A sparse file of 6 GiB that begins as each of the formats might."""
    path = tmp_path / "rust-results-r4.txt"
    with path.open("wb") as file:
        file.write(b'{"benchmarks": [')
        file.truncate(6 << 30)
    return path


@pytest.mark.parametrize(
    "words", [["compare", "BIG", "BIG"], ["report", "BIG", "-o", "out"], ["import", "BIG", "-o", "-"]]
)
def test_a_file_that_would_fill_the_memory_is_refused(
    big: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main([word.replace("BIG", str(big)) for word in words]) == 2
    said = capsys.readouterr().err
    assert TELLS in said
    assert said.count("\n") == 1


def test_a_journal_that_would_fill_the_memory_is_refused(big: Path) -> None:
    with pytest.raises(LoadError, match=r"it has 6\.0 GiB, more than"):
        resumed.read(big)


def test_a_stream_is_read_no_further_than_the_most(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(size, "MOST_BYTES", 10)
    with Path("/dev/zero").open("rb") as stream, pytest.raises(OSError, match="more than"):
        size.read_bounded(stream)


def test_no_memory_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def no_memory(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("pytest_unikernel.results.saved_file.document", no_memory)
    (tmp_path / "a.json").touch()
    assert main.main(["compare", str(tmp_path / "a.json"), str(tmp_path / "a.json")]) == 1
    assert "out of memory; give it more" in capsys.readouterr().err
