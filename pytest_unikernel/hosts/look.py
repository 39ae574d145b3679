"""A worker's answers to the doctor. They travel there by value: it may have another version, or none."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import socket
import sys
import time
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv.pop(1));"
    "from pytest_unikernel.commands.main import main; sys.exit(main())"
)


async def clocks_ns() -> tuple[int, int]:
    """Return this host's CLOCK_MONOTONIC and CLOCK_REALTIME."""
    return time.monotonic_ns(), time.time_ns()


async def facts() -> dict[str, Any]:
    """Return the facts that need no program."""
    try:
        plugin = metadata.version("pytest-unikernel")
    except metadata.PackageNotFoundError:
        plugin = ""
    return {
        "hostname": socket.gethostname(),
        "cpus": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "pytest-unikernel": plugin,
        "clock": _clock_name(),
    }


def _clock_name() -> tuple[str, str]:
    """Return the boot that CLOCK_MONOTONIC counts from, and the namespace that shifts it."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    namespace = Path("/proc/self/ns/time")
    return boot, str(namespace.readlink()) if namespace.is_symlink() else ""


async def examination(options: Sequence[str]) -> dict[str, Any]:
    """Return the findings of this host's doctor, or ``error``."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM, json.dumps(sys.path), "doctor", "--json", *options),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    try:
        found = json.loads(output)
    except ValueError:
        last = errors.decode(errors="replace").strip().splitlines()[-1:]
        return {"error": "".join(last) or f"its doctor ended with status {process.returncode}"}
    return found if isinstance(found, dict) else {"error": "its doctor's answer is no object"}
