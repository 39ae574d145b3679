"""However pytest ends in mid-sweep, nothing of it is left, and nothing foreign is touched."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from realloads import alive, as_nobody, command_of, heed_signals, mentioning, until

from pytest_unikernel.launch.cleanup import leftovers, reaper

GONE_WITHIN_S = 20.0  # a bound: a second where the machine is quiet
MANY = 100

# Every instance says who it is, and leaves a daemon behind.
LINE = (
    'setsid sleep 1000 & echo "$UNIKERNEL_SESSION $UNIKERNEL_DIR" >> "$STARTED"; '
    'touch "$UNIKERNEL_DIR/x"; exec "$SLEEPER" 1000'
)
SWEEP = f"""
import os, time
from pathlib import Path
import pytest
from pytest_unikernel import Target

QUICK = dict(time_steps=[0.005], warmup=0, window=60)

@pytest.fixture
def forked():
    pid = os.fork()
    if not pid:
        with open(os.environ["WORKER"], "a") as workers:
            print(os.getpid(), file=workers, flush=True)
        time.sleep(1000)
        os._exit(0)

def test_session_begins(cold_start):
    cold_start(Target("first", ["/bin/true"]), launches=1)

@pytest.mark.load_sweep(**QUICK)
def test_plain(load_step):
    load_step(Target("many", ["/bin/sh", "-c", {LINE!r}]))

@pytest.mark.load_sweep(**QUICK)
def test_forked(forked, load_step):
    load_step(Target("many", ["/bin/sh", "-c", {LINE!r}]))
"""


class Sweep:
    """A run of pytest in a process of its own, in mid-sweep once ``begun`` has returned."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.started = directory / "started"
        self.worker = directory / "worker"
        self.token = self.private = ""
        self.sleeper = "/bin/sleep"
        self.most_in_flight = 150
        self.process: subprocess.Popen[bytes]
        (directory / "test_it.py").write_text(SWEEP)
        self.started.touch()

    def start(
        self,
        test: str = "plain",
        *,
        wrap: Callable[[list[str]], list[str]] = list,
        output: int = subprocess.DEVNULL,
        given: tuple[int, ...] = (),
    ) -> Sweep:
        """Start it; output and input are one terminal if it is run under one."""
        options = [
            "-p",
            "no:cacheprovider",
            f"--sweep-max-in-flight={self.most_in_flight}",
            "-k",
            f"session or {test}",
        ]
        argv = [sys.executable, "-m", "pytest", "test_it.py", *options]
        environment = {
            **os.environ,
            "SLEEPER": self.sleeper,
            "STARTED": str(self.started),
            "WORKER": str(self.worker),
        }
        self.process = subprocess.Popen(
            wrap(argv),
            cwd=self.directory,
            env=environment,
            stdin=output if output >= 0 and os.isatty(output) else subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=wrap is list,
            pass_fds=given,
            preexec_fn=heed_signals,  # noqa: PLW1509 - no threads here
        )
        return self

    def begun(self) -> Sweep:
        """Wait until a hundred instances are in flight."""
        assert until(lambda: len(self.lines()) >= MANY or self.process.poll() is not None)
        assert self.process.poll() is None
        self.token, directory = self.lines()[0].split()
        self.private = str(Path(directory).parents[1])
        assert len(self.mine()) >= 2 * MANY
        return self

    def all_written_down(self) -> bool:
        """Return whether no launch is between its start and its table entry; no more launches are started."""
        return len(reaper.read_table(f"{self.private}/table")) > self.most_in_flight

    def lines(self) -> list[str]:
        return self.started.read_text().splitlines()

    def workers(self) -> list[int]:
        """Return the forked workers: the survey's, and the load's."""
        return list(map(int, self.worker.read_text().split())) if self.worker.exists() else []

    def mine(self) -> list[int]:
        """Return every process of the run's: instances and daemons by token, helpers by their directory."""
        return [*leftovers.holders(self.token), *mentioning(self.private)]

    def is_gone(self) -> bool:
        return not Path(self.private).exists() and not self.mine()

    def all_but_mentions_is_gone(self) -> bool:
        """Return whether it is gone, where strangers hold the name of its directory too."""
        return not Path(self.private).exists() and not list(leftovers.holders(self.token))

    def end(self) -> None:
        """Leave nothing behind, whatever the test found."""
        for worker in self.workers():
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
        self.process.kill()
        self.process.wait()
        if not self.token and self.lines():
            self.token, directory = self.lines()[0].split()
            self.private = str(Path(directory).parents[1])
        if self.token:
            until(self.is_gone)
            leftovers.sweep(self.token)
            for pid in mentioning(self.private):
                os.kill(pid, signal.SIGKILL)
            shutil.rmtree(self.private, ignore_errors=True)


