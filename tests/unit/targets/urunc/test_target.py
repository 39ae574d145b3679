"""urunc_container with a simulated urunc: bundles, switches, stamps, trouble, refusals, leftovers."""

from __future__ import annotations

import base64
import dataclasses
import errno
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from realloads import outcomes, supervised
from uruncs import fake

from pytest_unikernel.errors import BuildError, LoadError, TargetError
from pytest_unikernel.guests.build import urunc_bundle as bundles
from pytest_unikernel.guests.build.toml import dumps, loads
from pytest_unikernel.launch.cleanup import leftover_command
from pytest_unikernel.launch.one_by_one import run_cold
from pytest_unikernel.launch.stamps.from_log import StampLogReader
from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.plan.stamps import StampLog
from pytest_unikernel.plan.target import Target
from pytest_unikernel.plan.target_fields import Place, Unavailable
from pytest_unikernel.results.launches import LaunchLog
from pytest_unikernel.results.partition import partition
from pytest_unikernel.results.trial import Trial
from pytest_unikernel.run.session import Session
from pytest_unikernel.targets.urunc import probe
from pytest_unikernel.targets.urunc import program as programs
from pytest_unikernel.targets.urunc.log.releases import FROM_0_7, UP_TO_0_6
from pytest_unikernel.targets.urunc.parameters import stamp_parser
from pytest_unikernel.targets.urunc.target import GREETING, URUNC_CONTAINER, urunc_container

ALL_STAMPS = {f"TS{number:02}" for number in range(19)}


@pytest.fixture
def session() -> Iterator[Session]:
    made = Session()
    yield made
    made.close()


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path / "urunc.zlog"
    monkeypatch.setattr(programs, "FIXED_LOG", str(made))
    return made


def target_of(tmp_path: Path, release: str, log: Path | None = None, **parameters: Any) -> Target:
    return urunc_container(urunc=fake(tmp_path, release, log), **parameters)


def ran(session: Session, target: Target, launches: int = 1) -> tuple[LaunchLog, Target]:
    """Launch as a load does, and look that nothing is left."""
    directory = session.directory / "place"
    directory.mkdir()
    assert target.prepare is not None
    prepared = target.prepare(target, Place(session.token, str(directory)))
    reader = None
    if isinstance(prepared.stamps, StampLog):
        reader = StampLogReader(prepared.stamps, session.token)
    with supervised(session, prepared) as supervisor:
        log = run_cold(supervisor, launches, unmeasured=0).log
    assert leftover_command.remove(prepared, session.token) == ""
    assert not [*(directory / "urunc-r").iterdir(), *(directory / "urunc-b").iterdir()]
    if reader is not None:
        reader.settle(log)
    return log, prepared


# a launch ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("release", ["0.6", "0.8"])
def test_every_launch_has_all_stamps_and_the_monitors_end(
    tmp_path: Path, session: Session, log: Path, release: str
) -> None:
    launches, prepared = ran(session, target_of(tmp_path, release, log), 3)
    assert outcomes(launches) == [Outcome.COMPLETED] * 3
    assert [set(launches.events[row]) for row in range(3)] == [ALL_STAMPS | {"console"}] * 3
    assert prepared.phases["total"] == ("TS00", "TS18")
    events = launches.events[0]
    assert launches.started_ns[0] < events["TS00"] < events["TS18"] <= events["console"]
    assert events["console"] <= launches.exited_ns[0]


@pytest.mark.parametrize("release", ["0.6", "0.8"])
def test_the_phases_of_its_partition_add_up_to_the_service_time(
    tmp_path: Path, session: Session, log: Path, release: str
) -> None:
    launches, prepared = ran(session, target_of(tmp_path, release, log), 3)
    trial = Trial(launches, range(3), 0, launches.exited_ns[2])
    found = partition(prepared, [trial])
    assert found is not None
    assert (found["n"], found["left_out"]) == (3, 0)
    assert prepared.partition == (
        *("launcher", "create", "create->start", "start->exec"),
        *("exec->console", "console->exit"),
    )
    phases_s = sum(each["before_ready_s"] for each in found["phases"])
    assert phases_s == pytest.approx(found["service_time_s"])
    assert found["service_time_s"] == pytest.approx(sum(trial.service_ns()) / 3e9)
    assert found["other_s"] == 0


