"""Workers on hosts that SSH reaches: started and ended by this run, connected to it by TLS.

dask's own ``SSHCluster`` writes its settings, keys included, into the remote command line, where every user
of the host can read them (ps). Here a key of this run alone goes to the worker's standard input. The worker
ends with that input, so SSH's end is its end, whatever ends pytest.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shlex
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, TypeVar

from distributed import Scheduler
from distributed.security import Security
from distributed.utils import LoopRunner

from pytest_unikernel.errors import LoadError
from pytest_unikernel.hosts import errand
from pytest_unikernel.hosts.connections import CONNECT_S
from pytest_unikernel.hosts.ssh_errors import EXTRA, Python, no_connection_text, no_worker_text

try:
    import asyncssh
except ImportError as error:
    raise LoadError(f"--sweep-hosts=ssh: needs asyncssh ({error}); run pip install '{EXTRA}'") from error

KEEP_ALIVE_S = 15.0  # nothing else is sent during a sweep, and idle connections get dropped on the way
START_S = 60.0  # Python and dask from a slow disk; the worker gives the scheduler up sooner
END_S = 15.0  # as long as the process of a host may take to end its instances
# No quotes, no newline: every login shell passes it on. Python's own first directory would be the home.
PROGRAM = "import sys; sys.path[:1] = []; from pytest_unikernel.hosts.errand import main; main()"
T = TypeVar("T")


@contextlib.contextmanager
def ssh_cluster(hosts: Sequence[str], python: Python) -> Iterator[tuple[str, dict[str, Any]]]:
    """Start a scheduler here and a worker on each host; give its address and how a client connects.

    Args:
        hosts: their names, as ``ssh`` knows them.
        python: the Python there.

    Raises:
        LoadError: a host can't be reached, or can't work; all others have ended then.
    """
    runner = LoopRunner()
    runner.start()  # type: ignore[no-untyped-call]
    undo = contextlib.AsyncExitStack()
    security = Security.temporary()  # type: ignore[no-untyped-call]
    try:
        address = runner.run_sync(_started, undo, hosts, python, security)  # type: ignore[no-untyped-call]
        yield address, {"security": security, "loop": runner.loop, "timeout": CONNECT_S}
    finally:
        runner.run_sync(undo.aclose)  # type: ignore[no-untyped-call]
        runner.stop()  # type: ignore[no-untyped-call]


async def _started(
    undo: contextlib.AsyncExitStack, hosts: Sequence[str], python: Python, security: Security
) -> str:
    connections = await _on_all(hosts, lambda name: _connection(undo, name))
    ours = {name: made.get_extra_info("sockname")[0] for name, made in zip(hosts, connections, strict=True)}
    addresses = set(ours.values())
    scheduler = await undo.enter_async_context(
        Scheduler(
            host=addresses.pop() if len(addresses) == 1 else "0.0.0.0",  # noqa: S104 - TLS guards it
            port=0,
            protocol="tls",
            security=security,
            dashboard=False,
            dashboard_address="127.0.0.1:0",  # without routes, see IDLE_SETTINGS
        )
    )
    by_name = dict(zip(hosts, connections, strict=True))

    async def worker(name: str) -> None:
        address = f"tls://{_bracketed(ours[name])}:{scheduler.port}"
        await _worker(undo, by_name[name], errand.Errand.of(address, name, security), python)

    await _on_all(hosts, worker)
    return str(scheduler.address)


async def _on_all(hosts: Sequence[str], do: Callable[[str], Awaitable[T]]) -> list[T]:
    """Do it for all hosts at once; one error has those that failed, those with the same reason together."""
    results = await asyncio.gather(*map(do, hosts), return_exceptions=True)
    errors = [each for each in results if isinstance(each, BaseException)]
    unforeseen = next((each for each in errors if not isinstance(each, LoadError)), None)
    if unforeseen is not None:
        raise unforeseen
    if errors:
        reasons: dict[str, list[str]] = {}
        for name, each in zip(hosts, results, strict=True):
            if isinstance(each, LoadError):
                reasons.setdefault(str(each), []).append(name)
        raise LoadError("; ".join(f"{', '.join(names)}: {reason}" for reason, names in reasons.items()))
    return [each for each in results if not isinstance(each, BaseException)]


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


async def _connection(undo: contextlib.AsyncExitStack, name: str) -> asyncssh.SSHClientConnection:
    """Connect as ``ssh name`` would: user, port, keys and known hosts are those of ~/.ssh."""
    try:
        options = await asyncssh.SSHClientConnectionOptions.construct(
            host=name, config=(), connect_timeout=CONNECT_S, keepalive_interval=KEEP_ALIVE_S
        )
        if options.known_hosts is None:  # asyncssh would not check the host's key at all
            raise LoadError("UserKnownHostsFile is none in ~/.ssh/config; name a file of known hosts")
        made = await asyncssh.connect(name, options=options)
    except (OSError, ValueError, asyncssh.Error, asyncio.TimeoutError) as error:
        raise LoadError(no_connection_text(name, error)) from error
    undo.push_async_callback(_disconnected, made)
    return made


async def _disconnected(connection: asyncssh.SSHClientConnection) -> None:
    connection.close()
    try:
        await asyncio.wait_for(connection.wait_closed(), CONNECT_S)
    except (OSError, asyncssh.Error, asyncio.TimeoutError):
        connection.abort()


async def _worker(
    undo: contextlib.AsyncExitStack,
    connection: asyncssh.SSHClientConnection,
    ours: errand.Errand,
    python: Python,
) -> None:
    """Start a worker; its end is awaited, for a while, before the connection's."""
    command = f"exec {shlex.quote(python.path)} -c {shlex.quote(PROGRAM)}"
    try:
        process = await connection.create_process(command)
        undo.push_async_callback(_ended, process)
        process.stdin.write(json.dumps(ours.as_json()) + "\n")
        answer = await asyncio.wait_for(_answer(process), START_S)
    except (OSError, asyncssh.Error, asyncio.TimeoutError) as error:
        raise LoadError(no_connection_text(ours.name, error)) from error
    if answer != errand.READY:
        raise LoadError(answer or no_worker_text(python, *await _how_it_ended(process)))


async def _answer(process: asyncssh.SSHClientProcess[str]) -> str:
    """Return the worker's answer; empty if it has ended without. Others may write there: a login shell."""
    async for line in process.stdout:
        if line.startswith(errand.MARK):
            return str(json.loads(line.removeprefix(errand.MARK)))
    return ""


async def _how_it_ended(process: asyncssh.SSHClientProcess[str]) -> tuple[int | None, str]:
    ended = await asyncio.wait_for(process.wait(), END_S)
    last = str(ended.stderr or "").strip().splitlines()[-1:]
    return ended.exit_status, "".join(last)


async def _ended(process: asyncssh.SSHClientProcess[str]) -> None:
    with contextlib.suppress(OSError, asyncssh.Error, asyncio.TimeoutError):
        process.stdin.write_eof()
        await asyncio.wait_for(process.wait_closed(), END_S)
