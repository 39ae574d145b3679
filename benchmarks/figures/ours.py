"""One load of a program by our generator, for the comparison scripts: prints one JSON object.

python benchmarks/figures/ours.py STEP WINDOW_S on|off PROGRAM [ARGUMENT...]
"""

from __future__ import annotations

import json
import sys
from fractions import Fraction

from pytest_unikernel import Target
from pytest_unikernel.load import LoadOptions, Loads
from pytest_unikernel.plan import LoadPlan
from pytest_unikernel.quiescence import Quiescence
from pytest_unikernel.session import Session


def main(argv: list[str]) -> None:
    step, window_s, realtime, *command = argv[1:]
    session = Session()
    try:
        options = LoadOptions(realtime="on" if realtime == "on" else "off")
        loads = Loads(session, options, Quiescence(session.sample))
        plan = LoadPlan(step=Fraction(step), warmup_s=0.5, window_s=float(window_s), drain_timeout_s=15.0)
        result = loads.sweep(Target("program", command), plan, {}).result
    finally:
        session.close()
    json.dump(result.as_json(), sys.stdout)


if __name__ == "__main__":
    main(sys.argv)
