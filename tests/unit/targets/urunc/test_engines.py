"""urunc_container by ctr, docker and nerdctl, simulated ones: their calls, and the owners of stamps."""

from __future__ import annotations

import io
import json
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from places import SUPPORT
from realloads import outcomes, supervised
from uruncs import fake

from pytest_unikernel.errors import TargetError
from pytest_unikernel.guests.build.container_image import Member, made
from pytest_unikernel.guests.build.urunc_image import REPOSITORY, hypervisor_in, urunc_image
from pytest_unikernel.launch.one_by_one import run_cold
from pytest_unikernel.launch.stamps.from_log import StampLogReader
from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.plan.stamps import StampLog
from pytest_unikernel.plan.target import Target
from pytest_unikernel.plan.target_fields import Instance, Place
from pytest_unikernel.results.launches import LaunchLog
from pytest_unikernel.run.session import Session
from pytest_unikernel.targets.urunc import images, probe
from pytest_unikernel.targets.urunc import program as programs
from pytest_unikernel.targets.urunc.checks import checked_guest
from pytest_unikernel.targets.urunc.engines import note_id
from pytest_unikernel.targets.urunc.target import URUNC_CONTAINER, urunc_container

CLIENT = SUPPORT / "fake_client.py"
ALL_STAMPS = {f"TS{number:02}" for number in range(19)}
PLAIN = made("localhost/plain", [Member("hello", b"hello")], ["/hello"])


@pytest.fixture
def session() -> Iterator[Session]:
    made = Session()
    yield made
    made.close()


@pytest.fixture
def short_path() -> Iterator[Path]:
    """Give a directory in which sockets can be."""
    with tempfile.TemporaryDirectory(prefix="c") as place:
        yield Path(place)


