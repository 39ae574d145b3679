"""The five kinds of readiness on real programs, and how each fails."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import sys
import threading
from collections.abc import Iterator, Sequence

import pytest
from realloads import cold_plan, launched, loading, outcomes, shell, supervised

from pytest_unikernel.errors import LoadError
from pytest_unikernel.launch.process.child import Child
from pytest_unikernel.launch.process.listening import Listening
from pytest_unikernel.launch.process.tcp_probe import Prober
from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.plan.target import Event, Exit, Http, Line, Port, Ready, Target
from pytest_unikernel.results.launches import LaunchLog
from pytest_unikernel.run.session import Session

COMPLETED, NOT_READY, TIMEOUT = Outcome.COMPLETED, Outcome.NOT_READY, Outcome.TIMEOUT
REPORT = 'echo "$UNIKERNEL_ID up" > "$UNIKERNEL_EVENTS"'
# Answers with each of the statuses in turn, then goes on with the last; what it does first is in argv[1].
SERVER = """
import os, socket, sys, time
listener = socket.create_server(("127.0.0.1", int(os.environ.get("UNIKERNEL_PORT") or sys.argv[3])))
how, statuses = sys.argv[1], sys.argv[2].split(",")
while True:
    connection, _ = listener.accept()
    if how == "hangs-up":
        how = ""
        connection.close()
        continue
    try:
        asked = connection.recv(4096)
        if not asked:
            continue
        status = statuses.pop(0) if len(statuses) > 1 else statuses[0]
        reply = f"HTTP/1.0 {status} as you like it\\r\\n\\r\\n".encode()
        if how == "slow":
            for byte in reply:
                connection.sendall(bytes([byte]))
                time.sleep(0.002)
        elif how == "garbage":
            how = ""
            connection.sendall(b"\\x00\\xff\\n")
        elif how != "silent":
            connection.sendall(reply)
        if how == "silent":
            time.sleep(1000)
        connection.close()
    except ConnectionError:
        pass
