"""Connections to a scheduler: what may be open to others, and what may not."""

from __future__ import annotations

import pytest

from pytest_unikernel.errors import LoadError
from pytest_unikernel.hosts.connections import open_warning, refuse_open


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
