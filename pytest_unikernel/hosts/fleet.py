"""The hosts of one pytest run: their cluster, the loads that they make together, those that are lost."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import secrets
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from pytest_unikernel.errors import LoadError
from pytest_unikernel.hosts import messages
from pytest_unikernel.hosts.cluster import connected, workers
from pytest_unikernel.hosts.host import Host, HostLost
from pytest_unikernel.hosts.joining import FleetPart, finished, fleet_part
from pytest_unikernel.hosts.live import combined
from pytest_unikernel.hosts.messages import Request
from pytest_unikernel.hosts.process import host_facts
from pytest_unikernel.hosts.rendezvous import HostPart, Rendezvous
from pytest_unikernel.launch.progress import Progress
from pytest_unikernel.plan.load_plan import ColdPlan, LoadPlan
from pytest_unikernel.plan.share import Share, spread_over
from pytest_unikernel.plan.target import Target
from pytest_unikernel.results.verdict import Judged, pooled
from pytest_unikernel.run.interrupts import Interrupts
from pytest_unikernel.run.joining import Measured
from pytest_unikernel.run.measuring import label_of
from pytest_unikernel.run.part import Part
from pytest_unikernel.run.run import Show

LOOK_EVERY_S = 0.05
T = TypeVar("T")


@contextlib.contextmanager
def unseen(label: str) -> Iterator[Callable[[Progress], None]]:
    """Show nothing."""
    del label
    yield lambda _: None


class Fleet:
    """The hosts of one run: found at the first load, left at the end.

    Attributes:
        is_local: all hosts are workers on this machine, started by this run.
        stop: why no more loads may run: a host was lost, and the run does not go on without it.
    """

    def __init__(self, hosts: str, *, go_on: bool, insecure: bool = False, python: str = "") -> None:
        self._option = f"--sweep-hosts={hosts}"
        self._go_on = go_on
        self._how: dict[str, Any] = {"insecure": insecure, "python": python}
        self.is_local = hosts.startswith("local:")
        self._token = secrets.token_hex(16)
        self._undo = contextlib.ExitStack()
        self._client: Any = None
        self._hosts: list[Host] = []
        self._noted: list[Host] = []  # those that were lost, and the user has heard of it
        self._longest_s: dict[object, float] = {}
        self._named = hosts
        self.facts = host_facts()
        self.stop = ""

    def loads(self, interrupts: Interrupts, show: Show = unseen) -> FleetLoads:
        """Return what runs loads on these hosts, and shows their progress.

        Raises:
            LoadError: the hosts can't be had.
        """
        if self._client is None:
            try:
                self._client = self._undo.enter_context(connected(self._named, **self._how))
                self._undo.callback(self._dismiss)
                self._hosts = self.wait(self._enlisted(workers(self._client)))
            except LoadError as error:
                self.stop = str(error)  # it would be the same again
                raise
        return FleetLoads(self, interrupts, show)

    @property
    def token(self) -> str:
        """The token of this run in the names of its raw files."""
        return self._token

    def left(self) -> list[Host]:
        """Return the hosts that are not lost; one that was lost between loads counts as lost in the next.

        Raises:
            LoadError: none may be used any more.
        """
        self.note_lost([host for host in self._hosts if host.lost and host not in self._noted])
        if self.stop:
            raise LoadError(self.stop)
        left = [host for host in self._hosts if not host.lost]
        if not left:
            lost = "; ".join(f"{host.name}: {host.lost}" for host in self._hosts)
            raise LoadError(f"{self._option}: no host is left ({lost})")
        return left

    def note_lost(self, hosts: Sequence[Host]) -> None:
        """Take note of hosts that were lost in a load."""
        self._noted += hosts
        if hosts and not self._go_on:
            names = ", ".join(f"{host.name} ({host.lost})" for host in hosts)
            self.stop = f"{self._option}: lost {names}; --sweep-hosts-lost=go-on runs on with those left"

    async def _enlisted(self, found: Sequence[tuple[str, str]]) -> list[Host]:
        if not found:
            raise LoadError(
                f"{self._option}: the cluster has no workers; start one on each host: "
                f"pytest-unikernel worker {self._named}"
            )
        names = [f"local-{number}" if self.is_local else name for number, (_, name) in enumerate(found, 1)]
        hosts = [
            Host(self._client, address, name, self._token)
            for (address, _), name in zip(found, names, strict=True)
        ]
        self._hosts = hosts
        path = sys.path if self.is_local else []  # elsewhere, directories are others
        try:
            answers = await asyncio.gather(*(host.enlist(path, ours=self.is_local) for host in hosts))
        except HostLost as error:
            raise LoadError(f"{self._option}: {error}") from error
        for host, answer in zip(hosts, answers, strict=True):
            host.facts = messages.loads(answer)
            self._refuse_other_version(host)
        return hosts

    def _refuse_other_version(self, host: Host) -> None:
        ours, theirs = (each.versions["pytest-unikernel"] for each in (self.facts, host.facts))
        if ours != theirs:
            raise LoadError(
                f"{self._option}: {host.name} ({host.facts.hostname}) has pytest-unikernel {theirs}, this "
                f"host {ours}; run there: pip install pytest-unikernel=={ours}"
            )

    def longest_service_s(self, target: Target, plan: LoadPlan, interrupts: Interrupts) -> float:
        """Return how long one launch takes on the slowest host: hosts agree on the warm-up ahead by it."""
        key = (target.full_name, repr(target.argv), repr(target.variant))
        if key not in self._longest_s:
            cold = ColdPlan(
                launches=1,
                unmeasured=0,
                timeout_s=plan.timeout_s,
                cpus=plan.cpus,
                realtime=plan.realtime,
                quiet_host="off",
            )
            meeting = Rendezvous(
                {host: Request(target, cold, 0, not self.is_local) for host in self.left()}, self.facts.clock
            )
            parts: list[Part] = self.wait(meeting.parts(), interrupts, meeting)
            times_ns = [ns for part in parts for trial in part.trials for ns in trial.service_ns()]
            self._longest_s[key] = max(times_ns, default=0) / 1e9
        return self._longest_s[key]

    def wait(
        self,
        work: Coroutine[Any, Any, T],
        interrupts: Interrupts | None = None,
        meeting: Rendezvous | None = None,
        look: Callable[[], None] = lambda: None,
    ) -> T:
        """Wait for something in the client's event loop; pass an interrupt on to the hosts, once."""
        loop = self._client.loop.asyncio_loop
        future = asyncio.run_coroutine_threadsafe(work, loop)
        while True:
            try:
                return future.result(LOOK_EVERY_S)
            except concurrent.futures.TimeoutError:  # noqa: PERF203 - it is the turn of a wait
                if future.done():
                    raise
                if meeting is not None and interrupts is not None and interrupts.asked():
                    loop.call_soon_threadsafe(meeting.stop, interrupts.requested)
                look()

    def _dismiss(self) -> None:
        async def all_dismissed() -> None:
            await asyncio.gather(*(host.dismiss() for host in self._hosts), return_exceptions=True)

        self.wait(all_dismissed())

    def close(self) -> None:
        """End the processes of the hosts, and the cluster if it is ours."""
        self._undo.close()


