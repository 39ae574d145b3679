"""Instances as child processes: one epoll over a timerfd, pidfds, output pipes and probes.

This is the hot path of every load; what looks inlined here was measured.
"""

from __future__ import annotations

import itertools
import os
import select
import signal
from collections import OrderedDict
from collections.abc import Callable, Iterator

from pytest_unikernel.clock import NS_PER_S, monotonic_ns, nanoseconds, unix_ns
from pytest_unikernel.errors import LoadError
from pytest_unikernel.host.linux import timer_setter, timerfd
from pytest_unikernel.launch.bookkeeping import SLOW_NS, Books
from pytest_unikernel.launch.cleanup.leftovers import Adopted
from pytest_unikernel.launch.deadlines import Limit
from pytest_unikernel.launch.output import WHOLE_BYTES, Sink, Wanted, Watch
from pytest_unikernel.launch.process.child import Child, open_pidfd
from pytest_unikernel.launch.process.event_pipe import EventPipe
from pytest_unikernel.launch.process.instances import Instances
from pytest_unikernel.launch.process.parking import FIRST_KEY, Parking
from pytest_unikernel.launch.process.remover import Remover
from pytest_unikernel.launch.process.spawn import Spawner
from pytest_unikernel.launch.process.tcp_probe import Prober
from pytest_unikernel.launch.runtime import Runtime
from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.plan.readiness import Event, Port
from pytest_unikernel.plan.target import Target
from pytest_unikernel.plan.target_fields import Instance

ADOPTED_EVERY_NS = NS_PER_S
LAST_WORDS_NS = NS_PER_S // 5
MAX_EVENTS = 256
# Instances in flight up to which their descriptors are not parked: parking costs the generator about as much
# CPU time as it saves, and what it saves each launched instance is worth that only in a crowd.
CROWD = 512
EPOLLIN, EPOLLHUP = int(select.EPOLLIN), int(select.EPOLLHUP)
# Edge-triggered, so that the end of a pipe is told once and needs no handling before the exit that follows.
EPOLLIN_EDGE = int(select.EPOLLIN | select.EPOLLET)


