"""Removal of containers by fake clients: engines go away and come back, runtimes refuse."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pytest_unikernel.launch.cleanup import remove

# A client whose containers are files; its first calls fail as often as the file "away" has lines.
CLIENT = """#!/bin/sh
here=$(dirname "$0")
echo "$@" >> "$here/calls"
if [ -s "$here/away" ]; then
    sed -i 1d "$here/away"
    echo "no daemon at the moment" >&2
    exit 1
fi
case "$1 $2" in
ps*|"containers list") ls "$here/containers" ;;
rm*|"containers delete") shift 2; cd "$here/containers" && rm -f "$@" ;;
esac
"""
# A runtime, or a launcher of urunc's, that deletes what is named last unless it is called "stubborn".
RUNTIME = """#!/bin/sh
here=$(dirname "$0")
echo "$@" >> "$here/calls"
for name; do :; done
[ "$name" != stubborn ] || { echo "can't delete $name" >&2; exit 1; }
rm -rf "$here/root/$name" "$here/bundles/$name"
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
        return remove.main(["engine", "mine=1", str(self.client), "rm", "--force"])


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.setattr(remove, "PAUSE_S", 0.0)
    monkeypatch.setattr(remove, "ASK_AGAIN_S", 0.0)
    return Engine(tmp_path)


def test_it_looks_until_nothing_is_found_twice(engine: Engine) -> None:
    engine.create("a", "b")
    assert engine.remove() == 0
    assert engine.containers() == []
    assert [call[0] for call in engine.calls()] == ["ps", "rm", "ps", "ps"]
    assert engine.calls()[0][-1] == "label=mine=1"


def test_many_are_removed_by_several_calls(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remove, "MOST", 2)
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
    monkeypatch.setattr(remove, "SILENCE_S", 0.0)
    engine.create("a")
    engine.go_away(9)
    assert engine.remove() == 1
    said, _, cure = capsys.readouterr().err.partition("; later: ")
    listing = f"{engine.client} ps --all --quiet --no-trunc --filter label=mine=1"
    assert (said, cure) == ("no daemon at the moment", f"{engine.client} rm --force $({listing})\n")


def test_a_client_that_is_not_there_is_named(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(remove, "SILENCE_S", 0.0)
    engine.client.unlink()
    assert engine.remove() == 1
    assert capsys.readouterr().err.startswith(f"{engine.client} does not answer; later: ")


def test_a_slow_engine_is_given_time_to_finish_what_it_was_asked_for() -> None:
    assert remove.pause_s(0.01) == remove.PAUSE_S
    assert remove.pause_s(2.0) > 2.0


def test_containers_of_containerd_are_removed_with_their_tasks(engine: Engine) -> None:
    engine.create("a", "b")
    assert remove.main(["ctr", "mine", "token", str(engine.client)]) == 0
    assert engine.containers() == []
    listing = ["containers", "list", "--quiet", 'labels."mine"==token']
    removals = [["tasks", "delete", "--force", "a", "b"], ["containers", "delete", "a", "b"]]
    assert engine.calls() == [listing, *removals, listing, listing]


def test_a_containerd_that_does_not_answer_is_told_at_once_with_a_cure_for_a_shell(
    engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.go_away(1)
    assert remove.main(["ctr", "mine", "token", str(engine.client)]) == 1
    listing = f"{engine.client} containers list --quiet 'labels.\"mine\"==token'"
    calls = (
        f"{engine.client} {words} $({listing})" for words in ("tasks delete --force", "containers delete")
    )
    assert capsys.readouterr().err == f"no daemon at the moment; later: {'; '.join(calls)}\n"


def test_containers_that_are_named_are_removed_and_no_others(engine: Engine) -> None:
    engine.create("a", "b", "c")
    assert remove.main(["ctr-ids", str(engine.client), "a", "c"]) == 0
    assert engine.containers() == ["b"]


class Runtime:
    """A runtime's root and bundles, as directories."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.program = directory / "runtime"
        self.program.write_text(RUNTIME)
        self.program.chmod(0o755)
        self.root, self.bundles = directory / "root", directory / "bundles"

    def create(self, place: Path, *names: str) -> None:
        """Add what stands for containers."""
        for name in names:
            (place / name).mkdir(parents=True)

    def calls(self) -> list[str]:
        """Return what was asked."""
        return (self.directory / "calls").read_text().splitlines()


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    return Runtime(tmp_path)


def test_a_runtime_deletes_every_container_of_its_root_and_its_own_files_are_none(runtime: Runtime) -> None:
    runtime.create(runtime.root, "b", "a")
    (runtime.root / "lock").touch()
    assert remove.main(["runtime", str(runtime.root), str(runtime.program), "--debug"]) == 0
    called = f"--debug --root {runtime.root} delete --force"
    assert runtime.calls() == [f"{called} a", f"{called} b"]
    assert [each.name for each in runtime.root.iterdir()] == ["lock"]


def test_a_container_that_a_runtime_does_not_delete_is_named(
    runtime: Runtime, capfd: pytest.CaptureFixture[str]
) -> None:
    runtime.create(runtime.root, "a", "stubborn")
    assert remove.main(["runtime", str(runtime.root), str(runtime.program)]) == 1
    assert capfd.readouterr().err == f"can't delete stubborn\n{runtime.program} did not delete stubborn\n"


def test_a_root_that_was_never_made_holds_no_containers(runtime: Runtime) -> None:
    assert remove.main(["runtime", str(runtime.root), str(runtime.program)]) == 0


def test_what_has_a_bundle_or_a_state_is_removed_by_uruncs_launcher_once(runtime: Runtime) -> None:
    runtime.create(runtime.root, "a", "b")
    runtime.create(runtime.bundles, "b", "c")
    place = [str(runtime.root), str(runtime.bundles)]
    assert remove.main(["urunc", str(runtime.program), "/bin/urunc", *place]) == 0
    assert runtime.calls() == [f"remove /bin/urunc {' '.join(place)} {name}" for name in "abc"]
    assert [*runtime.root.iterdir(), *runtime.bundles.iterdir()] == []


def test_its_command_line_runs_it_without_this_package(runtime: Runtime) -> None:
    runtime.create(runtime.root, "a")
    command = remove.argv("runtime", str(runtime.root), str(runtime.program))
    assert command[1:3] == ("-I", "-S")  # no site: not even an installed package could be imported
    assert subprocess.run(command, check=False).returncode == 0
    assert list(runtime.root.iterdir()) == []
