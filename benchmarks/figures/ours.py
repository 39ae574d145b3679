"""A load of a program by our generator, for the other scripts: prints its record as JSON.

python benchmarks/figures/ours.py [OPTION...] STEP WINDOW_S PROGRAM [ARGUMENT...]
"""

from __future__ import annotations

import argparse
import json
import sys
from fractions import Fraction

from pytest_unikernel import Target
from pytest_unikernel.host.quiet import Quiescence
from pytest_unikernel.plan.load_plan import ColdPlan, LoadPlan
from pytest_unikernel.run.measuring import Loads
from pytest_unikernel.run.session import Session


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--realtime", choices=["auto", "on", "off"], default="off")
    parser.add_argument("--warmup", type=float, default=0.5)
    parser.add_argument("--cold", type=int, default=0, help="launch so many one after the other instead")
    parser.add_argument("step", type=Fraction)
    parser.add_argument("window_s", type=float)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    target = Target("program", arguments.command, memory_bytes=1 << 20)
    session = Session()
    try:
        loads = Loads(session, Quiescence(session.sample))
        plan = LoadPlan(
            step=arguments.step,
            warmup_s=arguments.warmup,
            window_s=arguments.window_s,
            drain_timeout_s=20.0,
            realtime=arguments.realtime,
        )
        cold = ColdPlan(arguments.cold, realtime=arguments.realtime)
        measured = loads.cold(target, cold) if arguments.cold else loads.sweep(target, plan)
    finally:
        session.close()
    json.dump(measured.result.as_json(), sys.stdout)


if __name__ == "__main__":
    main()
