"""The doctor's look at the hosts of a cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

import cloudpickle

from pytest_unikernel.clock import monotonic_ns, unix_ns
from pytest_unikernel.errors import LoadError
from pytest_unikernel.hosts import look
from pytest_unikernel.hosts.clocks import ROUND_TRIPS, Offset, RoundTrip, best_offset
from pytest_unikernel.hosts.cluster import connected, workers
from pytest_unikernel.hosts.looked import Looked

GRACE_S = 30.0  # for Python to start and end, beyond the time that its checks may take


def look_at(
    hosts: str, options: Sequence[str], within_s: float, *, insecure: bool, python: str
) -> list[Looked]:
    """Return the findings about each host, in the order of their names.

    Args:
        hosts: what --sweep-hosts takes.
        options: of the doctor that each host runs.
        within_s: how long its checks may take.
        insecure: connections without encryption may leave this machine.
        python: the Python of workers that SSH starts; empty: the path that it has here.

    Raises:
        LoadError: the hosts can't be had.
    """
    cloudpickle.register_pickle_by_value(look)
    try:
        with connected(hosts, insecure=insecure, python=python, option="--hosts") as client:
            found = workers(client)
            if not found:
                raise LoadError(f"--hosts={hosts}: the cluster has no workers")
            if hosts.startswith("local:"):
                found = [(address, f"local-{number}") for number, (address, _) in enumerate(found, 1)]
            return _waited(client, _all(client, found, options, within_s))
    finally:
        cloudpickle.unregister_pickle_by_value(look)


def _waited(client: Any, work: Coroutine[Any, Any, list[Looked]]) -> list[Looked]:
    return asyncio.run_coroutine_threadsafe(work, client.loop.asyncio_loop).result()


async def _all(
    client: Any, found: Sequence[tuple[str, str]], options: Sequence[str], within_s: float
) -> list[Looked]:
    ours = (await look.facts())["clock"]
    quiet = [await _quietly(client, address, name, ours) for address, name in found]  # clocks first, alone
    asked = [
        _asked(client, address, each, options, within_s)
        for (address, _), each in zip(found, quiet, strict=True)
    ]
    return list(await asyncio.gather(*asked))


async def _quietly(client: Any, address: str, name: str, ours: tuple[str, str]) -> Looked:
    facts = await _run(client, address, look.facts)
    trips = []
    for _ in range(ROUND_TRIPS):
        sent = monotonic_ns(), unix_ns()
        read = await _run(client, address, look.clocks_ns)
        trips.append((sent, read, (monotonic_ns(), unix_ns())))
    monotonic, wall = (
        best_offset([RoundTrip(sent[clock], read[clock], back[clock]) for sent, read, back in trips])
        for clock in (0, 1)
    )
    same = tuple(facts["clock"]) == tuple(ours)
    return Looked(name, facts, Offset() if same else monotonic, Offset() if same else wall, same)


async def _asked(client: Any, address: str, host: Looked, options: Sequence[str], within_s: float) -> Looked:
    try:
        found = await asyncio.wait_for(
            _run(client, address, look.examination, list(options)), within_s + GRACE_S
        )
    except asyncio.TimeoutError:
        found = {"error": f"its doctor did not end within {within_s + GRACE_S:g} s"}
    except LoadError as error:
        found = {"error": str(error)}
    return replace(host, doctor={} if "error" in found else found, error=str(found.get("error", "")))


async def _run(client: Any, address: str, function: Callable[..., Any], *arguments: Any) -> Any:
    try:
        answers = await client.run(function, *arguments, workers=[address], on_error="raise")
        return answers[address]
    except (OSError, KeyError, ValueError, RuntimeError) as error:
        raise LoadError(f"the connection to its worker ended ({type(error).__name__})") from error
