"""The worker that ``--sweep-hosts=ssh:`` starts on a host: its errand comes on standard input.

The input stays open for as long as the run lives. Its end, which SSH brings about when either side ends, is
the worker's end.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pytest_unikernel.errors import LoadError

if TYPE_CHECKING:
    from distributed.security import Security

MARK = "pytest-unikernel:"  # before an answer: a login shell may write to the same place
READY = "ready"
MOST_BYTES = 1 << 16


@dataclass(frozen=True)
class Errand:
    """The work of a worker; the certificate and its key, both in PEM, are of this run alone."""

    scheduler: str
    name: str
    certificate: str
    key: str

    @classmethod
    def of(cls, scheduler: str, name: str, security: Security) -> Errand:
        """Return the errand of a host."""
        tls = security.get_tls_config_for_role("worker")  # type: ignore[no-untyped-call]
        return cls(scheduler, name, tls["cert"], tls["key"])

    def as_json(self) -> dict[str, Any]:
        """Return the errand as JSON knows it."""
        return asdict(self)

    def security(self) -> Security:
        """Return what dask makes connections with: the certificate is its own authority."""
        from distributed.security import Security  # noqa: PLC0415 - its absence is answered

        return Security(  # type: ignore[no-untyped-call]
            require_encryption=True,
            tls_ca_file=self.certificate,
            tls_worker_cert=self.certificate,
            tls_worker_key=self.key,
        )


def main() -> None:
    """Work until standard input ends, or the scheduler does."""
    try:
        errand = Errand(**json.loads(_line()))
        from pytest_unikernel.hosts.worker import serve  # noqa: PLC0415 - its absence is answered

        serve(errand.scheduler, errand.security(), name=errand.name, ready=_be_ready, until=_input_ended)
    except ImportError as error:
        where = f"run there: {sys.executable} -m pip install 'pytest-unikernel[hosts]'"
        _answer(f"{sys.executable} lacks a module ({error}); {where}")
    except LoadError as error:
        _answer(str(error))


def _line() -> str:
    data = b""
    while not data.endswith(b"\n") and len(data) < MOST_BYTES and (more := os.read(0, MOST_BYTES)):
        data += more
    return data.decode()


def _be_ready(name: str) -> None:
    """Answer; nobody reads further output, which would stop the worker once SSH's window is full."""
    del name
    _answer(READY)
    null = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(null, descriptor)
    os.close(null)


def _answer(text: str) -> None:
    print(f"{MARK}{json.dumps(text)}", flush=True)  # noqa: T201 - to pytest


async def _input_ended() -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()

    def look() -> None:
        if not os.read(0, MOST_BYTES):
            loop.remove_reader(0)
            ended.set()

    loop.add_reader(0, look)
    await ended.wait()
