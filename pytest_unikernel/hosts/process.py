"""The process on a host that makes its share of every load: a session, guards, supervisor, reaper of its own.

It is a child of the worker's and never part of it: a load beside dask's event loop would be late for it.
"""

from __future__ import annotations

import os
import platform
import select
import socket
import sys
import tempfile
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from pytest_unikernel.clock import monotonic_ns
from pytest_unikernel.errors import UnikernelError
from pytest_unikernel.host import facts
from pytest_unikernel.host.quiet import Quiescence
from pytest_unikernel.hosts import frames, messages
from pytest_unikernel.hosts.frames import Frame, packed
from pytest_unikernel.hosts.messages import Answer, HostFacts, Request
from pytest_unikernel.hosts.orders import LEASE_NS, Orders
from pytest_unikernel.launch.availability import why_not
from pytest_unikernel.launch.cleanup import leftovers
from pytest_unikernel.launch.generator import soon
from pytest_unikernel.plan.load_plan import ColdPlan
from pytest_unikernel.results.digest import digest, thinned
from pytest_unikernel.run.measuring import Loads
from pytest_unikernel.run.part import Part
from pytest_unikernel.run.session import Session


def host_facts() -> HostFacts:
    """Return the facts about this host."""
    versions = {
        "pytest-unikernel": version("pytest-unikernel"),
        "python": platform.python_version(),
        "kernel": platform.release(),
    }
    return HostFacts(socket.gethostname(), facts.usable_cores(), versions, clock_name())


def clock_name() -> tuple[str, str]:
    """Return a name of CLOCK_MONOTONIC: the boot that it counts from, and the namespace that shifts it.

    Source: time_namespaces(7).
    """
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    try:
        return boot, str(Path("/proc/self/ns/time").readlink())
    except OSError:  # a kernel without them
        return boot, ""


class ShareProcess:
    """Answers requests for trials until it is told to end, or nobody is there."""

    def __init__(self, orders: Orders, output: int) -> None:
        self._orders = orders
        self._output = output
        os.set_blocking(output, False)
        self._simulated = False
        self._origin_ns = 0

    def run(self) -> None:
        """Serve, and clean up at the end whatever that was."""
        session = Session()
        try:
            quiescence = Quiescence(session.sample, lambda: list(leftovers.holders(session.token)))
            loads = Loads(session, quiescence, self._orders, begin=self._begin)
            facts_here = replace(host_facts(), progress=str(session.progress_file))
            self._say(Frame(frames.HELLO, body=messages.dumps(facts_here)))
            while (data := self._orders.next_trial()) is not None:
                self._say(self._answered(loads, data))
        finally:
            session.close()

    def _answered(self, loads: Loads, data: bytes) -> Frame:
        try:
            request: Request = messages.loads(data)
            self._simulated = request.target.simulated
            missing = why_not(request.target) if request.elsewhere else None
            if missing is not None:
                return Frame(frames.MISSING, body=messages.dumps(missing))
            answer = bounded(self._answer(loads, request), request.most_launches)
            return Frame(frames.DONE, body=messages.dumps(answer))
        except UnikernelError as error:
            return Frame(frames.FAILED, body=str(error).encode())
        except Exception as error:  # noqa: BLE001 - whatever it is, pytest must hear of it
            return Frame(frames.FAILED, body=repr(error).encode())

    def _answer(self, loads: Loads, request: Request) -> Answer:
        if not request.elsewhere or request.plan.output is None:
            return Answer(self._part(loads, request), self._origin_ns)
        with tempfile.TemporaryDirectory(prefix="unikernel-output-") as name:
            directory = Path(name)
            plan = replace(request.plan, output=directory)
            part = self._part(loads, replace(request, plan=plan))
            return Answer(part, self._origin_ns, *_outputs(directory))

    def _part(self, loads: Loads, request: Request) -> Part:
        if isinstance(request.plan, ColdPlan):
            return loads.cold_part(request.target, request.plan)
        return loads.trial(request.target, request.plan, request.number)

    def _begin(self, now_ns: int) -> int:
        """Report that all is ready; return the agreed instant, or the next one possible if that is past."""
        self._say(Frame(frames.READY))
        at_ns = self._orders.begin_at_ns()
        # A simulated target's time is its own, and no host's.
        self._origin_ns = soon(now_ns) if self._simulated else max(at_ns or 0, soon(monotonic_ns()))
        return self._origin_ns

    def _say(self, frame: Frame) -> None:
        """Send a frame, for as long as the lease holds: a worker that is stopped reads nothing."""
        data = memoryview(packed(frame))
        poll = select.poll()
        poll.register(self._output, select.POLLOUT)
        while data and not self._orders.gone:
            if poll.poll(LEASE_NS / 1e7):
                try:
                    data = data[os.write(self._output, data) :]
                except BlockingIOError:
                    continue
                except BrokenPipeError:
                    return
            self._orders.drain(monotonic_ns())


def bounded(answer: Answer, most: int) -> Answer:
    """Return an answer of at most so many launches; of a trial of more, some launches and a digest of all."""
    part = answer.part
    launches = max(len(trial.log) for trial in part.trials)
    if launches <= most:
        return answer
    every = -(-launches // most)
    few = replace(
        part,
        trials=[thinned(trial, every) for trial in part.trials],
        turns_ns=part.turns_ns[:: -(-len(part.turns_ns) // most)],
    )
    return replace(answer, part=few, digest=digest(part.trials[0], every))


def _outputs(directory: Path) -> tuple[dict[str, bytes], int]:
    """Return the files of a directory, as many as may go home, and the number of the others."""
    found, left_out, room = {}, 0, messages.MOST_OUTPUT_BYTES
    for path in sorted(directory.iterdir()):
        room -= path.stat().st_size
        if room >= 0:
            found[path.name] = path.read_bytes()
        else:
            left_out += 1
    return found, left_out


def main() -> None:
    """Run on standard input and output; what targets print goes nowhere."""
    output = os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)
    os.close(null)
    ShareProcess(Orders(0), output).run()
    sys.exit(0)
