"""``pytest-unikernel doctor --hosts``: the hosts of a cluster."""

from __future__ import annotations

import argparse
from importlib.metadata import version

from pytest_unikernel.commands.command import PROGRAM
from pytest_unikernel.commands.output import STREAM, deliver, json_text, note, show
from pytest_unikernel.doctor import hosts_screen
from pytest_unikernel.hosts.connections import open_warning
from pytest_unikernel.hosts.looked import as_json, faults
from pytest_unikernel.plan import readers

FAULTY = 1


def run(parsed: argparse.Namespace, usual_s: float) -> int:
    """Look at the hosts, show it, and return the exit status."""
    hosts, python = _read(parsed)
    from pytest_unikernel.hosts.looking import look_at  # noqa: PLC0415 - dask, and only once the words are right

    if parsed.hosts_insecure and (warning := open_warning(hosts)):
        note(warning)
    within_s = parsed.timeout or usual_s
    options = [f"--timeout={within_s:g}", *(["--deep"] if parsed.deep else [])]
    options += [f"--require={parsed.require}"] if parsed.require is not None else []
    found = look_at(hosts, options, within_s, insecure=parsed.hosts_insecure, python=python)
    ours = version(PROGRAM)
    status = FAULTY if faults(found, ours) else 0
    if parsed.json is not None:
        deliver(parsed.json, json_text({**as_json(found, ours), "exit_status": status}))
    if parsed.json != STREAM:
        show("\n".join(hosts_screen.lines(found, hosts, ours)) + "\n")
    return status


def _read(parsed: argparse.Namespace) -> tuple[str, str]:
    """Return the hosts and their Python; wrong ones end the command."""
    try:
        hosts = readers.hosts(parsed.hosts)
        python = (
            "" if parsed.hosts_python is None else readers.remote_path("--hosts-python")(parsed.hosts_python)
        )
    except ValueError as error:
        parsed.refuse(f"--hosts: {error}")
        raise
    return hosts, str(python)
