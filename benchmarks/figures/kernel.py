"""The Rust kernel's cold start under TCG against ``qemu-system-x86_64 --version`` started the same way.

python benchmarks/figures/kernel.py [--pairs 10]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from functools import partial

from common import alternate, compared, show

from pytest_unikernel.host.quiet import Quiescence
from pytest_unikernel.plan.load_plan import ColdPlan
from pytest_unikernel.plan.target import Target
from pytest_unikernel.run.measuring import Loads
from pytest_unikernel.run.session import Session
from pytest_unikernel.targets.qemu.rust_kernel import RUST_KERNEL


def median_ms(loads: Loads, target: Target) -> float:
    """Return the median of ten cold starts."""
    result = loads.cold(target, ColdPlan(10)).result
    if result.service_time_s.p50 is None:
        sys.exit(f"kernel.py: {target.full_name} failed: {json.dumps(result.as_json()['failures'][:1])}")
    return 1e3 * result.service_time_s.p50


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=10)
    arguments = parser.parse_args()
    session = Session()
    try:
        loads = Loads(session, Quiescence(session.sample))
        kernel: Callable[[], float] = partial(median_ms, loads, RUST_KERNEL)
        version = partial(median_ms, loads, Target("version", [RUST_KERNEL.argv[0], "--version"]))
        pairs = alternate(arguments.pairs, kernel, version)
    finally:
        session.close()
    row = compared("spawn to exit ms", pairs)
    show(f"cold start, {arguments.pairs} pairs", ["", "rust_kernel", "--version", "ratio", "range"], [row])
    print("\ntarget: ratio <= 2.3")


if __name__ == "__main__":
    main()