@pytest.fixture
def sweep(tmp_path: Path) -> Iterator[Sweep]:
    made = Sweep(tmp_path)
    yield made
    made.end()


def stop_and_kill(pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)
    os.kill(pid, signal.SIGKILL)


def send(number: int) -> Callable[[int], None]:
    return lambda pid: os.kill(pid, number)


CRASHES = {
    "kill -9": send(signal.SIGKILL),
    "stopped, then kill -9": stop_and_kill,
    "SIGQUIT": send(signal.SIGQUIT),
    "kill -9 of the group": lambda pid: os.killpg(pid, signal.SIGKILL),
}
ENDS = {"SIGTERM": send(signal.SIGTERM), "SIGHUP": send(signal.SIGHUP), "Ctrl-C": send(signal.SIGINT)}


@pytest.mark.parametrize("crash", CRASHES.values(), ids=CRASHES.keys())
def test_nothing_is_left_after(sweep: Sweep, crash: Callable[[int], None]) -> None:
    sweep.start().begun()
    crash(sweep.process.pid)
    assert until(sweep.is_gone, GONE_WITHIN_S), sweep.mine()
    sweep.process.wait()
    assert sweep.process.returncode < 0


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
def test_nothing_is_left_after_an_orderly_end_by(sweep: Sweep, end: Callable[[int], None]) -> None:
    sweep.start().begun()
    end(sweep.process.pid)
    assert sweep.process.wait(timeout=60) > 0
    assert sweep.is_gone(), sweep.mine()


def test_nothing_is_left_while_a_forked_worker_holds_our_descriptors(sweep: Sweep) -> None:
    sweep.start("forked").begun()
    workers = sweep.workers()
    assert len(workers) == 2
    sweep.process.kill()
    assert until(sweep.is_gone, GONE_WITHIN_S), sweep.mine()
    assert all(map(alive, workers))  # they are the user's


def test_the_reaper_heeds_no_signal_of_the_terminals(sweep: Sweep) -> None:
    sweep.start().begun()
    for pid in mentioning(sweep.private):
        if b"reaper.py" in command_of(pid):
            for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
                os.kill(pid, number)
    sweep.process.kill()
    assert until(sweep.is_gone, GONE_WITHIN_S), sweep.mine()


@pytest.mark.parametrize("extra", [False, True], ids=["stdout", "descriptor 7 too"])
def test_the_output_pipe_ends_with_pytest(sweep: Sweep, extra: bool) -> None:
    """``pytest | cat`` ends, though helpers and instances live on for a moment."""
    read_end, write_end = os.pipe()
    sweep.start(output=write_end, given=(write_end,) if extra else ())
    os.close(write_end)
    sweep.begun()
    reapers = [pid for pid in mentioning(sweep.private) if b"reaper" in command_of(pid)]
    for pid in reapers:  # if it held the pipe, that wouldn't end now
        os.kill(pid, signal.SIGSTOP)
    sweep.process.kill()
    os.set_blocking(read_end, False)
    assert until(lambda: _at_end(read_end))
    os.close(read_end)
    for pid in reapers:
        os.kill(pid, signal.SIGCONT)
    assert until(sweep.is_gone, GONE_WITHIN_S), sweep.mine()


def _at_end(read_end: int) -> bool:
    try:
        return not os.read(read_end, 1 << 16)
    except BlockingIOError:
        return False


def test_nothing_is_left_when_the_reader_of_the_output_is_gone(sweep: Sweep) -> None:
    """``pytest | head -1`` with output to come at the end."""
    read_end, write_end = os.pipe()
    sweep.start(output=write_end)
    os.close(write_end)
    sweep.begun()
    os.close(read_end)
    os.kill(sweep.process.pid, signal.SIGINT)
    sweep.process.wait(timeout=60)
    assert until(sweep.is_gone, GONE_WITHIN_S), sweep.mine()


# strangers ----------------------------------------------------------------------------------------