class ProcessSupervisor(Books[Child]):
    """Each instance is a child process that leads its own process group."""

    def __init__(self, target: Target, runtime: Runtime, timeout_s: float) -> None:
        super().__init__(target, runtime)
        self._runtime = runtime
        self._prober = Prober(target.ready, self, self._on_ready) if isinstance(target.ready, Port) else None
        self._wanted = Wanted(target)
        self._looks_at_output = self._wanted.anything
        self._spawner = Spawner(runtime, target.cwd)
        self._epoll = select.epoll()
        self._register, self._unregister = self._epoll.register, self._epoll.unregister
        self._enter, self._leave = runtime.table.enter, runtime.table.leave
        self._by_descriptor: dict[int, Child] = {}
        self._by_name: OrderedDict[str, Child] = OrderedDict()  # as they were started
        self._parking = Parking(self._epoll, self._by_descriptor)
        self._young, self._parked = self._parking.young, self._parking.batches
        self._handlers: dict[int, Callable[[int], None]] = {}
        self._timer = timerfd()
        self._epoll.register(self._timer, EPOLLIN)
        self._arm = timer_setter(self._timer)
        self._armed_ns = -1
        self._timeout_ns = nanoseconds(timeout_s)
        self._grace: Limit[Child] = Limit(nanoseconds(target.stop_grace_s))
        self._last_words: Limit[Child] = Limit(LAST_WORDS_NS)
        self._limits = (self._grace, self._last_words)
        self._limit_ns = 0
        self._adopted = Adopted()
        self._look_for_adopted_ns = 0
        self._events = EventPipe(runtime.directory)
        self.watch(self._events.descriptor, self._on_events)
        self._remover = Remover(target, runtime.token, self._spawner, self) if target.removal else None
        self._instances = Instances(target, runtime.directory, runtime.token, self._events.path)
        self._prepared: Instance | None = None

    def now_ns(self) -> int:
        """Return CLOCK_MONOTONIC."""
        return monotonic_ns()

    @property
    def removing(self) -> int:
        """Instances that have exited and not been removed yet."""
        return 0 if self._remover is None else self._remover.pending

    def watch(self, descriptor: int, handler: Callable[[int], None]) -> None:
        """Call the handler with the instant whenever the descriptor is readable."""
        self._handlers[descriptor] = handler
        self._epoll.register(descriptor, EPOLLIN)

    def unwatch(self, descriptor: int) -> None:
        """Forget a watched descriptor; the caller closes it."""
        if self._handlers.pop(descriptor, None) is not None:
            self._epoll.unregister(descriptor)

    # starting -------------------------------------------------------------------------------------

    def start(self, index: int) -> None:
        """Start the launch of that row; ``started_ns`` is the instant before posix_spawn."""
        log, instances = self.log, self._instances
        pipe = write_end = -1
        instance: Instance | None = None
        sink: Sink | None = None
        try:
            instance = self._prepared or instances.make()
            argv, environment = instances.argv(instance), instances.environment(instance)
            if not self._target.console:
                pipe, write_end = os.pipe()
                os.set_blocking(pipe, False)
            sink = None if self._runtime.conditions.output is None else self._runtime.sink(instance.id)
            log.instance[index] = instance.number
            log.started_ns[index] = started_ns = monotonic_ns()
            pid = self._spawner.spawn(argv, environment, write_end)
            log.spawn_ns[index] = spawn_ns = monotonic_ns() - started_ns
            child = Child(index, log, instance, pid, open_pidfd(pid))
            child.pipe, child.sink = pipe, sink
            child.slot = self._enter(pid, started_ns, spawn_ns)
            self._adopt(child, started_ns)
        except OSError as error:
            self._not_started(index, error, pipe, instance)
            if sink is not None:
                sink.close(f"could not be started: {error.strerror}", unix_ns())
        except LoadError:  # no file for its output
            for descriptor in {pipe, write_end} - {-1}:
                os.close(descriptor)
            raise
        if write_end >= 0:
            os.close(write_end)
        self._prepared = None
        if self.in_flight > CROWD and len(self._young) >= self._parking.round_at:
            self._parking.round()

    def _adopt(self, child: Child, started_ns: int) -> None:
        """Begin to watch a new child; it can't be lost meanwhile, for it stays a zombie until reaped."""
        pidfd, pipe = child.pidfd, child.pipe
        self._by_descriptor[pidfd] = self._by_name[child.instance.id] = child
        self._register(pidfd, EPOLLIN)
        if pipe >= 0:
            self._by_descriptor[pipe] = child
            self._register(pipe, EPOLLIN_EDGE)
        self.in_flight += 1
        if self.in_flight > CROWD:
            self._young.append(child)
        limit_ns = child.limit_ns = started_ns + self._timeout_ns
        if limit_ns < self._limit_ns:
            self._limit_ns = limit_ns
        if self._looks_at_output:
            child.watch = Watch(self._wanted)
        if self._keep_output:
            child.tail_bytes = WHOLE_BYTES
        if self._prober is not None:
            self._limit_ns = min(self._limit_ns, self._prober.add(child, started_ns))

    def _not_started(self, index: int, error: OSError, pipe: int, instance: Instance | None) -> None:
        if pipe >= 0:
            os.close(pipe)
        if instance is not None:
            self._instances.discard(instance)
        if self.log.started_ns[index] < 0:
            self.log.started_ns[index] = monotonic_ns()
        self.log.status[index] = error.errno or 0
        self._fail(index, Outcome.SPAWN_ERROR, f"{self._culprit()}: {error.strerror}")

    def _culprit(self) -> str:
        """Return what a failed start is about: the program, or a working directory that isn't there."""
        target = self._target
        return target.argv[0] if target.cwd is None or os.path.isdir(target.cwd) else f"cwd={target.cwd!r}"  # noqa: PTH112

    # waiting --------------------------------------------------------------------------------------

    def wait(self, until_ns: int, *, or_exit: bool = True, punctual: bool = True) -> int:  # noqa: C901, PLR0912 - calls are dear
        """Handle what happens until the instant, or an exit, or a watched descriptor; see the protocol."""
        poll, by_descriptor = self._epoll.poll, self._by_descriptor
        now_ns, awake_ns = monotonic_ns(), until_ns
        if punctual and self.shortest_service_ns < SLOW_NS:
            awake_ns -= self._runtime.ahead_ns
        returning = False
        while True:
            wake_ns = self._limit_ns if self._limit_ns < awake_ns else awake_ns
            if wake_ns <= now_ns:
                happened = poll(0, MAX_EVENTS)
            else:
                if wake_ns != self._armed_ns:
                    self._arm(wake_ns)
                    self._armed_ns = wake_ns
                happened = poll(-1, MAX_EVENTS)
            now_ns = monotonic_ns()
            for descriptor, mask in happened:
                child = by_descriptor.get(descriptor)
                if child is None:
                    if descriptor == self._timer:
                        self._armed_ns = -1
                    else:
                        returning |= self._on_other(descriptor, now_ns)
                elif descriptor == child.pidfd:
                    returning |= self._on_exit(child, now_ns) and or_exit
                elif mask == EPOLLHUP:
                    child.is_drained = True  # its end is told once, and nothing needs doing before the exit
                else:
                    self._on_output(child, now_ns)
            if now_ns >= self._limit_ns:
                self._enforce_limits(now_ns)
            if happened:  # idle looks ahead of a deadline would be most of them
                self.turns_ns.append(monotonic_ns() - now_ns)
            if returning or now_ns >= until_ns:
                return now_ns

    def _on_other(self, descriptor: int, now_ns: int) -> bool:
        """Handle a watched descriptor; return whether it was one."""
        handler = self._handlers.get(descriptor)
        if handler is not None:
            handler(now_ns)
            if self._prober is not None:  # an answer may have it tried anew
                self._limit_ns = min(self._limit_ns, self._prober.next_ns())
        return handler is not None

    def _enforce_limits(self, now_ns: int) -> None:
        for child in self._overdue(now_ns):
            self._end(child, Outcome.TIMEOUT)
        for limit in self._limits:
            for child in limit.expired(now_ns):
                child.signal_group(signal.SIGKILL)
        if now_ns >= self._look_for_adopted_ns:
            self._look_for_adopted_ns = now_ns + ADOPTED_EVERY_NS
            removing = set() if self._remover is None else self._remover.pids
            self._adopted.reap(removing.union(child.pid for child in self._by_name.values()))
        self._limit_ns = min(self._look_for_adopted_ns, *(limit.next_ns() for limit in self._limits))
        oldest = next(self._running(), None)
        if oldest is not None:
            self._limit_ns = min(self._limit_ns, oldest.limit_ns)
        if self._prober is not None:
            self._prober.attempt(now_ns)
            self._limit_ns = min(self._limit_ns, self._prober.next_ns())

    def _running(self) -> Iterator[Child]:
        """Yield the children whose outcome is still open, the oldest first: its time-out is the next."""
        return (child for child in self._by_name.values() if child.ended_as is None)

    def _overdue(self, now_ns: int) -> list[Child]:
        return list(itertools.takewhile(lambda child: child.limit_ns <= now_ns, self._running()))

    def _on_events(self, now_ns: int) -> None:
        ready = self._target.ready
        for instance_id, name in self._events.read():
            child = self._by_name.get(instance_id)
            if child is None or child.log is not self.log:
                continue
            self.log.events.setdefault(child.index, {}).setdefault(name, now_ns)
            if isinstance(ready, Event) and name == ready.name:
                self._on_ready(child, now_ns)

    def _on_output(self, child: Child, now_ns: int) -> None:
        if not self._drain(child):
            self._epoll.modify(child.pipe, EPOLLIN_EDGE)  # there is more: be told again
        if child.watch is not None:
            self._look_at_output(child, child.watch, now_ns)

    def _drain(self, child: Child) -> bool:
        if child.pipe >= FIRST_KEY:
            child.pipe = self._parking.take_back(child, child.pipe, EPOLLIN_EDGE)
        return child.drain()

    def _on_failure(self, child: Child, now_ns: int) -> None:
        self._let_finish(child, self._last_words, now_ns)

    def _stop(self, child: Child, now_ns: int) -> None:
        child.signal_group(self._target.stop_signal)
        self._let_finish(child, self._grace, now_ns)

    # ending ---------------------------------------------------------------------------------------

    def _let_finish(self, child: Child, limit: Limit[Child], now_ns: int) -> None:
        """The outcome is known: let the instance go by itself, within the limit."""
        self._limit_ns = min(self._limit_ns, limit.add(child, now_ns))

    def _end(self, child: Child, outcome: Outcome) -> None:
        if child.ended_as is None:
            child.ended_as = outcome
        child.signal_group(signal.SIGKILL)

    def end_all(self, outcome: Outcome) -> None:
        """Begin to end every instance in flight; those that have no outcome yet get this one."""
        for child in list(self._by_name.values()):
            self._end(child, outcome)

    def _on_exit(self, child: Child, now_ns: int) -> bool:
        """Observe the exit, take the last output, kill the group, then reap: in this order."""
        if not child.has_exited():
            if child.pidfd >= FIRST_KEY:  # which tells of it once only, for all it knows now
                child.pidfd = self._parking.take_back(child, child.pidfd, EPOLLIN)
            return False
        if child.pipe >= 0 and not child.is_drained:
            self._drain(child)
        if child.watch is not None:
            child.watch.end()
            self._look_at_output(child, child.watch, now_ns)
        child.signal_group(signal.SIGKILL)
        _, wait_status, usage = os.wait4(child.pid, 0)
        self._forget(child)
        status = os.waitstatus_to_exitcode(wait_status)
        log, index = child.log, child.index
        if log is self.log:
            log.user_s[index], log.system_s[index] = usage.ru_utime, usage.ru_stime
            log.max_rss_kib[index] = usage.ru_maxrss
            self._classify(child, status, now_ns)
        self._clean_up(child, "exited successfully" if status == 0 else f"exited with error code {status}")
        if self._remover is not None:
            self._remove(self._remover, child, status)
        self._instances.discard(child.instance)
        if self._prepared is None:
            self._prepare()
        return True

    def _prepare(self) -> None:
        """Make the next instance ahead of its time: after an exit, for after a start there is no time."""
        try:
            self._prepared = self._instances.make()
        except OSError:
            self._prepared = None  # tried anew, and reported, when it is due

    def _forget(self, child: Child) -> None:
        """Let go of a child. Closing a descriptor alone would not take it out of the epoll set.

        The launch before may still hold a copy: posix_spawn returns before the exec closes them. Its
        events would then be taken for those of the next descriptor of that number.
        """
        pidfd, pipe = child.pidfd, child.pipe
        del self._by_descriptor[pidfd], self._by_name[child.instance.id]
        if pidfd < FIRST_KEY:
            self._unregister(pidfd)
            os.close(pidfd)
        if pipe >= 0:
            del self._by_descriptor[pipe]
            if pipe < FIRST_KEY:
                self._unregister(pipe)
                os.close(pipe)
        child.pidfd = -1
        if self._parked:
            self._parking.leave(child)
        if child.ended_as is not None:
            self._grace.discard(child)
            self._last_words.discard(child)
        if self._prober is not None:
            self._prober.discard(child)
        self._leave(child.slot)
        self.in_flight -= 1

    def _remove(self, remover: Remover, child: Child, status: int) -> None:
        """Have removed what the instance left, unless there is nothing, or it may be somebody else's."""
        refused = child.log.outcome[child.index] == Outcome.DAEMON_ERROR
        if not refused and not (self._target.removes_itself and status >= 0):
            remover.add(child.instance.id)

    def close(self) -> None:
        """Release everything. What still can't be ended is abandoned, uncounted."""
        for child in list(self._by_name.values()):
            child.signal_group(signal.SIGKILL)
            self._forget(child)
        if self._remover is not None:
            self._remover.close()
        self._adopted.clear(self._runtime.token)
        if self._prober is not None:
            self._prober.close()
        self._events.close()
        self._spawner.close()
        self._epoll.close()
        os.close(self._timer)
