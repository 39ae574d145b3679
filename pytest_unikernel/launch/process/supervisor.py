"""Instances as child processes, each from its start until nothing of it is left.

This is the hot path of every load; code that looks inlined here was measured.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal

from pytest_unikernel.clock import NS_PER_S, monotonic_ns, nanoseconds
from pytest_unikernel.launch.cleanup.leftovers import Adopted
from pytest_unikernel.launch.deadlines import DeadlineQueue
from pytest_unikernel.launch.output import WHOLE_BYTES, Wanted, Watch
from pytest_unikernel.launch.process.child import Child
from pytest_unikernel.launch.process.children import Children
from pytest_unikernel.launch.process.event_pipe import EventPipe
from pytest_unikernel.launch.process.remover import Remover
from pytest_unikernel.launch.process.spawn import Spawner
from pytest_unikernel.launch.process.starter import Starter
from pytest_unikernel.launch.process.tcp_probe import Prober
from pytest_unikernel.launch.real_supervisor import RealSupervisor
from pytest_unikernel.launch.runtime import Runtime
from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.plan.readiness import Event, Port
from pytest_unikernel.plan.target import Target

MAX_EVENTS = 256
ADOPTED_EVERY_NS = NS_PER_S
LAST_WORDS_NS = NS_PER_S // 5
EPOLLHUP = int(select.EPOLLHUP)


class ProcessSupervisor(RealSupervisor[Child, Child]):
    """Each instance is a child process that leads its own process group."""

    def __init__(self, target: Target, runtime: Runtime, timeout_s: float) -> None:
        super().__init__(target, runtime, MAX_EVENTS)
        self._children = Children(self._loop, runtime.table)
        self._wanted = Wanted(target)
        self._looks_at_output = self._wanted.anything
        self._timeout_ns = nanoseconds(timeout_s)
        self._grace: DeadlineQueue[Child] = DeadlineQueue(nanoseconds(target.stop_grace_s))
        self._last_words: DeadlineQueue[Child] = DeadlineQueue(LAST_WORDS_NS)
        self._limits = (self._grace, self._last_words)
        self._adopted = Adopted()
        self._look_for_adopted_ns = 0
        with contextlib.ExitStack() as undo:  # should something not come about, nothing stays open
            undo.callback(self._loop.close)
            self._open(target, runtime, undo)
            self._close = undo.pop_all().close
        self._discard, self._prepare = self._starter.discard, self._starter.prepare

    def _open(self, target: Target, runtime: Runtime, undo: contextlib.ExitStack) -> None:
        """Make the parts with descriptors or processes of their own, which live as long as the load."""
        loop, ready = self._loop, target.ready
        spawner = Spawner(runtime, target.cwd)
        undo.callback(spawner.close)
        self._events = EventPipe(runtime.directory)
        undo.callback(self._events.close)
        loop.watch(self._events.descriptor, self._on_events)
        self._prober = Prober(ready, loop, self._on_ready) if isinstance(ready, Port) else None
        if self._prober is not None:
            undo.callback(self._prober.close)
        undo.callback(self._adopted.clear, runtime.token)
        self._remover = Remover(target, runtime.token, spawner, loop) if target.removal else None
        if self._remover is not None:
            undo.callback(self._remover.close)
        self._starter = Starter(target, runtime, spawner, self._events.path)

    @property
    def removing(self) -> int:
        """Instances that have exited and not been removed yet."""
        return 0 if self._remover is None else self._remover.pending

    # starting -------------------------------------------------------------------------------------

    def start(self, index: int) -> None:
        """Start the launch of that row; ``started_ns`` is the instant before posix_spawn."""
        log, loop = self.log, self._loop
        is_taken = self._prober is not None and self._prober.is_taken()
        try:
            child = self._starter.start(index, log)
        except OSError as error:
            self._not_started(index, error)
            return
        self.in_flight += 1
        limit_ns = child.limit_ns = log.started_ns[index] + self._timeout_ns
        if limit_ns < loop.limit_ns:
            loop.limit_ns = limit_ns
        if self._looks_at_output:
            child.watch = Watch(self._wanted)
        if self._keep_output:
            child.tail_bytes = WHOLE_BYTES
        self._children.add(child)
        if self._prober is not None and not is_taken:
            self._prober.add(child, log.started_ns[index])

    def _not_started(self, index: int, error: OSError) -> None:
        if self.log.started_ns[index] < 0:
            self.log.started_ns[index] = monotonic_ns()
        self.log.status[index] = error.errno or 0
        self._fail(index, Outcome.SPAWN_ERROR, f"{self._starter.culprit()}: {error.strerror}")

    # events ---------------------------------------------------------------------------------------

    def _on_event(self, child: Child, descriptor: int, mask: int, now_ns: int) -> None:
        if descriptor == child.pidfd:
            self._on_exit(child, now_ns)
        elif mask == EPOLLHUP:
            child.is_drained = True  # its end is reported once, and needs no handling before the exit
        else:
            self._children.take_output(child)
            if child.watch is not None:
                self._look_at_output(child, child.watch, now_ns)

    def _on_events(self, now_ns: int) -> None:
        ready = self._target.ready
        for instance_id, name in self._events.read():
            child = self._children.named(instance_id)
            if child is None or child.log is not self.log:
                continue
            self.log.events.setdefault(child.index, {}).setdefault(name, now_ns)
            if isinstance(ready, Event) and name == ready.name:
                self._on_ready(child, now_ns)

    def _stop(self, child: Child, now_ns: int) -> None:
        child.signal_group(self._target.stop_signal)
        self._let_finish(child, self._grace, now_ns)

    def _on_failure(self, child: Child, now_ns: int) -> None:
        self._let_finish(child, self._last_words, now_ns)

    def _let_finish(self, child: Child, limit: DeadlineQueue[Child], now_ns: int) -> None:
        """The outcome is known: let the instance go by itself, within the limit."""
        self._loop.expect(limit.add(child, now_ns))

    def _enforce_limits(self, now_ns: int) -> int:
        for child in self._children.overdue(now_ns):
            self._end(child, Outcome.TIMEOUT)
        for limit in self._limits:
            for child in limit.expired(now_ns):
                child.signal_group(signal.SIGKILL)
        if now_ns >= self._look_for_adopted_ns:
            self._look_for_adopted_ns = now_ns + ADOPTED_EVERY_NS
            removing = set() if self._remover is None else self._remover.pids
            self._adopted.reap(removing.union(child.pid for child in self._children))
        limits = [self._look_for_adopted_ns]
        if self._prober is not None:
            self._prober.attempt(now_ns)
            limits.append(self._prober.next_ns())
        return min(*limits, self._children.next_limit_ns(), *(limit.next_ns() for limit in self._limits))

    # ending ---------------------------------------------------------------------------------------

    def _end(self, child: Child, outcome: Outcome) -> None:
        if child.ended_as is None:
            child.ended_as = outcome
        child.signal_group(signal.SIGKILL)

    def end_all(self, outcome: Outcome) -> None:
        """Begin to end every instance in flight; those that have no outcome yet get this one."""
        for child in self._children:
            self._end(child, outcome)

    def _on_exit(self, child: Child, now_ns: int) -> None:
        """Observe the exit, take the last output, kill the group, then reap: in this order."""
        if not child.has_exited():
            self._children.expect_exit(child)
            return
        if child.pipe >= 0 and not child.is_drained:
            self._children.drain(child)
        if child.watch is not None:
            child.watch.end()
            self._look_at_output(child, child.watch, now_ns)
        child.signal_group(signal.SIGKILL)
        _, wait_status, usage = os.wait4(child.pid, 0)
        self._children.remove(child)
        self.in_flight -= 1
        if child.ended_as is not None:
            self._grace.discard(child)
            self._last_words.discard(child)
        if self._prober is not None:
            self._prober.discard(child)
        status = os.waitstatus_to_exitcode(wait_status)
        log, index = child.log, child.index
        if log is self.log:
            log.user_s[index], log.system_s[index] = usage.ru_utime, usage.ru_stime
            log.max_rss_kib[index] = usage.ru_maxrss
            self._classify(child, status, now_ns)
        if self._cleans_up:
            how = "exited successfully" if status == 0 else f"exited with error code {status}"
            self._clean_up(child, how)
        if self._remover is not None:
            self._remove(self._remover, child, status)
        self._discard(child.instance)
        self._prepare()
        self._loop.is_any_gone = True

    def _remove(self, remover: Remover, child: Child, status: int) -> None:
        """Have the instance's leftovers removed, unless there are none, or they may be foreign."""
        refused = child.log.outcome[child.index] == Outcome.DAEMON_ERROR
        if not refused and not (self._target.removes_itself and status >= 0):
            remover.add(child.instance.id)

    def close(self) -> None:
        """Release everything. Children that can't be ended are abandoned, uncounted."""
        for child in self._children:
            child.signal_group(signal.SIGKILL)
            self._children.remove(child)
        self._close()