"""


def server(how: str = "", statuses: str = "200", port: int | None = None) -> Target:
    return Target(
        "server",
        [sys.executable, "-IS", "-c", SERVER, how or "well", statuses, str(port or 0)],
        long_lived=True,
        ready=Port(port),
    )


def readiness(log: LaunchLog) -> list[bool]:
    """Return whether each launch was ready, after its start and not after its exit."""
    columns = zip(log.started_ns, log.ready_ns, log.exited_ns, strict=True)
    return [started < ready <= exited for started, ready, exited in columns]


# lines --------------------------------------------------------------------------------------------

LINES = {
    "text": ("echo is up", Line("up")),
    "bytes": ("echo is up", Line(b"up")),
    "regex": ("echo is up", Line(re.compile(r"^is \w+$"))),
    "bytes regex": ("echo is up", Line(re.compile(rb"^is \w+$"))),
    "on stderr": ("echo is up >&2", Line("up")),
    "text not ended": ("printf 'is up'", Line("up")),
    "regex at the exit": ("printf 'is up'", Line(re.compile("up$"))),
    "carriage returns": (r"printf 'is up\r\n'", Line(re.compile("up$"))),
    "cut between reads": ("printf 'is '; sleep 0.02; printf u; sleep 0.02; echo p", Line("is up")),
    "regex cut between reads": (
        "printf 'is '; sleep 0.02; printf u; sleep 0.02; echo p",
        Line(re.compile("^is up$")),
    ),
    "after much else": (
        "head -c 300000 /dev/zero | tr '\\0' x; echo; echo is up",
        Line(re.compile("^is up$")),
    ),
    "not utf-8": (r"printf '\377\376 up\n'", Line(b"\xff\xfe up")),
}


# A last line without its end is complete at the exit only, which a long-lived instance doesn't come to.
CASES = {
    f"{name}, {'long-lived' if long_lived else 'exits'}": (line, ready, long_lived)
    for name, (line, ready) in LINES.items()
    for long_lived in (False, True)
    if not (long_lived and line == "printf 'is up'" and ready.whole_lines)
}


@pytest.mark.parametrize(("line", "ready", "long_lived"), CASES.values(), ids=CASES.keys())
def test_a_line_is_seen(session: Session, line: str, ready: Line, long_lived: bool) -> None:
    log = launched(
        session,
        shell(f"{line}; {'exec sleep 1000' if long_lived else ''}")(ready=ready, long_lived=long_lived),
    )
    assert outcomes(log) == [COMPLETED] * 2
    assert readiness(log) == [True, True]


def test_a_regex_is_not_matched_in_half_a_line(session: Session) -> None:
    target = shell("printf 'is up'; sleep 0.05; echo ' not'")(ready=Line(re.compile("up$")))
    assert outcomes(launched(session, target)) == [NOT_READY] * 2


# ports --------------------------------------------------------------------------------------------


@pytest.fixture
def free() -> int:
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        return int(holder.getsockname()[1])


@contextlib.contextmanager
def answering(
    host: str, port: int, family: socket.AddressFamily, statuses: Sequence[str] = ("200",)
) -> Iterator[None]:
    """Have a server of another program answer, the last of the statuses from then on."""
    left = list(statuses)

    def serve(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, contextlib.suppress(OSError):
                    if connection.recv(4096):
                        status = left.pop(0) if len(left) > 1 else left[0]
                        connection.sendall(f"HTTP/1.0 {status} so\r\n\r\n".encode())

    with socket.create_server((host, port), family=family) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        yield
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_an_own_port_is_seen_to_open(session: Session) -> None:
    log = launched(session, server())
    assert (outcomes(log), readiness(log)) == ([COMPLETED] * 2, [True] * 2)


def test_a_fixed_port_is_seen_to_open(session: Session, free: int) -> None:
    log = launched(session, server(port=free)(env={"UNIKERNEL_PORT": ""}))
    assert (outcomes(log), readiness(log)) == ([COMPLETED] * 2, [True] * 2)


def test_a_host_may_be_named(session: Session) -> None:
    assert outcomes(launched(session, server()(ready=Port(host="localhost")), 1)) == [COMPLETED]


def test_an_unknown_host_is_an_error_before_anything_is_started(session: Session) -> None:
    with pytest.raises(LoadError, match=r"host 'no\.such\.host\.invalid' has no address"):
        launched(session, server()(ready=Port(host="no.such.host.invalid")))


@pytest.mark.parametrize("ready", [Port(), Http()], ids=["port", "http"])
@pytest.mark.parametrize("fails", ["never", "at once", "later"])
def test_a_probe_knows_for_how_long_it_may_have_missed_it(
    session: Session, monkeypatch: pytest.MonkeyPatch, ready: Port, fails: str
) -> None:
    """Also where the kernel lists no listening ports, or no longer does."""
    lists = {"never": -1, "at once": 0, "later": 2}[fails]
    listed = Listening.ports

    def ports(self: Listening) -> set[int]:
        nonlocal lists
        lists -= 1
        if lists == -1:
            raise PermissionError
        return listed(self)

    monkeypatch.setattr(Listening, "ports", ports)
    log = launched(session, server()(ready=ready, env=HAS_PORT))
    assert (outcomes(log), readiness(log)) == ([COMPLETED] * 2, [True] * 2)
    assert all(0 < log.unseen_ns[row] <= log.ready_ns[row] - log.started_ns[row] for row in (0, 1))


@pytest.mark.parametrize(("ready", "known"), [(Port(), True), (Http(), True), (Line("up"), False)])
def test_the_record_has_the_resolution_of_a_probe(session: Session, ready: Ready, known: bool) -> None:
    target = server()(ready=ready, env=HAS_PORT) if known else shell("echo up")(ready=ready, env=HAS_PORT)
    with loading(session) as loads:
        result = loads.cold(target, cold_plan(2)).result
    resolution_s = result.generator["ready_resolution_s"]
    assert (resolution_s is not None) is known
    assert resolution_s is None or 0 < resolution_s <= (result.service_time_s.max or 0)


def test_a_server_that_listens_before_its_first_look_is_seen(
    session: Session, free: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the very turn that starts it: simulated by a server of the test's own."""
    held: list[socket.socket] = []
    added = Prober.add
    target = shell("exec sleep 1000")(ready=Port(free), long_lived=True)

    def add(self: Prober, child: Child, now_ns: int) -> None:
        held.append(socket.create_server(("127.0.0.1", free)))
        added(self, child, now_ns)

    monkeypatch.setattr(Prober, "add", add)
    log = launched(session, target, 1)
    held[0].close()
    assert outcomes(log) == [COMPLETED]