@pytest.fixture
def clients(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put made-up clients first on PATH, which note their calls; return urunc's log."""
    tmp_path = short_path
    log = tmp_path / "urunc.zlog"
    monkeypatch.setattr(programs, "FIXED_LOG", str(log))
    monkeypatch.setattr(programs, "SYSTEM_CONFIG", tmp_path / "no.toml")
    urunc = fake(tmp_path, "0.6", log)
    (tmp_path / "qemu-system-x86_64").symlink_to("/bin/true")
    for name in ("ctr", "docker", "nerdctl"):
        program = tmp_path / name
        head = f"RUNTIMES, HOME, PROGRAM = {{'urunc': {str(urunc)!r}}}, {str(tmp_path)!r}, {name!r}\n"
        program.write_text(f"#!{sys.executable} -IS\n{head}{CLIENT.read_text()}")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/sbin:/usr/bin:/sbin:/bin")
    for cached in (probe._tried, images.why_not_for_urunc):
        cached.cache_clear()
    return log


def ran(session: Session, target: Target, launches: int) -> tuple[LaunchLog, Target]:
    """Launch as a load does."""
    directory = session.directory / "place"
    directory.mkdir()
    assert target.prepare is not None
    prepared = target.prepare(target, Place(session.token, str(directory)))
    assert isinstance(prepared.stamps, StampLog)
    reader = StampLogReader(prepared.stamps, session.token)
    with supervised(session, prepared) as supervisor:
        log = run_cold(supervisor, launches, unmeasured=0).log
    reader.settle(log)
    return log, prepared


def calls(log: Path, program: str) -> list[list[str]]:
    made = [json.loads(line) for line in log.with_name("calls").read_text().splitlines()]
    return [words for name, *words in made if name == program]


# launches ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("via", ["ctr", "nerdctl"])
def test_what_takes_our_urunc_has_stamps_without_anybody_switching_them_on(
    clients: Path, session: Session, via: str
) -> None:
    launches, prepared = ran(session, urunc_container(via=via), 3)
    assert (outcomes(launches), launches.tails) == ([Outcome.COMPLETED] * 3, {})
    assert [set(launches.events[row]) for row in range(3)] == [ALL_STAMPS | {"console"}] * 3
    assert prepared.phases["engine"] == ("started", "TS00")


def test_docker_calls_the_urunc_that_it_knows_and_names_containers_itself(
    clients: Path, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("URUNC_TIMESTAMPS", "1")  # as its daemon would have been given
    launches, _ = ran(session, urunc_container(via="docker"), 2)
    assert outcomes(launches) == [Outcome.COMPLETED] * 2
    assert [set(launches.events[row]) >= ALL_STAMPS for row in range(2)] == [True, True]
    assert launches.other_stamps == 0
    (argv, _) = (words for words in calls(clients, "docker") if words[0] == "run")
    assert argv[argv.index("--runtime") + 1] == "urunc"
    assert argv[argv.index("--network") + 1] == "none"
    assert "--rm" not in argv


def test_ctr_gets_the_stock_shim_our_urunc_and_a_root_of_our_own(clients: Path, session: Session) -> None:
    _, prepared = ran(session, urunc_container(via="ctr", snapshotter="native", command=["a"]), 1)
    argv = list(prepared.argv)
    assert argv[:7] == [
        "ctr",
        "run",
        "--snapshotter",
        "native",
        "--runtime",
        "io.containerd.runc.v2",
        "--runc-binary",
    ]
    assert argv[-3].startswith(f"{REPOSITORY}:")
    assert argv[-2:] == ["{id}", "a"]
    assert f"pytest-unikernel.session={session.token}" in argv


def test_ctr_gets_no_urunc_of_ours_with_another_shim(clients: Path, session: Session) -> None:
    """It takes --runc-binary for the stock one only."""
    target = urunc_container(via="ctr", image="x", runtime="io.containerd.urunc.v2")
    assert target.prepare is not None
    prepared = target.prepare(target, Place(session.token, str(session.directory)))
    assert prepared.argv[4:6] == ("--runtime", "io.containerd.urunc.v2")
    assert not [each for each in prepared.argv if each.startswith("--runc")]
    assert isinstance(prepared.stamps, StampLog)
    assert prepared.stamps.path == str(clients)


def test_nerdctl_is_given_runtime_and_snapshotter(clients: Path, session: Session) -> None:
    target = urunc_container(
        via="nerdctl", image="x", runtime="io.containerd.uruncts.v2", snapshotter="devmapper"
    )
    assert target.prepare is not None
    argv = target.prepare(target, Place(session.token, str(session.directory))).argv
    assert argv[argv.index("--runtime") + 1] == "io.containerd.uruncts.v2"
    assert argv[argv.index("--snapshotter") + 1] == "devmapper"
    assert "--network" not in argv


def test_an_instance_that_the_engine_refused_has_no_id(tmp_path: Path) -> None:
    names: dict[str, str] = {}
    note_id(names, Instance("u1-1", str(tmp_path), "token", ""))
    assert names == {}


# missing programs ----------------------------------------------------------------------------------


def why_not(target: Target) -> str:
    assert target.probe is not None
    return str(target.probe() or "")


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("pytest_unikernel.targets.qemu.kvm.DEVICE", Path("/dev/null"))


@pytest.mark.usefixtures("clients", "root")
@pytest.mark.parametrize("via", ["ctr", "nerdctl"])
def test_our_own_guest_is_tried_by_each_way(via: str) -> None:
    assert why_not(urunc_container(via=via)) == ""


@pytest.mark.usefixtures("clients", "root")
def test_docker_whose_daemon_has_no_timestamps_on_is_told_how(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("URUNC_TIMESTAMPS", raising=False)
    target = urunc_container(via="docker")
    said = why_not(target)
    assert said.startswith(
        "urunc ran the shipped unikernel, but logged no timestamps; if a daemon starts urunc"
    )


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize("release", ["0.7", "0.8"])
def test_docker_whose_urunc_has_its_timestamps_off_is_told_how(clients: Path, release: str) -> None:
    urunc = fake(clients.parent, release)
    said = why_not(urunc_container(via="docker", urunc=urunc))
    assert said.startswith("timestamps of this urunc are switched off in ")
    assert why_not(urunc_container(via="docker", urunc=urunc, timestamps=False)) == ""


@pytest.mark.usefixtures("root")
def test_docker_whose_urunc_has_its_timestamps_on_cannot_go_without(clients: Path) -> None:
    destination = clients.with_name("ts.log")
    text = f'[timestamps]\nenabled = true\ndestination = "{destination}"\n'
    clients.with_name("no.toml").write_text(text)
    urunc = fake(clients.parent, "0.8")
    assert "switches them on for every container" in why_not(
        urunc_container(via="docker", urunc=urunc, timestamps=False)
    )


@pytest.mark.usefixtures("clients", "root")
def test_a_runtime_that_docker_does_not_know_is_named() -> None:
    said = why_not(urunc_container(via="docker", runtime="uruncts"))
    assert said.startswith(
        "docker has the runtimes urunc, and not 'uruncts'; add it: dockerd --add-runtime uruncts="
    )


@pytest.mark.usefixtures("root")
def test_an_image_without_metadata_is_refused(clients: Path) -> None:
    clients.with_name("image.tar").write_bytes(PLAIN.archive)
    for via in ("ctr", "docker", "nerdctl"):
        said = why_not(urunc_container(via=via, image="localhost/plain"))
        assert said.startswith("image 'localhost/plain' has no urunc metadata"), via


@pytest.mark.usefixtures("root")
def test_an_image_for_another_hypervisor_is_told(clients: Path) -> None:
    clients.with_name("image.tar").write_bytes(ours().archive)
    clients.with_name("solo5-hvt").symlink_to("/bin/true")
    assert why_not(urunc_container(via="ctr", image="x")) == ""
    said = why_not(urunc_container(via="ctr", image="x", hypervisor="hvt"))
    assert said == "image 'x' needs hypervisor 'qemu', got hypervisor='hvt'; use hypervisor='qemu'"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"image": "x"}, "image='x' needs via='ctr' or via='docker' or via='nerdctl', got via='oci'"),
        (
            {"image": "x", "via": "ctr", "kernel": "/k"},
            "image='x' decides what is run, got kernel='/k' too",
        ),
        ({"image": "-x", "via": "ctr"}, "image must be a name, got '-x'"),
        ({"bundle": "/b", "via": "ctr"}, "bundle='/b' needs via='oci', got via='ctr'"),
        ({"snapshotter": "x", "via": "docker"}, "snapshotter='x' needs via='ctr' or via='nerdctl'"),
        ({"monitor": "/m", "via": "docker"}, "monitor='/m' needs"),
        ({"runtime": "x"}, "runtime='x' needs"),
        ({"image": "x y", "via": "ctr"}, "image must be a name, got 'x y'"),
        ({"image": "x\0", "via": "ctr"}, "image must be a name, got"),
        ({"image": "x", "via": "ctr", "kernel": ""}, "kernel must be a path, got ''"),
        ({"via": "docker", "network": "host"}, "expected a network other than 'host'"),
        ({"via": "nerdctl", "network": "host"}, "expected a network other than 'host'"),
    ],
)
def test_what_a_way_has_no_use_for_is_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(TargetError, match=said):
        urunc_container(**wrong)