@pytest.fixture
def stranger() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []

    def start(argv: list[str], **environment: str) -> subprocess.Popen[bytes]:
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        started.append(subprocess.Popen(argv, env={**os.environ, **environment}, **quiet))  # type: ignore[call-overload]
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.parametrize("end", [send(signal.SIGKILL), send(signal.SIGINT)], ids=["kill -9", "Ctrl-C"])
def test_strangers_survive(
    sweep: Sweep, stranger: Callable[..., subprocess.Popen[bytes]], end: Callable[[int], None]
) -> None:
    qemu = shutil.which("qemu-system-x86_64")
    if qemu is None:
        pytest.skip("qemu-system-x86_64 is missing; apt install qemu-system-x86")
    sweep.start().begun()
    alike = ["/bin/sh", "-c", LINE.replace("1000", "1001").replace('"$STARTED"', "/dev/null")]
    own = {"UNIKERNEL_DIR": str(sweep.directory), "SLEEPER": sweep.sleeper}
    strangers = [
        stranger([qemu, "-M", "none", "-S", "-display", "none", "-monitor", "none", "-serial", "none"]),
        stranger(alike, UNIKERNEL_SESSION="0" * 32, **own),
        stranger(["sleep", "1000"], UNIKERNEL_SESSION=sweep.token[:-1]),
        stranger(["sleep", "1000"], UNIKERNEL_SESSION=sweep.token + "0"),
        stranger(["sleep", "1000"], NOTE=f"UNIKERNEL_SESSION={sweep.token}"),
        stranger(["sleep", "1000"], XUNIKERNEL_SESSION=sweep.token),
        stranger(["/bin/sh", "-c", "kill -STOP $$; :", f"UNIKERNEL_SESSION={sweep.token}"]),
    ]
    end(sweep.process.pid)
    ours_is_gone = until(sweep.all_but_mentions_is_gone)
    daemons = [pid for pid in leftovers.holders("0" * 32) if pid != strangers[1].pid]
    for pid in daemons:
        os.kill(pid, signal.SIGKILL)
    assert ours_is_gone
    assert [process.poll() for process in strangers] == [None] * len(strangers)


# other users and terminals ------------------------------------------------------------------------


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user; run as root")
@pytest.mark.parametrize("program", ["ordinary", "set-user-id"])
def test_an_ordinary_user_cleans_up_without_seeing_into_others_processes(sweep: Sweep, program: str) -> None:
    for directory in (sweep.directory, *sweep.directory.parents[:3]):
        if directory.stat().st_uid == 0 and directory != Path("/tmp"):
            directory.chmod(0o755)
    sweep.started.chmod(0o666)
    if program == "set-user-id":  # whose environment is root's to read: only the table tells it
        sweep.sleeper = str(shutil.copy("/bin/sleep", sweep.directory))
        Path(sweep.sleeper).chmod(0o4755)
        sweep.most_in_flight = MANY
    sweep.start(wrap=as_nobody).begun()
    assert program == "ordinary" or until(sweep.all_written_down)
    sweep.process.kill()
    assert until(sweep.is_gone, GONE_WITHIN_S), sweep.mine()


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """A terminal: the person's end and the programs' end."""
    person, program = os.openpty()
    yield person, program
    for descriptor in (person, program):
        with contextlib.suppress(OSError):
            os.close(descriptor)


def _with_control(argv: list[str]) -> list[str]:
    setsid = shutil.which("setsid")
    if setsid is None:
        pytest.skip("setsid is missing; apt install util-linux")
    return [setsid, "--ctty", *argv]


def test_nothing_is_left_when_the_terminal_is_closed(sweep: Sweep, terminal: tuple[int, int]) -> None:
    person, program = terminal
    sweep.start(wrap=_with_control, output=program).begun()
    os.close(program)
    os.close(person)
    assert until(sweep.is_gone, GONE_WITHIN_S), sweep.mine()
    sweep.process.wait()


def test_a_stopped_terminal_stops_neither_the_launches_nor_the_cleanup(
    sweep: Sweep, terminal: tuple[int, int]
) -> None:
    person, program = terminal
    sweep.start(wrap=_with_control, output=program)
    assert until(lambda: len(sweep.lines()) > 10)
    os.set_blocking(person, False)
    with contextlib.suppress(BlockingIOError):
        while os.read(person, 1 << 16):
            pass
    shown = bytearray()
    assert until(lambda: b"in flight" in _more(person, shown))
    termios.tcflow(program, termios.TCOOFF)
    sweep.begun()
    sweep.process.kill()
    assert until(sweep.is_gone, GONE_WITHIN_S), sweep.mine()


def _more(descriptor: int, shown: bytearray) -> bytearray:
    with contextlib.suppress(BlockingIOError):
        shown += os.read(descriptor, 1 << 16)
    return shown


def test_a_terminal_that_nobody_reads_stops_neither(sweep: Sweep, terminal: tuple[int, int]) -> None:
    _, program = terminal
    sweep.start(wrap=_with_control, output=program)
    assert until(lambda: len(sweep.lines()) > 10)
    os.set_blocking(program, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(program, b"full " * 1000)
    os.set_blocking(program, True)
    sweep.begun()
    os.kill(sweep.process.pid, signal.SIGKILL)
    assert until(sweep.is_gone, GONE_WITHIN_S), sweep.mine()
