"""Looks at listening ports and tries of ports: when they are due, how many there are, and what is listed."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from pytest_unikernel.launch.deadlines import NEVER_NS
from pytest_unikernel.launch.process.addresses import Address
from pytest_unikernel.launch.process.child import Child
from pytest_unikernel.launch.process.listening import Listening
from pytest_unikernel.launch.process.lookout import Lookout
from pytest_unikernel.launch.process.pacing import Pacing, pause_ns
from pytest_unikernel.plan.target_fields import Instance
from pytest_unikernel.results.launches import LaunchLog

US = 1_000
MS = 1_000 * US


def child(pid: int) -> Child:
    return Child(0, LaunchLog(), Instance("1", "", "", ""), pid, -1)


# pauses -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age_ns", "pause"),
    [(0, 100 * US), (12 * MS, 100 * US), (25_600 * US, 200 * US), (128 * MS, MS), (60_000 * MS, MS)],
)
def test_a_pause_is_short_while_an_instance_is_young_and_grows_with_its_age(age_ns: int, pause: int) -> None:
    assert pause_ns(100 * US, age_ns) == pause


def tries(pacing: Pacing, waiting: int, within_ns: int) -> int:
    """Count the tries of instances none of which ever answers."""
    for pid in range(waiting):
        pacing.add(child(pid), 0, 100 * US)
    count = 0
    while (now_ns := pacing.next_ns()) < within_ns:
        found = pacing.take(now_ns)
        assert found is not None
        pacing.add(found, now_ns, pause_ns(100 * US, now_ns))
        count += 1
    return count


def test_a_crowd_is_not_tried_more_often_than_the_budget_allows() -> None:
    alone, crowd = (tries(Pacing(100 * US), waiting, 100 * MS) for waiting in (1, 1000))
    assert 100 < alone <= 1000
    assert crowd <= 2 * 1000  # the first round was due before the last instance joined


def test_each_of_a_crowd_has_its_turn() -> None:
    pacing = Pacing(100 * US)
    for pid in range(50):
        pacing.add(child(pid), 0, 100 * US)
    seen: set[int] = set()
    while len(seen) < 50:
        found = pacing.take(pacing.next_ns())
        assert found is not None
        seen.add(found.pid)
        pacing.add(found, pacing.next_ns(), 100 * US)


def test_who_is_discarded_is_never_due() -> None:
    pacing = Pacing(100 * US)
    pacing.add(child(1), 0, 100 * US)
    pacing.discard(1)
    assert (pacing.next_ns(), pacing.take(NEVER_NS - 1)) == (NEVER_NS, None)


# the list of listening ports -----------------------------------------------------------------------


@pytest.fixture
def listening() -> Iterator[Listening]:
    with closing(Listening()) as opened:
        yield opened


def family_of(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


# A host may be without IPv6.
HOSTS = [each for each in ("127.0.0.1", "::1", "::") if Address(family_of(each), each, ()).is_local]


@pytest.mark.parametrize("host", HOSTS)
def test_a_port_is_listed_from_its_listen_to_its_close(listening: Listening, host: str) -> None:
    with socket.socket(family_of(host), socket.SOCK_STREAM) as server:
        server.bind((host, 0))
        port = server.getsockname()[1]
        assert port not in listening.ports()
        server.listen()
        assert port in listening.ports()
    assert port not in listening.ports()


def test_more_ports_are_listed_than_one_reply_holds(listening: Listening) -> None:
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(300)]
    try:
        assert {server.getsockname()[1] for server in servers} <= listening.ports()
    finally:
        for server in servers:
            server.close()


@pytest.mark.parametrize(("host", "local"), [("127.0.0.1", True), ("127.9.9.9", True), ("192.0.2.1", False)])
def test_an_address_is_local_or_not(host: str, local: bool) -> None:
    assert Address(socket.AF_INET, host, ()).is_local is local


# looks --------------------------------------------------------------------------------------------


def test_one_look_finds_whoever_listens(listening: Listening) -> None:
    lookout = Lookout(listening, 100 * US)
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        ports = [each.getsockname()[1] for each in (server, bound)]
        waiting = [child(1), child(2)]
        for each, port in zip(waiting, ports, strict=True):
            assert lookout.add(each, port, 0) == 100 * US
        assert list(lookout.look(99 * US)) == []
        assert list(lookout.look(100 * US)) == waiting[:1]
        assert lookout.due_ns > 100 * US
        assert lookout.looked_ns > 0


def test_nobody_looks_for_nobody(listening: Listening) -> None:
    lookout = Lookout(listening, 100 * US)
    assert lookout.due_ns == NEVER_NS
    one, other = child(1), child(2)
    lookout.add(one, 80, 0)
    lookout.add(other, 80, 0)
    lookout.discard(one, 80)
    assert lookout.due_ns == 100 * US
    lookout.found(other, 80, 5 * MS)
    assert lookout.due_ns == NEVER_NS


def test_looks_are_no_closer_than_the_quickest_instance_so_far_asks_for(listening: Listening) -> None:
    lookout = Lookout(listening, 100 * US)
    lookout.found(child(1), 80, 51_200 * US)
    assert lookout.add(child(2), 81, 0) == MS
    assert list(lookout.look(25 * MS)) == []
    assert lookout.due_ns >= 26 * MS
    assert list(lookout.look(26 * MS)) == []
    assert lookout.due_ns >= 26_200 * US