def test_variants_are_named_by_their_way() -> None:
    assert URUNC_CONTAINER(via="ctr", snapshotter="native").full_name == "urunc_container[ctr,native]"
    assert URUNC_CONTAINER(via="docker", image="a.b/c:d").full_name == "urunc_container[docker,c:d]"
    assert URUNC_CONTAINER(via="oci").full_name == "urunc_container"


# images --------------------------------------------------------------------------------------------


def ours() -> Any:
    guest = checked_guest(None, None, None, hypervisor="qemu", command=(), memory_mib=None)
    return urunc_image(guest)


def test_an_image_of_ours_says_its_hypervisor_and_a_plain_one_nothing() -> None:
    assert hypervisor_in(io.BytesIO(ours().archive)) == "qemu"
    assert hypervisor_in(io.BytesIO(PLAIN.archive)) is None


def test_metadata_in_annotations_plain_or_in_base64_are_found() -> None:
    for value in ("hvt", "aHZ0"):
        manifest = json.dumps({"annotations": {"com.urunc.unikernel.hypervisor": value}}).encode()
        archive = made("x", [Member("blob", manifest)], ["a"])
        assert hypervisor_in(io.BytesIO(_unwrapped(archive.archive))) == "hvt"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("blob", b"{ no json"),
        ("blob", b"[" * 100_000),
        ("blob", b'{"a": "\xff"}'),
        ("urunc.json", b"no json"),
        ("[", b"a layer whose first file is called so"),
    ],
)
def test_what_is_odd_in_an_image_is_no_metadata(name: str, content: bytes) -> None:
    archive = made("x", [Member(name, content)], ["a"]).archive
    assert hypervisor_in(io.BytesIO(archive)) is None
    assert hypervisor_in(io.BytesIO(_unwrapped(archive))) is None


@pytest.mark.usefixtures("root")
def test_an_archive_that_is_none_is_told(clients: Path) -> None:
    clients.with_name("image.tar").write_bytes(b"no archive at all" * 1000)
    assert "expected an archive of image 'x' from " in why_not(urunc_container(via="ctr", image="x"))


def _unwrapped(archive: bytes) -> bytes:
    """Return the layer as if it were an archive of blobs."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        layer = tar.extractfile("layer.tar")
        assert layer is not None
        return layer.read()