@pytest.mark.parametrize("ready", [Port, Http], ids=["port", "http"])
@pytest.mark.parametrize("at", ["127.0.0.1", "0.0.0.0", "::1"])  # noqa: S104 - for a moment
def test_a_port_that_is_answered_before_the_first_launch_is_refused(
    session: Session, free: int, ready: type[Port], at: str
) -> None:
    family = socket.AF_INET6 if ":" in at else socket.AF_INET
    with answering(at, free, family):
        target = shell("exec sleep 1000")(ready=ready(free, "::1" if ":" in at else "127.0.0.1"))
        with pytest.raises(LoadError, match=r"expected nobody at (port|http) .* answered already"):
            launched(session, target(long_lived=True))


def test_behind_a_proxy_that_is_always_there_the_status_decides(session: Session, free: int) -> None:
    """Its port is open before anything is launched, and says that nothing is behind it."""
    with answering("127.0.0.1", free, socket.AF_INET, ["503"] * 2 + ["200"] * 100):
        target = shell("exec sleep 1000")(ready=Http(free), long_lived=True)
        assert outcomes(launched(session, target)) == [COMPLETED] * 2


def test_an_instance_is_not_ready_because_an_earlier_one_listens_on_its_port(
    session: Session, free: int
) -> None:
    target = server(port=free)(env={"UNIKERNEL_PORT": ""}, ready=Port(free), long_lived=False)
    with supervised(session, target, timeout_s=20.0) as supervisor:
        for _ in range(2):
            supervisor.start(supervisor.log.add(supervisor.now_ns()))
            while supervisor.log.ready_ns[0] < 0:
                supervisor.wait(supervisor.now_ns() + 1_000_000)
        while not supervisor.log.outcome[1]:
            supervisor.wait(supervisor.now_ns() + 1_000_000)
        assert supervisor.log.ready_ns[1] < 0
        assert supervisor.log.outcome[1] == Outcome.EXIT_CODE  # its port is in use


def test_an_own_port_that_another_program_has_taken_meanwhile_is_not_used(session: Session) -> None:
    with supervised(session, server()(ready=Port())) as supervisor:
        supervisor._starter.prepare()
        prepared = supervisor._starter._prepared
        assert prepared is not None
        with socket.create_server(("127.0.0.1", int(prepared.port))):
            supervisor.start(supervisor.log.add(supervisor.now_ns()))
            child = next(iter(supervisor._children))
            assert child.instance.port != prepared.port


@pytest.mark.parametrize("order", [("::1", "127.0.0.1"), ("127.0.0.1", "::1")])
@pytest.mark.parametrize("listens", ["127.0.0.1", "::1"])
def test_a_name_with_several_addresses_is_tried_at_each(
    session: Session, monkeypatch: pytest.MonkeyPatch, order: tuple[str, ...], listens: str
) -> None:
    """As ``localhost`` of most hosts, where a server often listens at one of them only."""
    looked_up = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda _, *more, **how: [looked_up(each, *more, **how)[0] for each in order]
    )
    at = "socket.AF_INET6" if ":" in listens else "socket.AF_INET"
    code = SERVER.replace('("127.0.0.1", int', f'("{listens}", int').replace(
        "sys.argv[3])))", f"sys.argv[3])), family={at})"
    )
    argv = [sys.executable, "-IS", "-c", code, "well", "200", "0"]
    for ready in (Port(host="localhost"), Http(host="localhost")):
        log = launched(session, Target("server", argv, long_lived=True, ready=ready), 2, timeout_s=5.0)
        assert outcomes(log) == [COMPLETED] * 2


HTTP = {
    "200": ("", "200", Http()),
    "another status": ("", "418", Http(statuses=(418,))),
    "503 at first": ("", "503,503,200", Http()),
    "byte by byte": ("slow", "503,200", Http(path="/health")),
    "hangs up at first": ("hangs-up", "200", Http()),
    "no http at first": ("garbage", "200", Http()),
}


@pytest.mark.parametrize(("how", "statuses", "ready"), HTTP.values(), ids=HTTP.keys())
def test_a_server_is_ready_when_it_answers(session: Session, how: str, statuses: str, ready: Http) -> None:
    log = launched(session, server(how, statuses)(ready=ready, env=HAS_PORT))
    assert (outcomes(log), readiness(log)) == ([COMPLETED] * 2, [True] * 2)


# events -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("long_lived", [False, True], ids=["exits", "long-lived"])
def test_an_event_is_seen(session: Session, long_lived: bool) -> None:
    target = shell(f"{REPORT}; {'exec sleep 1000' if long_lived else 'sleep 0.05'}")
    log = launched(session, target(ready=Event("up"), long_lived=long_lived))
    assert (outcomes(log), readiness(log)) == ([COMPLETED] * 2, [True] * 2)
    assert [set(log.events[row]) for row in (0, 1)] == [{"up"}] * 2


