"""Boot each target once, as a load would: cold, bounded, and nothing of it is left."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping

from pytest_unikernel.doctor.check import Check
from pytest_unikernel.doctor.targets import with_room
from pytest_unikernel.errors import UnikernelError
from pytest_unikernel.host.quiet import Quiescence
from pytest_unikernel.plan.load_plan import ColdPlan
from pytest_unikernel.plan.target import Target
from pytest_unikernel.results.result import LoadResult
from pytest_unikernel.run.interrupts import Interrupts
from pytest_unikernel.run.measuring import Loads
from pytest_unikernel.run.session import Session

LIMIT_S = 60.0
SHOWS_OUTPUT = "run a test with cold_start({}), --benchmark-disable and -s to see the complete output"


def boot_all(targets: Mapping[str, Target], note: Callable[[str], None]) -> dict[str, Check]:
    """Start one instance of each target, one after the other; return the results by name.

    Raises:
        SessionError: the private directory can't be made, or a helper can't be started.
        KeyboardInterrupt: a signal asked for the end; all is cleaned up by then.
    """
    interrupts = Interrupts()
    session = Session()
    try:
        with interrupts:
            found = _boot_each(targets, session, interrupts, note)
    finally:
        session.close()
    if interrupts.requested:
        signal.raise_signal(interrupts.requested)  # the handler from before us decides what follows
        raise KeyboardInterrupt
    return found


def _boot_each(
    targets: Mapping[str, Target], session: Session, interrupts: Interrupts, note: Callable[[str], None]
) -> dict[str, Check]:
    found = {}
    quiescence = Quiescence(session.sample)
    for name, target in targets.items():
        if interrupts.asked():
            break
        note(f"starting {name} ...")
        found[name] = _boot(name, target, Loads(session, quiescence, interrupts))
    return found


def _boot(name: str, target: Target, loads: Loads) -> Check:
    try:
        limit_s = min(target.timeout_s or LIMIT_S, LIMIT_S)
        plan = ColdPlan(1, unmeasured=0, quiet_host="off", timeout_s=limit_s)
        result = loads.cold(target, plan).result
    except UnikernelError as error:
        return Check(name, "no", str(error), SHOWS_OUTPUT.format(name))
    return _booted(name, target, result)


def _cpu_s(result: LoadResult) -> float | None:
    """Return the CPU time of the instance; a daemon's share of it is not visible."""
    user_s, system_s = result.instance["user_s"], result.instance["system_s"]
    return None if user_s is None or system_s is None else user_s + system_s


def _booted(name: str, target: Target, result: LoadResult) -> Check:
    took_s = result.service_time_s.p50
    if result.completed and took_s is not None:
        return with_room(Check(name, "yes"), target, took_s, _cpu_s(result))
    failure = next(iter(result.failures), {})
    lines = [line for line in str(failure.get("output_tail", "")).splitlines() if line.strip()]
    telling = next((line for line in lines if "rror" in line), lines[-1] if lines else "")
    said = f": {telling.strip()}" if telling else ", without output"
    why = failure.get("reason") or "unfinished"
    cure = SHOWS_OUTPUT.format(name)
    return with_room(Check(name, "no", f"its start failed ({why}){said}", cure), target)
