"""The helper processes: they see, they draw, they end."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from realloads import alive, descriptors, until

from pytest_unikernel.errors import SessionError
from pytest_unikernel.launch.cleanup import reaper
from pytest_unikernel.launch.progress import Progress
from pytest_unikernel.run import session as session_module
from pytest_unikernel.run.session import Session


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """A terminal: the person's end and the programs' end."""
    person, program = os.openpty()
    os.set_blocking(person, False)
    yield person, program
    os.close(person)
    os.close(program)


@pytest.fixture
def drawn(terminal: tuple[int, int]) -> Iterator[Session]:
    """A session whose monitor draws on the terminal."""
    session = Session(terminal[1])
    yield session
    session.close()
    assert not session.directory.exists()


def read(descriptor: int) -> str:
    with contextlib.suppress(BlockingIOError):
        return os.read(descriptor, 1 << 16).decode()
    return ""


def descriptors_of(pid: int) -> dict[int, str]:
    held = {}
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            held[int(link.name)] = str(link.readlink())
    return held


def pids(session: Session) -> list[int]:
    return [session._reaper.pid, session._monitor.pid]


# the monitor --------------------------------------------------------------------------------------


def test_samples_arrive(session: Session) -> None:
    session.begin("a load")
    first = session.sample()
    assert until(lambda: session.sample().number > first.number + 1)
    sample = session.sample()
    assert sample.cpu_total_s > first.cpu_total_s
    assert 0 < sample.memory_available_min_bytes <= sample.memory_available_bytes
    assert sample.processes_max > 2


def test_extremes_begin_anew_with_each_load(session: Session) -> None:
    session.begin("a load")
    assert until(lambda: session.sample().number > 1)
    session.end()
    session.begin("another")
    assert session.sample().number <= 2


def test_the_line_of_a_load_is_drawn_and_taken_away(drawn: Session, terminal: tuple[int, int]) -> None:
    drawn.begin("linux_process 0.5s")
    drawn.progress(Progress(phase=2, in_flight=7))
    assert until(lambda: "7 in flight" in read(terminal[0]))
    read(terminal[0])
    drawn.end()
    assert read(terminal[0]).endswith("\x1b[B\r\x1b[2K\x1b8")


def stop(program: int) -> None:
    termios.tcflow(program, termios.TCOOFF)


def fill(program: int) -> None:
    os.set_blocking(program, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(program, b"full " * 1000)
    os.set_blocking(program, True)


@pytest.mark.parametrize("block", [stop, fill])
def test_a_terminal_that_takes_nothing_stops_neither_samples_nor_the_end(
    drawn: Session, terminal: tuple[int, int], block: object
) -> None:
    drawn.begin("a load")
    assert until(lambda: "a load" in read(terminal[0]))
    assert callable(block)
    block(terminal[1])
    seen = drawn.sample().number
    assert until(lambda: drawn.sample().number > seen + 3)
    drawn.end()
    monitor = drawn._monitor
    drawn.close()
    assert not alive(monitor.pid)
    termios.tcflow(terminal[1], termios.TCOON)


def test_the_terminals_own_descriptor_stays_as_it_was(terminal: tuple[int, int]) -> None:
    """The monitor's non-blocking mode would make pytest's own output fail; ``-s`` hands the terminal down."""
    os.set_inheritable(terminal[1], True)
    session = Session(terminal[1])
    session.begin("a load")
    assert until(lambda: read(terminal[0]))
    assert os.get_blocking(terminal[1])
    assert os.get_inheritable(terminal[1])
    session.close()


def test_a_monitor_that_somebody_ended_is_replaced_by_the_next_load(session: Session) -> None:
    session.begin("a load")
    os.kill(session._monitor.pid, signal.SIGKILL)
    assert until(lambda: not session._monitor.lives())
    session.end()
    session.begin("another")
    assert until(lambda: session.sample().number > 1)


def test_a_monitor_that_is_stopped_holds_up_no_load(session: Session) -> None:
    session.begin("a load")
    os.kill(session._monitor.pid, signal.SIGSTOP)
    session.end()
    session.begin("another")
    session.end()


# both ---------------------------------------------------------------------------------------------


def test_helpers_hold_nothing_of_ours_but_what_they_were_given(tmp_path: Path) -> None:
    with (tmp_path / "output").open("w") as output:
        os.set_inheritable(output.fileno(), True)
        session = Session()
        session.begin("a load")
        try:
            for pid in pids(session):
                assert until(partial(_only_mappings_beyond, 4, pid, session.directory))
                held = descriptors_of(pid)
                assert {held[number] for number in range(3)} == {os.devnull}
                assert held[3] == "anon_inode:[pidfd]"
                assert held[4].startswith("pipe:")
        finally:
            session.close()


def _only_mappings_beyond(last: int, pid: int, directory: Path) -> bool:
    return all(
        what.startswith(str(directory)) for number, what in descriptors_of(pid).items() if number > last
    )


def test_helpers_are_in_sessions_of_their_own(session: Session) -> None:
    assert [os.getsid(pid) for pid in pids(session)] == pids(session)


def test_helpers_end_when_they_are_told_to(session: Session) -> None:
    session.begin("a load")
    helpers = pids(session)
    session.close()
    assert not any(map(alive, helpers))
    assert not session.directory.exists()
    session.close()  # once more is once too often, and no error


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL])
def test_the_end_waits_for_no_helper_that_is_not_there(number: int) -> None:
    before = descriptors()
    session = Session()
    helpers = pids(session)
    for pid in helpers:
        os.kill(pid, number)
    session.close()
    assert not any(map(alive, helpers))
    assert not session.directory.exists()
    assert descriptors() == before


def test_a_helper_that_cannot_be_started_is_an_error_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = descriptors()
    monkeypatch.setattr(session_module, "_parent", lambda: str(tmp_path))
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    with pytest.raises(SessionError, match=r"can't start the reaper \(/nonexistent/python\): No such file"):
        Session()
    assert descriptors() == before
    assert not list(tmp_path.iterdir())


def test_a_crowded_process_can_have_helpers(monkeypatch: pytest.MonkeyPatch) -> None:
    """No descriptor is overwritten before it is handed over, for any numbers of the descriptors."""
    crowd = [os.open(os.devnull, os.O_RDONLY) for _ in range(300)]
    try:
        for descriptor in crowd[::7]:
            os.close(descriptor)
        session = Session()
        session.begin("a load")
        assert until(lambda: session.sample().number > 1)
        session.close()
    finally:
        for descriptor in set(crowd) - set(crowd[::7]):
            os.close(descriptor)


# the reaper ---------------------------------------------------------------------------------------


class Orphanage:
    """A reaper that watches over a process which stands for pytest."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "removals").mkdir(parents=True)
        self.pytest = subprocess.Popen(["/bin/sleep", "1000"], start_new_session=True)
        pidfd = os.pidfd_open(self.pytest.pid)
        read_end, self.pipe = os.pipe()
        argv = [
            sys.executable,
            "-I",
            "-S",
            str(reaper.__file__),
            str(pidfd),
            str(read_end),
            str(directory),
            "f" * 32,
        ]
        self.reaper = subprocess.Popen(argv, pass_fds=(pidfd, read_end), stdin=subprocess.DEVNULL)
        os.close(pidfd)
        os.close(read_end)

    def end(self) -> None:
        self.pytest.kill()
        self.pytest.wait()
        assert self.reaper.wait(timeout=20) == 0