def test_other_events_strangers_and_nonsense_are_not_readiness(session: Session) -> None:
    lines = ["$UNIKERNEL_ID upper", "u0-0 up", "$UNIKERNEL_ID", "$UNIKERNEL_ID up now", "\\377\\376 up"]
    reports = "; ".join(f'printf "{line}\\n" > "$UNIKERNEL_EVENTS"' for line in lines)
    log = launched(session, shell(reports)(ready=Event("up")))
    assert outcomes(log) == [NOT_READY] * 2


def test_an_event_of_a_launch_that_outlived_its_trial_is_no_launchs_of_the_next(session: Session) -> None:
    with supervised(session, shell(REPORT)(ready=Event("up"))) as supervisor:
        supervisor.start(supervisor.log.add(supervisor.now_ns()))
        supervisor.begin_trial()
        row, end_ns = supervisor.log.add(supervisor.now_ns()), supervisor.now_ns() + 10**10
        while supervisor.in_flight:
            assert supervisor.wait(end_ns) < end_ns
        assert (supervisor.log.events, supervisor.log.ready_ns[row]) == ({}, -1)


# failures -----------------------------------------------------------------------------------------

HAS_PORT = {"UNIKERNEL_PORT": "{port}"}
WANTED: dict[str, Ready] = {
    "line": Line("up"),
    "regex": Line(re.compile("up")),
    "port": Port(),
    "http": Http(),
    "event": Event("up"),
}


@pytest.mark.parametrize("ready", WANTED.values(), ids=WANTED.keys())
def test_one_that_exits_before_it_is_ready_failed(session: Session, ready: Ready) -> None:
    log = launched(session, shell("echo no; exit 0")(ready=ready, env=HAS_PORT))
    assert outcomes(log) == [NOT_READY] * 2
    assert log.tails[0] == "no\n"


@pytest.mark.parametrize("ready", [Exit(), *WANTED.values()], ids=["exit", *WANTED.keys()])
def test_one_that_is_never_ready_times_out(session: Session, ready: Ready) -> None:
    log = launched(session, shell("exec sleep 1000")(ready=ready, env=HAS_PORT), timeout_s=0.1)
    assert outcomes(log) == [TIMEOUT] * 2


@pytest.mark.parametrize("how", ["silent", "503"])
def test_a_server_that_never_says_yes_times_out(session: Session, how: str) -> None:
    log = launched(session, server(how, "503")(ready=Http()), 1, timeout_s=0.5)
    assert outcomes(log) == [TIMEOUT]


@pytest.mark.parametrize("ready", WANTED.values(), ids=WANTED.keys())
def test_one_that_exits_with_the_wrong_status_failed(session: Session, ready: Ready) -> None:
    log = launched(session, shell(f"echo up; {REPORT}; exit 4")(ready=ready, env=HAS_PORT, exit_codes={0, 3}))
    assert outcomes(log) == [Outcome.EXIT_CODE] * 2
    assert list(log.status) == [4, 4]


# success ------------------------------------------------------------------------------------------


def test_success_may_be_another_status(session: Session) -> None:
    assert outcomes(launched(session, shell("exit 33")(exit_codes={33}))) == [COMPLETED] * 2


@pytest.mark.parametrize(("line", "outcome"), [("echo all well", COMPLETED), ("echo not", NOT_READY)])
def test_success_may_need_an_output(session: Session, line: str, outcome: Outcome) -> None:
    target = shell(f"echo up; {REPORT}; {line}")(output="all well")
    for ready in (Exit(), Line("up"), Event("up")):
        assert outcomes(launched(session, target(ready=ready, env=HAS_PORT), 1)) == [outcome]


def test_a_failure_in_the_output_ends_the_instance_with_its_reason(session: Session) -> None:
    target = shell("echo 'PANIC at 7'; exec sleep 1000")(failures={rb"PANIC at \d": "guest-panic"})
    log = launched(session, target)
    assert outcomes(log) == [Outcome.GUEST_PANIC] * 2
    assert log.tails[0] == "PANIC at 7\n"


def test_ports_of_instances_in_flight_differ(session: Session) -> None:
    from pytest_unikernel.launch.process.instances import Instances

    instances = Instances(server(), session.load_directory(), session.token, os.devnull)
    ports = [instances.make().port for _ in range(2000)]
    assert len(set(ports)) == len(ports)
