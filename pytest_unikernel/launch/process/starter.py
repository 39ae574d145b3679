"""Starts instances as child processes, each with a directory, a pipe and a place in the reaper's table."""

from __future__ import annotations

import os

from pytest_unikernel.clock import monotonic_ns, unix_ns
from pytest_unikernel.errors import LoadError
from pytest_unikernel.launch.output import Sink
from pytest_unikernel.launch.process.child import Child, open_pidfd
from pytest_unikernel.launch.process.instances import Instances
from pytest_unikernel.launch.process.spawn import Spawner
from pytest_unikernel.launch.runtime import Runtime
from pytest_unikernel.plan.target import Target
from pytest_unikernel.plan.target_fields import Instance
from pytest_unikernel.results.launches import LaunchLog


class Starter:
    """Starts the instances of one load."""

    def __init__(self, target: Target, runtime: Runtime, spawner: Spawner, events: str) -> None:
        self._target = target
        self._runtime = runtime
        self._has_pipe = not target.console
        self._has_sink = runtime.conditions.output is not None
        self._enter = runtime.table.enter
        self._spawn = spawner.spawn
        self._instances = Instances(target, runtime.directory, runtime.token, events)
        self.discard = self._instances.discard
        self._prepared: Instance | None = None

    def start(self, index: int, log: LaunchLog) -> Child:
        """Start the launch of that row; ``started_ns`` is the instant before posix_spawn.

        Raises:
            OSError: the kernel refused; nothing is left of the instance.
            LoadError: there can be no file for its output.
        """
        instances = self._instances
        pipe = write_end = -1
        instance: Instance | None = None
        sink: Sink | None = None
        try:
            instance = self._prepared
            if instance is not None and not instances.is_usable(instance):
                instances.discard(instance)
                instance = None
            instance = instance or instances.make()
            argv, environment = instances.argv(instance), instances.environment(instance)
            if self._has_pipe:
                pipe, write_end = os.pipe()
                os.set_blocking(pipe, False)
            if self._has_sink:
                sink = self._runtime.sink(instance.id)
            log.instance[index] = instance.number
            log.started_ns[index] = started_ns = monotonic_ns()
            pid = self._spawn(argv, environment, write_end)
            log.spawn_ns[index] = spawn_ns = monotonic_ns() - started_ns
            child = Child(index, log, instance, pid, open_pidfd(pid))
        except (OSError, LoadError) as error:
            self._undo(pipe, instance)
            if sink is not None:
                sink.close(f"could not be started: {getattr(error, 'strerror', error)}", unix_ns())
            raise
        finally:
            self._prepared = None
            if write_end >= 0:
                os.close(write_end)
        child.pipe, child.sink = pipe, sink
        child.slot = self._enter(pid, started_ns, spawn_ns)
        return child

    def _undo(self, pipe: int, instance: Instance | None) -> None:
        """Release the resources of an instance that could not be started."""
        if pipe >= 0:
            os.close(pipe)
        if instance is not None:
            self._instances.discard(instance)

    def culprit(self) -> str:
        """Return the culprit of a failed start: the program, or a missing working directory."""
        target = self._target
        return target.argv[0] if target.cwd is None or os.path.isdir(target.cwd) else f"cwd={target.cwd!r}"  # noqa: PTH112

    def prepare(self) -> None:
        """Make the next instance ahead of its time: after an exit, for after a start there is no time."""
        if self._prepared is None:
            try:
                self._prepared = self._instances.make()
            except OSError:
                self._prepared = None  # tried again, and reported, when it is due
