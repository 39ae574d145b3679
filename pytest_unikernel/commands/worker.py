"""``pytest-unikernel worker``."""

from __future__ import annotations

import argparse
from pathlib import Path

from pytest_unikernel.commands.command import PROGRAM, Command
from pytest_unikernel.commands.output import note
from pytest_unikernel.errors import LoadError

PATIENCE_S = 5.0
HELP = f"""\
  dask scheduler --protocol tls --tls-ca-file=ca.pem --tls-cert=c.pem --tls-key=k.pem
  {PROGRAM} worker tls://scheduler:8786 --tls-ca-file=ca.pem --tls-cert=c.pem --tls-key=k.pem

The worker takes 0.2 % of a CPU while it waits. It ends with the scheduler, or at
Ctrl-C. Whoever reaches the scheduler can run code as the worker's user.
"""


def _describe(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = HELP
    parser.add_argument("scheduler", metavar="SCHEDULER", help="tls://HOST:PORT, or tcp://HOST:PORT")
    parser.add_argument("--name", help="the name of this host in results (default: its host name)")
    parser.add_argument("--tls-ca-file", type=Path, metavar="FILE", help="certificate of the authority")
    parser.add_argument("--tls-cert", type=Path, metavar="FILE", help="certificate of this worker")
    parser.add_argument("--tls-key", type=Path, metavar="FILE", help="key of this worker")
    parser.add_argument(
        "--insecure",
        action="store_true",
        help="allow tcp:// beyond this machine, without encryption: only in a network that you trust",
    )


def _run(parsed: argparse.Namespace) -> int:
    if not parsed.scheduler.startswith(("tls://", "tcp://")):
        parsed.refuse(f"expected a scheduler such as tls://HOST:8786, got {parsed.scheduler!r}")
    try:
        from pytest_unikernel.hosts.connections import open_warning  # noqa: PLC0415 - see Command
        from pytest_unikernel.hosts.worker import Certificates, serve  # noqa: PLC0415 - see Command
    except ImportError as error:
        raise LoadError(f"a worker needs dask ({error}); pip install 'pytest-unikernel[hosts]'") from error
    if parsed.insecure and (warning := open_warning(parsed.scheduler)):
        note(warning)
    _tell_what_runs()
    certificates = Certificates(parsed.tls_ca_file, parsed.tls_cert, parsed.tls_key)
    serve(
        parsed.scheduler,
        certificates.security(),
        name=parsed.name,
        insecure=parsed.insecure,
        ready=lambda name: note(f"waits for sweeps as {name}"),
    )
    note("the scheduler has ended")
    return 0


def _tell_what_runs() -> None:
    """Tell which targets run on this host; a pytest elsewhere can't see it."""
    from pytest_unikernel.doctor.examination import examine  # noqa: PLC0415 - see Command

    found = examine(patience_s=PATIENCE_S, deep=False, note=lambda _: None)
    runs = [each.name for each in found.groups["targets"] if each.state == "yes"]
    note(f"targets that run here: {', '.join(runs) or 'none'}; {PROGRAM} doctor says more")


COMMAND = Command(
    ("worker",),
    "Wait for sweeps that a pytest elsewhere runs on this host by --sweep-hosts.",
    _describe,
    _run,
)
