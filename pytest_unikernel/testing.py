"""Fakes for tests without processes and without waiting: a clock set by hand, and a simulated target.

A :func:`FakeTarget` goes wherever a target does, also into ``load_step``. Its launches are served by a queue
with known answers, in virtual time that jumps from one event to the next::

    def test_two_servers_bear_a_hundred_per_second(load_step):
        assert load_step(FakeTarget(service_time_s=0.01, servers=2)).verdict == "ok"
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from pytest_unikernel.launch.simulated import FakeSupervisor
from pytest_unikernel.launch.simulated_behaviour import Behaviour, Interval, ManualClock
from pytest_unikernel.plan.readiness import Event, Exit
from pytest_unikernel.plan.target import Target

__all__ = ["FakeSupervisor", "FakeTarget", "ManualClock"]


def FakeTarget(  # noqa: N802 - reads as the class whose instance it returns
    name: str = "fake",
    *,
    service_time_s: float | Callable[[int], float] = 0.01,
    servers: int | None = None,
    stall: Interval | None = None,
    spawn_s: float = 0.0,
    spawn_stall: Interval | None = None,
    fail_every: int | None = None,
    fail_as: str = "exit-code",
    never_exits_every: int | None = None,
    linger_s: float = 0.0,
    long_lived: bool = False,
    timeout_s: float | None = None,
) -> Target:
    """Return a target whose instances are simulated; calling it returns a changed copy, as with any target.

    Instances wait in one queue, first come first served, for one of the servers. Times are counted from the
    making of the supervisor, that is from a little before the first launch.

    Args:
        name: the target's name.
        service_time_s: how long a server works on an instance until it is ready; a callable gets the number
            of the launch in its trial, from 0.
        servers: how many instances are worked on at once; None is all of them.
        stall: (at, duration) in seconds: the servers stand still, with the launches in them and those due.
        spawn_s: how long one start keeps the generator.
        spawn_stall: (at, duration) in seconds: a start in this time keeps the generator until its end.
        fail_every: every n-th launch fails, for the reason ``fail_as``.
        fail_as: a reason of the record: ``exit-code``, ``signal``, ``spawn-error``, ``not-ready`` …
        never_exits_every: every n-th launch never becomes ready, and keeps its server until it is ended.
        linger_s: how long an instance stays, in its server, after it was ready; needs a ``ready`` other than
            its exit.
        long_lived: ready (an event) is also completion, and the instance is then stopped.
        timeout_s: one launch's own limit.
    """
    behaviour = Behaviour(
        service_time_s=service_time_s,
        servers=servers,
        stall=stall,
        spawn_s=spawn_s,
        spawn_stall=spawn_stall,
        fail_every=fail_every,
        fail_as=fail_as,
        never_exits_every=never_exits_every,
        linger_s=linger_s,
    )
    fields = {"long_lived": long_lived or None, "timeout_s": timeout_s}
    return Target(
        name,
        ready=Event("ready") if long_lived else Exit(),
        long_lived=long_lived,
        timeout_s=timeout_s,
        variant={**behaviour.changed(), **{key: value for key, value in fields.items() if value is not None}},
        supervisor=functools.partial(FakeSupervisor, behaviour=behaviour),
        simulated=True,
        factory=functools.partial(FakeTarget, name),
    )