def test_without_timestamps_nothing_is_logged(tmp_path: Path, session: Session, log: Path) -> None:
    launches, prepared = ran(session, target_of(tmp_path, "0.6", log, timestamps=False))
    assert outcomes(launches) == [Outcome.COMPLETED]
    assert (prepared.stamps, prepared.phases, log.exists()) == (None, {}, False)
    assert prepared.partition == ()


def test_a_stamp_that_is_not_written_is_missing(
    tmp_path: Path, session: Session, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_TROUBLE", "torn")
    launches, _ = ran(session, target_of(tmp_path, "0.8"))
    assert ALL_STAMPS - set(launches.events[0]) == {"TS13"}


@pytest.mark.parametrize(
    ("monitor", "outcome", "status"),
    [
        ("echo 'Hello 42!'; exit 3", Outcome.EXIT_CODE, 3),
        ("kill -SEGV $$", Outcome.SIGNAL, -11),
        ("echo 'guest panic: it was'", Outcome.GUEST_PANIC, 0),
        ("echo nothing of ours", Outcome.NOT_READY, 0),
    ],
)
def test_the_launch_ends_as_the_monitor_does(
    tmp_path: Path, session: Session, monitor: str, outcome: Outcome, status: int
) -> None:
    target = target_of(tmp_path, "0.8")(env={"FAKE_MONITOR": monitor})
    launches, _ = ran(session, target)
    assert (outcomes(launches), launches.status[0]) == ([outcome], status)


@pytest.mark.parametrize(
    ("trouble", "outcome", "said"),
    [("create", Outcome.DAEMON_ERROR, "urunc create failed: u"), ("reexec", Outcome.EXIT_CODE, "")],
)
def test_what_urunc_refuses_is_told_and_cleaned_up(
    tmp_path: Path, session: Session, trouble: str, outcome: Outcome, said: str
) -> None:
    launches, _ = ran(session, target_of(tmp_path, "0.8")(env={"FAKE_TROUBLE": trouble}))
    assert outcomes(launches) == [outcome]
    assert said in launches.tails[0]


def test_a_launch_that_is_ended_leaves_no_monitor(
    tmp_path: Path, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_MONITOR", f"echo $$ > {tmp_path}/pid; exec sleep 1234.125")
    target = dataclasses.replace(target_of(tmp_path, "0.8"), failures={}, output=None)
    directory = session.directory / "place"
    directory.mkdir()
    assert target.prepare is not None
    prepared = target.prepare(target, Place(session.token, str(directory)))
    with supervised(session, prepared, timeout_s=1.0) as supervisor:
        assert outcomes(run_cold(supervisor, 1, unmeasured=0).log) == [Outcome.TIMEOUT]
    assert leftover_command.remove(prepared, session.token) == ""
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists()
    assert not list((directory / "urunc-r").iterdir())


# bundles -------------------------------------------------------------------------------------------


def guest(tmp_path: Path, **more: Any) -> bundles.Guest:
    kernel = tmp_path / "kernel"
    kernel.write_bytes(b"\x7fELF")
    return bundles.Guest(kernel, None, "mewz", "qemu", ("unikernel",), **more)


def test_metadata_are_base64_and_namespaces_our_own(tmp_path: Path) -> None:
    made = tmp_path / "template"
    listed = bundles.write_template(made, guest(tmp_path, memory_mib=7))
    assert listed == [
        "rootfs/",
        "config.json",
        "rootfs/unikernel/",
        "rootfs/urunc.json",
        "rootfs/unikernel/kernel",
    ]
    found = json.loads((made / "rootfs" / "urunc.json").read_text())
    assert base64.b64decode(found["com.urunc.unikernel.binary"]) == b"/unikernel/kernel"
    config = json.loads((made / "config.json").read_text())
    assert {"mount", "network"} <= {each["type"] for each in config["linux"]["namespaces"]}
    assert config["linux"]["resources"]["memory"]["limit"] == 7 << 20


def bundle_of(tmp_path: Path, change: Callable[[Any], object] = id) -> Path:
    made = tmp_path / "bundle"
    bundles.write_template(made, guest(tmp_path))
    config = json.loads((made / "config.json").read_text())
    change(config)
    (made / "config.json").write_text(json.dumps(config))
    return made


def test_a_bundle_of_the_users_is_copied_and_stays_as_it_is(tmp_path: Path, session: Session) -> None:
    bundle = bundle_of(tmp_path)
    before = sorted(str(each) for each in bundle.rglob("*"))
    launches, _ = ran(session, target_of(tmp_path, "0.8", bundle=bundle), 2)
    assert outcomes(launches) == [Outcome.COMPLETED] * 2
    assert sorted(str(each) for each in bundle.rglob("*")) == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda config: config["linux"]["namespaces"].pop(), "expected new namespaces mount, without a path"),
        (
            lambda config: config["linux"]["namespaces"][1].update(path="/x"),
            "expected new namespaces network",
        ),
        (lambda config: config["process"].update(terminal=True), "process.terminal must be false"),
        (lambda config: config.pop("linux"), "expected an OCI configuration"),
    ],
)
def test_a_bundle_that_would_harm_the_host_is_refused(tmp_path: Path, change: Any, said: str) -> None:
    with pytest.raises(TargetError, match=said):
        urunc_container(bundle=bundle_of(tmp_path, change))