@pytest.fixture
def orphanage(tmp_path: Path) -> Iterator[Orphanage]:
    made = Orphanage(tmp_path / "private")
    yield made
    made.end()
    os.close(made.pipe)


def test_written_down_commands_are_run_and_failing_ones_do_not_matter(
    orphanage: Orphanage, tmp_path: Path
) -> None:
    commands = {
        "1": ["/nonexistent"],
        "2": [],
        "3": ["false"],
        "4": ["touch", str(tmp_path / "it's done; rm -r")],
    }
    for name, argv in commands.items():
        command = json.dumps({"argv": argv, "env": {"PATH": os.environ["PATH"]}})
        (orphanage.directory / "removals" / name).write_text(command)
    (orphanage.directory / "removals" / "0").write_text("cut sho")
    orphanage.end()
    assert (tmp_path / "it's done; rm -r").exists()
    assert not orphanage.directory.exists()


def test_after_a_goodbye_nothing_is_touched(orphanage: Orphanage) -> None:
    os.write(orphanage.pipe, b"!")
    orphanage.end()
    assert orphanage.directory.exists()


def test_a_link_in_the_directory_is_removed_and_not_what_it_leads_to(
    orphanage: Orphanage, tmp_path: Path
) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").touch()
    (orphanage.directory / "link").symlink_to(tmp_path / "precious")
    (orphanage.directory / "deep").mkdir()
    (orphanage.directory / "deep" / "link").symlink_to(tmp_path / "precious")
    orphanage.end()
    assert (tmp_path / "precious" / "file").exists()
    assert not orphanage.directory.exists()
