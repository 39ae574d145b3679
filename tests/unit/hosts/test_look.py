"""A worker's answers to the doctor: they come from hosts that lack the package, too."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import cloudpickle
from distributed.protocol import pickle

from pytest_unikernel.hosts import look

ELSEWHERE = """
import asyncio, pickle, sys
sys.modules["pytest_unikernel"] = None
function = pickle.loads(sys.stdin.buffer.read())
print(sorted(asyncio.run(function())))
"""


def test_the_functions_run_where_the_package_is_missing() -> None:
    cloudpickle.register_pickle_by_value(look)
    try:
        data: Any = pickle.dumps(look.facts)  # type: ignore[no-untyped-call]
    finally:
        cloudpickle.unregister_pickle_by_value(look)
    ran = subprocess.run([sys.executable, "-c", ELSEWHERE], input=data, capture_output=True, check=False)
    assert "'pytest-unikernel'" in ran.stdout.decode(), ran.stderr.decode()