class FleetLoads:
    """Runs loads, or single trials of them, on all hosts of a fleet; see ``run.measuring.Loads``."""

    def __init__(self, fleet: Fleet, interrupts: Interrupts, show: Show = unseen) -> None:
        self._fleet = fleet
        self._interrupts = interrupts
        self._show = show

    def sweep(self, target: Target, plan: LoadPlan) -> Measured:
        """Run all trials of a load, one after the other; one in which a host is lost is the last."""
        parts: list[FleetPart] = []
        while len(parts) < plan.trials and not (parts and parts[-1].cut_short):
            parts.append(self.trial(target, plan, len(parts)))
        return self.finished(target, plan, parts)

    def trial(self, target: Target, plan: LoadPlan, number: int, before: object = ()) -> FleetPart:
        """Run one trial of a load."""
        del before
        if not plan.longest_service_s:
            longest_s = self._fleet.longest_service_s(target, plan, self._interrupts)
            plan = replace(plan, longest_service_s=longest_s)
        if plan.arrivals == "poisson" and plan.seed is None:
            plan = replace(plan, seed=secrets.randbits(32))
        hosts = self._fleet.left()
        shares = dict(zip(hosts, spread_over(len(hosts), plan.spread), strict=True))
        requests = {
            host: Request(
                target,
                self._plan_of(plan, host, share),
                number,
                not self._fleet.is_local,
                max(1, messages.MOST_LAUNCHES // len(hosts)),
            )
            for host, share in shares.items()
        }
        meeting = Rendezvous(requests, self._fleet.facts.clock)
        of_hosts = self._joined(meeting, hosts, f"{label_of(target, plan, [number])} on {len(hosts)} hosts")
        stayed = {each.host for each in of_hosts}
        lost = [(host, share) for host, share in shares.items() if host not in stayed]
        self._fleet.note_lost([host for host, _ in lost])
        if not of_hosts:
            whys = "; ".join(f"{host.name}: {host.lost}" for host, _ in lost)
            raise LoadError(f"every host was lost ({whys})")
        return self._with_outputs(plan, fleet_part(plan, of_hosts, lost))

    def _joined(self, meeting: Rendezvous, hosts: Sequence[Host], label: str) -> list[HostPart]:
        """Wait for a trial, and show how far the hosts have come."""
        for host in hosts:
            host.progress = Progress()
        with self._show(label) as show:

            def look() -> None:
                show(combined(host.progress for host in hosts if not host.lost))

            return self._fleet.wait(meeting.trials(), self._interrupts, meeting, look)

    def _plan_of(self, plan: LoadPlan, host: Host, share: Share) -> LoadPlan:
        """Return the plan of one host's share; outputs on this machine go to a directory of its own."""
        output = None if plan.output is None else (plan.output / host.directory).absolute()
        return replace(plan, share=share, output=output, raw=None)

    def _with_outputs(self, plan: LoadPlan, part: FleetPart) -> FleetPart:
        """Write the outputs that came home; return the part with what went wrong."""
        if plan.output is None or self._fleet.is_local:
            return part
        problems: list[str] = []
        for each in part.of_hosts:
            directory = plan.output / each.host.directory
            try:
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
                for name, data in each.outputs.items():
                    (directory / Path(name).name).write_bytes(data)
            except OSError as error:
                problems.append(f"--sweep-output: can't write into {str(directory)!r}: {error.strerror}")
            if each.left_out:
                problems.append(f"{each.host.name}: {each.left_out} outputs were too much to bring home")
        return replace(part, problems=[*part.problems, *problems])

    def judged(self, parts: Sequence[Part]) -> Judged:
        """Return the verdict on the parts of a load so far."""
        return pooled([part.judged[1] for part in parts if isinstance(part, FleetPart)])

    def finished(
        self, target: Target, plan: LoadPlan, parts: Sequence[Part], *, interrupted: bool = False
    ) -> Measured:
        """Join the parts of a load."""
        ours = [part for part in parts if isinstance(part, FleetPart)]
        return finished(target, plan, ours, self._fleet.token, interrupted=interrupted)
