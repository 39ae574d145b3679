"""Connections to a scheduler: what may be open to others, and what may not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from distributed.security import Security

from pytest_unikernel.errors import LoadError
from pytest_unikernel.hosts.connections import check_certificates, open_warning, refuse_open, why_unconnected

TLS, TCP = "tls://10.0.0.1:8786", "tcp://10.0.0.1:8786"


@pytest.mark.parametrize("address", ["tcp://10.0.0.1:8786", "tcp://scheduler:8786", "tcp://0.0.0.0:1"])
def test_without_encryption_nothing_leaves_this_machine(address: str) -> None:
    with pytest.raises(LoadError, match=r"without encryption.*take tls://, or --insecure in a network"):
        refuse_open(address, insecure=False, cure="--insecure")


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:8786", "tcp://localhost:1", "tls://10.0.0.1:8786"])
def test_this_machine_and_encrypted_connections_are_let_through(address: str) -> None:
    refuse_open(address, insecure=False, cure="--insecure")


def test_a_network_that_is_trusted_is_let_through_if_that_is_said() -> None:
    refuse_open("tcp://10.0.0.1:8786", insecure=True, cure="--insecure")


def test_the_warning_names_the_address() -> None:
    assert open_warning("tcp://10.0.0.1:8786").startswith(
        "WARNING: tcp://10.0.0.1:8786 is without encryption"
    )


@pytest.mark.parametrize(
    "address", ["tls://10.0.0.1:1", "tcp://127.0.0.1:1", "tcp://[::1]:1", "local:2", "ssh:alpha,beta"]
)
def test_no_warning_where_nothing_is_open(address: str) -> None:
    assert open_warning(address) == ""


def security(*files: Path) -> Security:
    names = ("tls_ca_file", "tls_worker_cert", "tls_worker_key")
    return Security(**dict(zip(names, map(str, files), strict=False)))  # type: ignore[no-untyped-call]


def test_certificates_that_are_not_named_are_asked_for_by_the_names_of_their_options(tmp_path: Path) -> None:
    for given in (security(), security(tmp_path / "ca.pem")):
        with pytest.raises(LoadError, match=r"^tls://10.0.0.1:8786 needs certificates; name .* by --tls-ca"):
            check_certificates(TLS, given, "worker", "--tls-ca and others")
        check_certificates(TCP, given, "worker", "--tls-ca and others")


def test_a_file_of_certificates_that_is_missing_or_holds_none_is_named(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("ca.pem", "host.pem", "host.key")]
    files[0].write_text("no certificate")
    with pytest.raises(LoadError, match=r"expected a file at '.*host.pem', named by --tls-ca, found none"):
        check_certificates(TLS, security(*files), "worker", "--tls-ca")
    for file in files[1:]:
        file.write_text("no certificate")
    with pytest.raises(LoadError, match=r"ca.pem.*can't be used for TLS \(.*\); check --tls-ca"):
        check_certificates(TLS, security(*files), "worker", "--tls-ca")


def failed_by(cause: Exception) -> RuntimeError:
    error = RuntimeError("Worker failed to start.")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("address", "error", "said"),
    [
        (TCP, TimeoutError(), "no scheduler has answered within 10 s; start one there: dask scheduler"),
        (TLS, failed_by(TimeoutError("timed out")), "no scheduler with a certificate of the same auth"),
        (TLS, OSError("TLS certificate does not match"), "the certificates of both ends are not of one"),
        (TCP, ConnectionResetError("reset by peer"), r"no connection \(reset by peer\); check .* is at tls://$"),
        (TLS, failed_by(ConnectionResetError()), r"no connection \(Worker failed to start.*is at tcp://$"),
    ],
)  # fmt: skip
def test_a_connection_that_fails_is_reported_with_its_cure(address: str, error: Exception, said: str) -> None:
    assert re.match(said, why_unconnected(address, error))
