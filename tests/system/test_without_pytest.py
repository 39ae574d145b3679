"""Loads without pytest on real targets: the command ``run``, a script, a notebook; nothing is left."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from realloads import heed_signals, mentioning, until

from pytest_unikernel.launch.cleanup import leftovers
from pytest_unikernel.report.reading import read_document

GONE_WITHIN_S = 20.0  # a bound: a second where the machine is quiet
CALM = ("--quiet-host", "off", "--realtime", "off")
QUICK = ("--warmup", "0", "--window", "1", *CALM)
SERVER = (sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "{port}")


def run(*arguments: str, **more: object) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "pytest_unikernel.commands.main", "run", *arguments]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=300, **more)  # type: ignore[call-overload,no-any-return]


# the command --------------------------------------------------------------------------------------


def test_a_command_is_started_ten_times_by_default() -> None:
    done = run(*CALM, "--", "/bin/true", "--no=such option")
    assert (done.returncode, done.stderr.count("\n")) == (0, 1)
    assert "true cold: 10 of 10 launches done" in done.stderr
    assert "\ntrue          10 " in done.stdout


@pytest.mark.parametrize("ready", ["port", "http:/"])
def test_a_server_is_ready_when_it_answers(ready: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    done = run("--ready", ready, "--cold", "2", "--json", str(path), *CALM, "--", *SERVER)
    assert done.returncode == 0, done.stderr
    (load,) = read_document(path, "x").loads
    assert load.record["ready"] == f"{ready.partition(':')[0]} 127.0.0.1:own"
    assert load.record["completed"] == 2


def test_a_line_makes_ready_and_the_environment_is_passed_on() -> None:
    options = ("--ready", "line:it is READY", "--env", "WORD=READY", "--exit-status", "3", "--name", "mine")
    done = run(*options, "--cold", "2", *CALM, "--", "/bin/sh", "-c", 'echo "it is $WORD"; exit 3')
    assert done.returncode == 0, done.stderr
    assert "mine cold: 2 of 2 launches done" in done.stderr


def test_a_command_that_fails_is_status_1_with_its_last_words() -> None:
    done = run("--cold", "2", *CALM, "--", "/bin/sh", "-c", "echo no good; exit 7")
    assert done.returncode == 1
    assert "no good" in done.stdout
    assert "sh: none of 2 launches completed (exit-code 2)" in done.stderr


def test_a_sweep_is_compared_with_another(tmp_path: Path) -> None:
    steps = ("--time-steps", "1/8", *QUICK)  # one: a busy machine may end a series
    for name in ("a.json", "b.json"):
        done = run("--sweep", *steps, "--json", str(tmp_path / name), "--", "/bin/true")
        assert done.returncode == 0, done.stderr
        assert "[1/1] true 1/8 s: 8/s offered" in done.stderr
    argv = [sys.executable, "-m", "pytest_unikernel.commands.main", "compare", "a.json", "b.json"]
    compared = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "no evidence: one trial" in compared.stdout


@pytest.mark.skipif(
    not shutil.which("qemu-system-x86_64"), reason="no qemu-system-x86_64 on PATH; install it"
)
def test_a_usual_target_is_launched_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    done = run("rust_kernel", "--cold", "1", "--json", str(path), *CALM)
    assert done.returncode == 0, done.stderr
    assert read_document(path, "x").loads[0].record["versions"]["accelerator"] == "tcg"


def test_a_pytest_run_is_compared_with_what_run_has_saved(tmp_path: Path) -> None:
    """pytest-benchmark reads the file; a test of another name has no baseline in it."""
    path = tmp_path / "x.json"
    assert run("--cold", "2", "--json", str(path), *CALM, "--", "/bin/true").returncode == 0
    (tmp_path / "test_it.py").write_text("def test_it(benchmark):\n    benchmark(int)\n")
    argv = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        f"--benchmark-compare={path}",
        "test_it.py",
    ]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


# nothing is left ----------------------------------------------------------------------------------

LINE = 'echo "$UNIKERNEL_SESSION $UNIKERNEL_DIR" >> "$STARTED"; exec sleep 1000'
MANY = 30
SCRIPT = f"""
from pytest_unikernel import Bench, Target
with Bench(quiet_host="off", live=False) as bench:
    bench.load(Target("many", ["/bin/sh", "-c", {LINE!r}]), rate_hz=100, warmup=0, window=60)