def test_a_bundle_with_a_name_that_a_launch_would_fill_in_is_refused(
    tmp_path: Path, session: Session
) -> None:
    bundle = bundle_of(tmp_path)
    (bundle / "rootfs" / "{id}").touch()
    target = target_of(tmp_path, "0.8", bundle=bundle)
    assert target.prepare is not None
    with pytest.raises(LoadError, match=r"got 'rootfs/\{id\}'; rename it"):
        target.prepare(target, Place(session.token, str(session.directory)))


def test_a_kernel_that_is_gone_is_named(tmp_path: Path) -> None:
    target = target_of(tmp_path, "0.8", kernel=guest(tmp_path).kernel, unikernel_type="mewz")
    (tmp_path / "kernel").unlink()
    assert callable(target.versions)
    with pytest.raises(LoadError, match=r"urunc_container: can't read '.*/kernel': No such file"):
        target.versions()


def test_a_monitor_whose_kvm_fails_is_told_of_one_that_does_without(tmp_path: Path) -> None:
    said = "qemu-system-x86_64: kvm.c:3183: kvm_buf_set_msrs: Assertion failed."
    found = probe._unavailable(probe._Failure(said), None)
    assert said in found.reason
    assert found.cure.startswith("give a monitor= that works without it")


def test_a_launch_that_only_lacks_timestamps_is_told_how_to_switch_them_on() -> None:
    found = probe._unavailable(probe._Failure("none, whatever it says of KVM", lacks_stamps=True), None)
    assert found == Unavailable("none, whatever it says of KVM", probe.SWITCH_THEM_ON)


def test_a_bundle_without_metadata_is_refused(tmp_path: Path) -> None:
    bundle = bundle_of(tmp_path)
    (bundle / "rootfs" / "urunc.json").unlink()
    with pytest.raises(TargetError, match="expected urunc's metadata in"):
        urunc_container(bundle=bundle)


def test_a_cache_that_has_no_room_is_told_and_nothing_half_written_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_from: object, to: Path) -> None:
        Path(to).write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("shutil.copyfile", full)
    with pytest.raises(BuildError, match="No space left on device; set XDG_CACHE_HOME"):
        bundles.launcher()
    assert [each.name for each in tmp_path.rglob("*") if each.is_file()] == ["lock"]


def test_a_cache_from_which_nothing_may_be_run_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    bundles.launcher().chmod(0o644)  # as for access(2) every file is that is mounted noexec
    with pytest.raises(BuildError, match=r"can't run .*noexec.*; set XDG_CACHE_HOME"):
        bundles.launcher()


