"""A host of the cluster as pytest sees it: questions to its process, its clock, and that it may be lost."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Any

from pytest_unikernel.clock import monotonic_ns
from pytest_unikernel.errors import LoadError
from pytest_unikernel.hosts import frames, live, member
from pytest_unikernel.hosts.clocks import ROUND_TRIPS, Offset, RoundTrip, best_offset
from pytest_unikernel.hosts.frames import LEASE_S
from pytest_unikernel.hosts.messages import HostFacts
from pytest_unikernel.launch.progress import Progress

RENEW_EVERY_S = 1.0


class HostLost(Exception):  # noqa: N818 - an event, and not always an error
    """A host does not answer any more; the text says why."""


class Host:
    """One host: a worker of the cluster, and the process that it started.

    All methods run in the event loop of the cluster's client.

    Attributes:
        name: its name in this run.
        facts: what its process reported.
        lost: why it does not answer any more; empty as long as it does.
        progress: how far its load had come a second ago, or less.
    """

    facts: HostFacts

    def __init__(self, client: Any, address: str, name: str, token: str) -> None:
        self._client = client
        self._address = address
        self._token = token
        self._gone = asyncio.Event()
        self._renewals: asyncio.Task[None] | None = None
        self._killing: asyncio.Task[Any] | None = None
        self.name = name
        self.lost = ""
        self.progress = Progress()

    @property
    def directory(self) -> str:
        """The name of its directory among those of results."""
        return re.sub(r"[^\w.-]", "_", self.name).lstrip(".") or "host"

    async def _call(self, function: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
        """Call a function on the worker; whatever stands in the way, the host is lost."""
        asked = asyncio.ensure_future(
            self._client.run(function, *arguments, workers=[self._address], on_error="raise")
        )
        gone = asyncio.ensure_future(self._gone.wait())
        try:
            await asyncio.wait({asked, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not asked.done():
                raise HostLost(self.lost)
            return asked.result()[self._address]
        except (OSError, KeyError, ValueError, RuntimeError) as error:
            self.lose(self.lost or f"the connection to its worker ended ({type(error).__name__})")
            raise HostLost(self.lost) from error
        finally:
            for task in (asked, gone):
                task.cancel()
            await asyncio.gather(asked, gone, return_exceptions=True)

    def lose(self, why: str) -> None:
        """Give the host up."""
        self.lost = self.lost or why
        self._gone.set()

    def give_up(self, why: str) -> None:
        """Give the host up though its worker may answer: that kills its process, which would stay."""
        self.lose(why)
        if self._killing is None:
            kill = self._client.run(member.kill, self._token, workers=[self._address], on_error="return")
            self._killing = asyncio.ensure_future(kill)

    async def enlist(self, path: list[str], *, ours: bool) -> bytes:
        """Start the host's process, and keep its lease from now on; return its facts as they came.

        Args:
            path: directories to import from, after the worker's own.
            ours: the worker was started by this run.
        """
        try:
            kind, body = await self._call(member.enlist, self._token, path, ours)
        except (ImportError, AttributeError) as error:
            raise LoadError(
                f"--sweep-hosts: {self.name} lacks this pytest-unikernel ({error}); "
                f"run there: pip install 'pytest-unikernel[hosts]=={version('pytest-unikernel')}'"
            ) from error
        if kind != frames.HELLO:
            raise LoadError(f"--sweep-hosts: {self.name}: {body.decode(errors='replace')}")
        self._renewals = asyncio.ensure_future(self._renewed())
        return bytes(body)

    async def _renewed(self) -> None:
        """Renew the lease every second; a host that does not answer or is stopped for five is lost."""
        stopped_s = 0.0
        while not self.lost:
            await asyncio.sleep(RENEW_EVERY_S)
            try:
                renewal = self._call(member.renew, self._token, self.facts.progress)
                stopped, progress = await asyncio.wait_for(renewal, LEASE_S)
                self.progress = live.of_now(Progress(*progress))
            except asyncio.TimeoutError:
                self.lose(f"its worker did not answer for {LEASE_S:g} s")
            except HostLost:
                return
            else:
                stopped_s = stopped_s + RENEW_EVERY_S if stopped else 0.0
                if stopped_s >= LEASE_S:
                    self.give_up(f"the process that makes its launches was stopped for {LEASE_S:g} s")

    async def tell(self, kind: bytes, value: int = 0, body: bytes = b"") -> None:
        """Send a frame to the host's process."""
        await self._call(member.tell, self._token, kind, value, body)

    async def reply(self, within_s: float | None = None) -> tuple[bytes, bytes]:
        """Return the next frame of the host's process.

        Raises:
            HostLost: it did not come.
        """
        try:
            kind, body = await asyncio.wait_for(self._call(member.reply, self._token), within_s)
        except asyncio.TimeoutError as error:
            self.give_up("its load did not end in time")
            raise HostLost(self.lost) from error
        if kind == member.GONE:
            self.lose(body.decode(errors="replace"))
            raise HostLost(self.lost)
        return kind, bytes(body)

    async def offset(self, clock: tuple[str, str]) -> Offset:
        """Return the offset of its clock; nothing and exactly so where it is the same clock as ours."""
        if self.facts.clock == clock:
            return Offset()
        trips = []
        for _ in range(ROUND_TRIPS):
            sent_ns = monotonic_ns()
            read_ns = await self._call(member.clock_ns)
            trips.append(RoundTrip(sent_ns, read_ns, monotonic_ns()))
        return best_offset(trips)

    async def dismiss(self) -> None:
        """End the host's process; it ends by itself where that can't be asked."""
        if self._renewals is not None:
            self._renewals.cancel()
            await asyncio.gather(self._renewals, return_exceptions=True)
        if self._killing is not None:
            await asyncio.wait({self._killing}, timeout=LEASE_S)
            self._killing.cancel()
        if not self.lost:
            try:
                await asyncio.wait_for(self._call(member.dismiss, self._token), member.PATIENCE_S + LEASE_S)
            except (asyncio.TimeoutError, HostLost):
                return