"""
COMMAND = ("--rate", "100", "--warmup", "0", "--window", "60", *CALM, "--", "/bin/sh", "-c", LINE)
FACES = {
    "run": [sys.executable, "-m", "pytest_unikernel.commands.main", "run", *COMMAND],
    "script": [sys.executable, "-c", SCRIPT],
}


class Running:
    """A load without pytest, in a process of its own."""

    def __init__(self, directory: Path, argv: list[str]) -> None:
        self.started = directory / "started"
        self.started.touch()
        self.process = subprocess.Popen(
            argv,
            env={**os.environ, "STARTED": str(self.started)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=heed_signals,  # noqa: PLW1509 - no threads here
        )

    def begun(self) -> Running:
        """Wait until instances are in flight."""
        assert until(lambda: len(self.lines()) >= MANY or self.process.poll() is not None)
        assert self.process.poll() is None
        self.token, directory = self.lines()[0].split()
        self.private = str(Path(directory).parents[1])
        return self

    def lines(self) -> list[str]:
        return self.started.read_text().splitlines()

    def mine(self) -> list[int]:
        return [*leftovers.holders(self.token), *mentioning(self.private)]

    def is_gone(self) -> bool:
        return not Path(self.private).exists() and not self.mine()

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()
        for line in self.lines()[:1]:
            leftovers.sweep(line.split()[0])


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Callable[[list[str]], Running]]:
    made: list[Running] = []

    def start(argv: list[str]) -> Running:
        made.append(Running(tmp_path, argv))
        return made[-1].begun()

    yield start
    for each in made:
        each.end()


@pytest.mark.parametrize("argv", FACES.values(), ids=FACES.keys())
def test_nothing_is_left_after_kill_9(running: Callable[[list[str]], Running], argv: list[str]) -> None:
    load = running(argv)
    assert len(load.mine()) >= MANY
    load.process.kill()
    assert until(load.is_gone, GONE_WITHIN_S), load.mine()


@pytest.mark.parametrize("argv", FACES.values(), ids=FACES.keys())
@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_nothing_is_left_after_an_orderly_end(
    running: Callable[[list[str]], Running], argv: list[str], number: signal.Signals, status: int
) -> None:
    load = running(argv)
    load.process.send_signal(number)
    said, _ = load.process.communicate(timeout=60)
    uncaught = {-signal.SIGINT}  # Python's own end by Ctrl-C, of a script
    assert load.process.returncode == status or load.process.returncode in uncaught, said.decode()
    assert load.is_gone(), load.mine()
    if "pytest_unikernel.commands.main" in argv:
        assert b"interrupted" in said


def test_what_was_measured_is_saved_when_a_run_is_ended(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    argv = [
        sys.executable,
        "-m",
        "pytest_unikernel.commands.main",
        "run",
        "--sweep",
        "--time-steps",
        "1/8,1/16",
    ]
    argv += ["--json", str(path), "--warmup", "0", "--window", "1", *CALM, "--", "/bin/true"]
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert until(lambda: path.exists() and path.stat().st_size > 0)
    process.kill()
    process.wait()
    saved = json.loads(path.read_text())
    assert saved["benchmarks"][0]["extra_info"]["load"]["completed"] == 8


# a notebook ---------------------------------------------------------------------------------------


def notebook(*cells: str) -> NotebookClient:
    made = nbformat.v4.new_notebook(  # type: ignore[no-untyped-call]
        cells=[nbformat.v4.new_code_cell(textwrap.dedent(cell)) for cell in cells]  # type: ignore[no-untyped-call]
    )
    return NotebookClient(made, timeout=120, kernel_name="python3", allow_errors=True)


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel of this interpreter, whatever others are installed; its files go elsewhere."""
    spec = {"argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]}
    directory = tmp_path / "jupyter" / "kernels" / "python3"
    directory.mkdir(parents=True)
    (directory / "kernel.json").write_text(json.dumps({**spec, "display_name": "it", "language": "python"}))
    for name in ("JUPYTER_PATH", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
        monkeypatch.setenv(name, str(tmp_path / "jupyter"))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")


BEGIN = """
    from pytest_unikernel import Bench, Target
    bench = Bench(quiet_host="off", realtime="off", warmup=0, window=1)
    true = Target("true", ["/bin/true"])
"""


@pytest.mark.usefixtures("kernel")
def test_a_notebook_runs_a_load_and_shows_it() -> None:
    rows = "bench.last.to_pandas().in_window.sum().item()"
    client = notebook(BEGIN, "bench.load(true, rate_hz=8)", rows, "bench.close()")
    client.execute()
    _, load, shown, _ = client.nb.cells
    html = load.outputs[-1]["data"]["text/html"]
    assert html.count("<tr>") == 2
    assert "data:image/svg+xml;base64," in html
    assert shown.outputs[-1]["data"]["text/plain"] == "8"


@pytest.mark.usefixtures("kernel")
def test_an_interrupted_cell_keeps_what_was_measured(tmp_path: Path) -> None:
    """As by the stop button: the front end sends the kernel SIGINT."""
    begun = tmp_path / "begun"
    line = f"touch {begun}; echo $UNIKERNEL_SESSION > {begun}; exec sleep 0.01"
    client = notebook(
        BEGIN,
        f"""
        import os, signal, threading, time
        def stop():
            while not os.path.exists({str(begun)!r}):
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGINT)
        threading.Thread(target=stop).start()
        bench.load(Target("slow", ["/bin/sh", "-c", {line!r}]), rate_hz=8, window=60)
        """,
        "bench.last.interrupted, bench.cold(true, 2).completed",
        "bench.close()",
    )
    client.execute()
    _, stopped, kept, _ = client.nb.cells
    assert stopped.outputs[-1]["ename"] == "KeyboardInterrupt"
    assert kept.outputs[-1]["data"]["text/plain"] == "(True, 2)"
    assert not list(leftovers.holders(begun.read_text().strip()))