# parameters ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"hypervisor": "xen"}, "hypervisor must be one of qemu, spt, hvt, firecracker, got 'xen'"),
        ({"hypervisor": "spt"}, "the shipped unikernel needs hypervisor='qemu'"),
        ({"via": "crictl"}, "via must be one of"),
        ({"kernel": "/no/such"}, "unikernel_type must be the type of"),
        ({"kernel": "/no/such", "unikernel_type": "mewz"}, "kernel must be a file that can be read"),
        ({"unikernel_type": "mewz"}, "need kernel="),
        ({"command": "text"}, "command must be a list of text"),
        ({"timestamps": 1}, "timestamps must be True or False, got 1"),
        ({"memory_mib": 0}, "memory_mib must be a whole number"),
        ({"hypervisor": []}, r"hypervisor must be one of .*, got \[\]"),
        ({"kernel": 5, "unikernel_type": "mewz"}, "kernel must be a path, got 5"),
        ({"kernel": __file__, "unikernel_type": "mewz", "initrd": 5}, "initrd must be a path, got 5"),
        ({"kernel": __file__, "unikernel_type": "\udcff"}, "unikernel_type must be the type of"),
        ({"bundle": 5}, "bundle must be a path, got 5"),
        ({"bundle": "a\0"}, "bundle must be a path, got"),
        ({"monitor": 5}, "monitor must be a path, got 5"),
        ({"monitor": ""}, "monitor must be a path, got ''"),
        ({"urunc": ""}, "urunc must be a path, got ''"),
        ({"command": ["a\0"]}, "command can't hold a NUL byte"),
    ],
)
def test_what_cannot_be_right_is_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(TargetError, match=said):
        urunc_container(**wrong)


def test_variants_are_named_by_what_was_changed(tmp_path: Path) -> None:
    kernel = guest(tmp_path).kernel
    made = URUNC_CONTAINER(kernel=kernel, unikernel_type="unikraft", hypervisor="spt", timestamps=False)
    assert made.full_name == "urunc_container[spt,kernel,untimed]"
    assert URUNC_CONTAINER().full_name == "urunc_container"
    assert (made.output, URUNC_CONTAINER.output) == (None, GREETING)


def test_a_path_too_long_for_a_socket_is_refused(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 90)
    deep.mkdir()
    target = target_of(tmp_path, "0.8")
    assert target.prepare is not None
    with pytest.raises(LoadError, match="set TMPDIR"):
        target.prepare(target, Place("token", str(deep)))


# which urunc, and its switches ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("release", "switch", "meaning"),
    [("0.6", "environment", UP_TO_0_6), ("0.7", "system", FROM_0_7), ("0.8", "file", FROM_0_7)],
)
def test_a_release_is_told_by_what_its_program_can_do(
    tmp_path: Path, release: str, switch: str, meaning: object
) -> None:
    found = programs.find(str(fake(tmp_path, release)))
    assert isinstance(found, programs.Urunc)
    assert (found.switch, found.release, found.version) == (switch, meaning, "unknown")


def test_a_version_is_read_from_the_program(tmp_path: Path) -> None:
    program = tmp_path / "urunc"
    program.write_bytes(b"#!\0mod\tgithub.com/urunc-dev/urunc\tv0.8.0\th1:x\n")
    program.chmod(0o755)
    found = programs.find(str(program))
    assert isinstance(found, programs.Urunc)
    assert (found.version, found.switch) == ("v0.8.0", "none")
    assert "has no timestamps" in str(programs.why_no_timestamps(found))


def test_no_urunc_is_named_with_its_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert str(programs.find(None)).startswith("no urunc on PATH; install urunc")
    assert isinstance(programs.find(str(tmp_path / "none")), Unavailable)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path / "config.toml"
    monkeypatch.setattr(programs, "SYSTEM_CONFIG", made)
    return made


