"""How all containers with a label are removed, by a client that is played: engines go away and come back."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_unikernel.launch.cleanup import remove_containers

# A client whose containers are files; its first calls fail as often as the file "away" has lines.
CLIENT = """#!/bin/sh
here=$(dirname "$0")
echo "$@" >> "$here/calls"
if [ -s "$here/away" ]; then
    sed -i 1d "$here/away"
    echo "no daemon at the moment" >&2
    exit 1
fi
case "$1" in
ps) ls "$here/containers" ;;
rm) shift 2; cd "$here/containers" && rm -f "$@" ;;
esac
"""


class Engine:
    """The engine of that client."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.client = directory / "client"
        self.client.write_text(CLIENT)
        self.client.chmod(0o755)
        (directory / "containers").mkdir()

    def create(self, *names: str) -> None:
        """Add containers."""
        for name in names:
            (self.directory / "containers" / name).touch()

    def containers(self) -> list[str]:
        """Return what is there."""
        return sorted(each.name for each in (self.directory / "containers").iterdir())

    def go_away(self, calls: int) -> None:
        """Don't answer so often."""
        (self.directory / "away").write_text("once\n" * calls)

    def calls(self) -> list[list[str]]:
        """Return what was asked."""
        return [line.split() for line in (self.directory / "calls").read_text().splitlines()]

    def remove(self) -> int:
        """Do what a load's end does."""
        return remove_containers.main(["removecontainers.py", "mine=1", str(self.client), "rm", "--force"])


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.setattr(remove_containers, "PAUSE_S", 0.0)
    monkeypatch.setattr(remove_containers, "ASK_AGAIN_S", 0.0)
    return Engine(tmp_path)


def test_it_looks_until_nothing_is_found_twice(engine: Engine) -> None:
    engine.create("a", "b")
    assert engine.remove() == 0
    assert engine.containers() == []
    assert [call[0] for call in engine.calls()] == ["ps", "rm", "ps", "ps"]
    assert engine.calls()[0][-1] == "label=mine=1"


def test_many_are_removed_by_several_calls(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remove_containers, "MOST", 2)
    engine.create(*"abcde")
    assert engine.remove() == 0
    assert [len(call) - 2 for call in engine.calls() if call[0] == "rm"] == [2, 2, 1]


def test_an_engine_that_is_on_its_way_up_again_is_waited_for(engine: Engine) -> None:
    engine.create("a", "b")
    engine.go_away(3)
    assert engine.remove() == 0
    assert engine.containers() == []


def test_one_that_stays_away_is_told_with_what_removes_them_later(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(remove_containers, "SILENCE_S", 0.0)
    engine.create("a")
    engine.go_away(9)
    assert engine.remove() == 1
    said, _, cure = capsys.readouterr().err.partition("; later: ")
    listing = f"{engine.client} ps --all --quiet --filter label=mine=1"
    assert (said, cure) == ("no daemon at the moment", f"{engine.client} rm --force $({listing})\n")


def test_a_client_that_is_not_there_is_named(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(remove_containers, "SILENCE_S", 0.0)
    engine.client.unlink()
    assert engine.remove() == 1
    assert capsys.readouterr().err.startswith(f"{engine.client} does not answer; later: ")


def test_a_slow_engine_is_given_time_to_finish_what_it_was_asked_for() -> None:
    assert remove_containers.pause_s(0.01) == remove_containers.PAUSE_S
    assert remove_containers.pause_s(2.0) > 2.0
