"""One trial on all hosts: they set up, agree on an instant, launch, and bring the launches home."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from pytest_unikernel.clock import monotonic_ns
from pytest_unikernel.errors import LoadError, MissingThereError
from pytest_unikernel.hosts import frames, messages
from pytest_unikernel.hosts.clocks import Offset
from pytest_unikernel.hosts.host import Host, HostLost
from pytest_unikernel.hosts.messages import Answer, Request
from pytest_unikernel.plan.load_plan import LoadPlan
from pytest_unikernel.plan.target_fields import Unavailable
from pytest_unikernel.results.fleet import HostTrial
from pytest_unikernel.run.part import Part

AHEAD_NS = 200_000_000  # from the order to begin to the beginning: many times the way to a host
PATIENCE_S = 30.0  # after the last instant at which a load can end by its plan
PER_LAUNCH_S = 20e-6  # to digest and pack one launch of millions: 7.5 us were measured
STOPPED_WITHIN_S = 15.0


@dataclass(frozen=True)
class HostPart:
    """A trial as one host ran it.

    Attributes:
        host: who.
        part: what it measured.
        trial: its launches, with their place in the schedule of all.
        clock: what is known of its clock.
        outputs: the outputs of its instances that came home, by the names of their files.
        left_out: how many did not, for want of room.
    """

    host: Host
    part: Part
    trial: HostTrial
    clock: Offset
    outputs: Mapping[str, bytes]
    left_out: int


class Rendezvous:
    """One trial, a request a host; ``stop`` may be called meanwhile.

    A host that is lost has no part in the outcome. A host that can't run the trial ends it for all.
    """

    def __init__(self, requests: dict[Host, Request], clock: tuple[str, str]) -> None:
        self._requests = requests
        self._clock = clock
        self._stopping: list[asyncio.Task[None]] = []
        self._stopped = False

    def stop(self, number: int) -> None:
        """Have all hosts end their load for this signal; once."""
        if not self._stopped:
            self._stopped = True
            self._stopping += [asyncio.ensure_future(self._stop(host, number)) for host in self._requests]

    async def _stop(self, host: Host, number: int) -> None:
        try:
            await host.tell(frames.STOP, number)
        except HostLost:
            return
        await asyncio.sleep(STOPPED_WITHIN_S)
        host.give_up("it did not end its load when asked to")

    async def trials(self) -> list[HostPart]:
        """Run the trial.

        Raises:
            LoadError: a host can't run it.
        """
        try:
            ready = await self._on_all(list(self._requests), self._prepared)
            before = await self._offsets(ready)
            begin_ns = monotonic_ns() + AHEAD_NS
            answers: list[tuple[Host, Answer]] = []

            async def launched(host: Host) -> None:
                answers.append((host, await self._launched(host, begin_ns + before[host].offset_ns)))

            ran = await self._on_all([host for host in ready if host in before], launched)
            after = await self._offsets(ran)
            order = list(self._requests)
            answers.sort(key=lambda each: order.index(each[0]))
            return [
                _host_part(host, answer, begin_ns, before[host], after.get(host, before[host]))
                for host, answer in answers
            ]
        finally:
            for task in self._stopping:
                task.cancel()
            await asyncio.gather(*self._stopping, return_exceptions=True)

    async def parts(self) -> list[Part]:
        """Run cold starts, which need no common beginning."""
        answers: list[Part] = []

        async def ran(host: Host) -> None:
            await host.tell(frames.TRIAL, body=messages.dumps(self._requests[host]))
            answers.append(_answer(host, await host.reply()).part)

        await self._on_all(list(self._requests), ran)
        return answers

    async def _on_all(self, hosts: Sequence[Host], ask: Callable[[Host], Awaitable[None]]) -> list[Host]:
        """Ask all hosts at once; return those that are not lost.

        Raises:
            LoadError: one can't; the others end what they have begun.
        """
        results = await asyncio.gather(*(ask(host) for host in hosts), return_exceptions=True)
        errors = [each for each in results if isinstance(each, BaseException)]
        refusals = [each for each in errors if not isinstance(each, HostLost)]
        # A target that some can launch is reported as what those lack that can't: pytest skips it otherwise.
        missing = [each for each in refusals if isinstance(each, MissingThereError)]
        refused = next((each for each in refusals if each not in missing), None)
        if refused is None and missing:
            refused = missing[0] if len(missing) == len(hosts) else LoadError(str(missing[0]))
        if refused is None:
            return [host for host in hosts if not host.lost]
        begun = [host for host, each in zip(hosts, results, strict=True) if each is None]
        await asyncio.gather(*map(self._abandoned, begun), return_exceptions=True)
        raise refused

    async def _abandoned(self, host: Host) -> None:
        """End what a host has begun, and take its answer, which nobody needs."""
        await host.tell(frames.STOP, signal.SIGTERM)
        await host.reply(STOPPED_WITHIN_S)

    async def _prepared(self, host: Host) -> None:
        await host.tell(frames.TRIAL, body=messages.dumps(self._requests[host]))
        kind, body = await host.reply()
        if kind != frames.READY:
            _answer(host, (kind, body))
            raise LoadError(f"{host.name}: expected to hear that it is ready, got {kind!r}")

    async def _launched(self, host: Host, begin_at_ns: int) -> Answer:
        await host.tell(frames.GO, begin_at_ns)
        return _answer(host, await host.reply(self._longest_s(host)))

    def _longest_s(self, host: Host) -> float:
        plan = self._requests[host].plan
        assert isinstance(plan, LoadPlan)  # noqa: S101 - cold starts have no beginning
        window_s = plan.window_ns / 1e9
        packing_s = PER_LAUNCH_S * (plan.agreed_warmup_s + window_s) / float(plan.step)
        return plan.agreed_warmup_s + window_s + plan.drain_timeout_s + packing_s + PATIENCE_S

    async def _offsets(self, hosts: Sequence[Host]) -> dict[Host, Offset]:
        found: dict[Host, Offset] = {}

        async def measured(host: Host) -> None:
            found[host] = await host.offset(self._clock)

        await self._on_all(hosts, measured)
        return found


def _answer(host: Host, reply: tuple[bytes, bytes]) -> Answer:
    kind, body = reply
    if kind == frames.MISSING:
        missing: Unavailable = messages.loads(body)
        raise MissingThereError(host.name, missing.reason, missing.cure)
    if kind == frames.FAILED:
        raise LoadError(f"{host.name}: {body.decode(errors='replace')}")
    answer: Answer = messages.loads(body)
    return answer


def _host_part(host: Host, answer: Answer, begin_ns: int, before: Offset, after: Offset) -> HostPart:
    """Place a host's launches in the schedule of all.

    The skew is the time by which the host began after the agreed instant, by its offset in the middle of the
    load: the mean of before and after.
    """
    middle_ns = (before.offset_ns + after.offset_ns) // 2
    simulated = answer.part.target.simulated  # their time is their own
    skew_ns = 0 if simulated else answer.origin_ns - middle_ns - begin_ns
    trial = HostTrial(answer.part.trials[0], answer.origin_ns, skew_ns, answer.digest)
    drift_ns = abs(after.offset_ns - before.offset_ns) // 2
    clock = before._replace(error_ns=max(before.error_ns, after.error_ns) + drift_ns)
    return HostPart(host, answer.part, trial, clock, answer.outputs, answer.left_out)