def test_the_systems_timestamps_are_used_where_they_are_on(tmp_path: Path, config: Path) -> None:
    config.write_text(f'[timestamps]\nenabled = true\ndestination = "{tmp_path}/ts.log"\n')
    assert programs.log_of_system() == f"{tmp_path}/ts.log"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "are switched off"),
        ("[timestamps]\nenabled = false\n", "are switched off"),
        ('[timestamps]\nenabled = true\ndestination = "/no/such/place/ts.log"\n', "mkdir -p /no/such/place"),
        ("[timestamps", "can't read"),
        ('[timestamps]\nenabled = true\ndestination = ""\n', "absolute path of a file, got ''"),
        ('[timestamps]\nenabled = true\ndestination = "ts.log"\n', "absolute path of a file, got 'ts.log'"),
        ('[timestamps]\nenabled = true\ndestination = "/tmp"\n', "absolute path of a file, got '/tmp'"),
    ],
)
def test_the_systems_timestamps_that_are_off_are_named_with_the_cure(
    config: Path, text: str | None, said: str
) -> None:
    if text is not None:
        config.write_text(text)
    found = str(programs.log_of_system())
    assert said in found


def test_a_configuration_of_our_own_keeps_what_the_systems_says_otherwise(config: Path) -> None:
    config.write_text('[log]\nlevel = "info"\n[monitors.qemu]\npath = "/a"\ndefault_vcpus = 2\n')
    made = loads(programs.private_config(Path("/x/ts.log"), "qemu", "/b"))
    assert made["log"] == {"level": "info"}
    assert made["monitors"] == {"qemu": {"path": "/b", "default_vcpus": 2}}
    assert made["timestamps"] == {"enabled": True, "destination": "/x/ts.log"}
    assert programs.monitor_of(made, "qemu") == "/b"
    assert programs.monitor_of(made, "spt") is None


def test_a_configuration_that_the_user_names_is_the_one_that_ours_is_made_of(
    tmp_path: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text('[monitors.qemu]\npath = "/of/system"\n')
    own = tmp_path / "own.toml"
    own.write_text('[monitors.qemu]\npath = "/bin/true"\n')
    monkeypatch.setenv("URUNC_CONFIG_FILE", str(own))
    assert loads(programs.private_config(None, "qemu", None))["monitors"]["qemu"]["path"] == "/bin/true"
    assert programs.config_or_nothing("file") == loads(own.read_text())
    assert programs.config_or_nothing("system") == loads(config.read_text())  # up to 0.7 it isn't read


def test_timestamps_that_the_system_has_on_for_all_cannot_be_left_out(tmp_path: Path, config: Path) -> None:
    config.write_text(f'[timestamps]\nenabled = true\ndestination = "{tmp_path}/ts.log"\n')
    untimed = target_of(tmp_path, "0.7", timestamps=False)
    assert untimed.probe is not None
    assert f"{config} switches them on for every container of this urunc; write enabled" in str(
        untimed.probe()
    )
    by_load = target_of(tmp_path, "0.8", timestamps=False, monitor="/no/such")
    assert by_load.probe is not None
    assert str(by_load.probe()).startswith("no /no/such, which hypervisor=")


@pytest.mark.parametrize("text", ["[timestamps", "monitors = 3\n", "[monitors]\nqemu = 3\n"])
@pytest.mark.parametrize("timestamps", [True, False])
def test_a_configuration_that_cannot_be_read_is_named(
    tmp_path: Path, config: Path, text: str, timestamps: bool
) -> None:
    config.write_text(text)
    target = target_of(tmp_path, "0.8", timestamps=timestamps)
    assert target.probe is not None
    assert f"can't read '{config}': " in str(target.probe())


def test_toml_is_written_as_it_is_read() -> None:
    tables = {"a": 1, "b": {"c": 'q"\\', "d": {"e.f": [True, 2.5]}}, "g": {}}
    assert loads(dumps(tables)) == tables


# the log -------------------------------------------------------------------------------------------


def test_lines_in_any_pieces_are_stamps_and_each_other_line_none() -> None:
    line = b'{"containerID":"u0-1","timestampID":"TS00","time":12}\n'
    parse = stamp_parser()
    found = [*parse(line[:10]), *parse(line[10:] + b"foreign\n" + line + line[:5])]
    stamps = [each for each in found if each]
    assert [(each.instance, each.event, each.unix_ns) for each in stamps] == [("u0-1", "TS00", 12)] * 2
    assert found.count(None) == 1


def test_root_is_needed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    target = target_of(tmp_path, "0.8", monitor="/bin/true")
    assert target.probe is not None
    assert "run as root" in str(target.probe())
