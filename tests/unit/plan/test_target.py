"""Targets as descriptions: calling, naming, variants, placeholders, and refusals."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from pytest_unikernel.errors import TargetError
from pytest_unikernel.guests.build.crate_files import CRATE, copy_crate
from pytest_unikernel.plan.readiness import bytes_regex
from pytest_unikernel.plan.target import Event, Exit, Http, Line, Port, Target
from pytest_unikernel.plan.target_fields import Instance, Unavailable
from pytest_unikernel.targets.linux_process import LINUX_PROCESS
from pytest_unikernel.targets.qemu import machine as qemu_host
from pytest_unikernel.targets.qemu.rust_kernel import RUST_KERNEL

PLAIN = Target("plain", ["/bin/true"])


def made(*, size: int = 1, fast: bool = False, name: str | None = None) -> Target:
    return Target(
        "sized",
        ["/bin/echo", str(size), str(fast), str(name)],
        naming={"fast": "fast", "name": lambda value: value.upper()},
    )


SIZED = Target(**{**vars(made()), "factory": made})


# calling ------------------------------------------------------------------------------------------


def test_calling_gives_a_changed_copy_and_leaves_the_original() -> None:
    copy = PLAIN(argv=["/bin/false"], timeout_s=2.0)
    assert (copy.argv, copy.timeout_s) == (("/bin/false",), 2.0)
    assert (PLAIN.argv, PLAIN.timeout_s, PLAIN.variant) == (("/bin/true",), None, {})


def test_every_changed_parameter_is_in_the_variant_over_several_calls() -> None:
    assert SIZED(size=2)(fast=True).variant == {"size": 2, "fast": True}
    assert PLAIN(timeout_s=2.0)(argv=["x"]).variant == {"timeout_s": 2.0, "argv": ["x"]}


def test_a_default_that_is_given_adds_nothing() -> None:
    assert SIZED(size=1, fast=False).variant == {}
    assert SIZED(size=2)(size=1).variant == {}


def test_a_factory_is_called_with_all_that_was_ever_changed() -> None:
    assert SIZED(size=2)(fast=True).argv == ("/bin/echo", "2", "True", "None")


def test_plain_fields_lie_over_what_a_factory_makes_and_stay() -> None:
    copy = SIZED(timeout_s=3.0)(size=2)
    assert (copy.timeout_s, copy.argv[1]) == (3.0, "2")


@pytest.mark.parametrize("target", [PLAIN, SIZED, LINUX_PROCESS, RUST_KERNEL])
def test_an_unknown_parameter_is_refused_by_name_with_those_that_are_known(target: Target) -> None:
    with pytest.raises(TargetError, match=r"unknown parameter 'memory_mb'; expected one of .*timeout_s"):
        target(memory_mb=1)


@pytest.mark.parametrize("target", [PLAIN, SIZED, RUST_KERNEL])
def test_a_parameter_without_a_name_is_refused(target: Target) -> None:
    with pytest.raises(TargetError):
        target("x")


# naming -------------------------------------------------------------------------------------------


def test_the_name_has_the_labels_of_naming_parameters_only() -> None:
    assert PLAIN(timeout_s=1.0).full_name == "plain"
    assert SIZED(size=2).full_name == "sized"
    assert SIZED(fast=True).full_name == "sized[fast]"
    assert SIZED(fast=True)(fast=False).full_name == "sized"


def test_a_label_by_hand_replaces_the_others_and_is_no_variant() -> None:
    copy = SIZED(fast=True, label="mine")
    assert (copy.full_name, copy.variant) == ("sized[mine]", {"fast": True})
    assert copy(label="").full_name == "sized"


def test_a_rust_kernel_is_named_by_kvm_machine_and_file(tmp_path: Path) -> None:
    image = tmp_path / "mine.elf"
    image.write_bytes(b"\x7fELF")
    assert RUST_KERNEL(memory_mib=64).full_name == "rust_kernel"
    assert RUST_KERNEL(machine="pc").full_name == "rust_kernel[pc]"
    assert RUST_KERNEL(image=image).full_name == "rust_kernel[mine.elf]"


def test_a_process_is_not_named_by_its_command() -> None:
    copy = LINUX_PROCESS(["/bin/true"])
    assert (copy.full_name, copy.variant) == ("linux_process", {"command": ["/bin/true"]})


# placeholders -------------------------------------------------------------------------------------


def test_placeholders_are_filled_and_other_braces_stay() -> None:
    instance = Instance("i1", "/d", "s", "/e", "80")
    assert instance.fill("{id} {dir} {session} {events} {port}") == "i1 /d s /e 80"
    assert instance.fill("${HOME} {} {ID} {unknown} {0}") == "${HOME} {} {ID} {unknown} {0}"


def test_what_is_filled_in_is_not_filled_again() -> None:
    assert Instance("{dir}", "/d", "s", "/e").fill("{id}") == "{dir}"


# refusals -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ({"name": "two words"}, "name must be a letter or _, then letters"),
        ({"argv": "echo hi"}, "argv must be a list"),
        ({"argv": []}, "argv must name a program"),
        ({"argv": ["a", 1]}, "argv must be a list of text"),
        ({"argv": ["a\0"]}, "NUL"),
        ({"ready": Exit}, "ready must be"),
        ({"ready": "line"}, "ready must be"),
        ({"long_lived": True}, "long_lived=True needs another ready than Exit()"),
        ({"timeout_s": 0}, "timeout_s must be a finite number > 0"),
        ({"timeout_s": float("nan")}, "timeout_s must be a finite number > 0"),
        ({"memory_bytes": -1}, "memory_bytes must be"),
        ({"processes": "2"}, "processes must be"),
        ({"removal": "docker rm {ids}"}, "removal must be a list of text"),
        ({"removal": ["docker", "rm"]}, "removal must name the instance by {id} or {ids}"),
        ({"leftovers": ["rm", 1]}, "leftovers must be a list of text"),
        ({"requires": "redis-server"}, "names on PATH or paths, got 'redis-server'"),
        ({"requires": ["a", ""]}, "requires must be a list of programs"),
        ({"requires": ["a\0"]}, "requires must be a list of programs"),
        ({"requires": [b"a"]}, "requires must be a list of programs"),
        ({"requires": [1]}, "requires must be a list of programs"),
        ({"versions": "7.0"}, "versions must map names to text"),
        ({"versions": {"redis": 7}}, "versions must map names to text"),
        (
            {"ready": Port()},
            "put {port} where the program takes its port, or name a fixed one: Port(number=8080)",
        ),
        ({"ready": Http()}, "or name a fixed one: Http(number=8080)"),
    ],
)
def test_a_wrong_description_is_refused_with_the_rule(wrong: dict[str, Any], rule: str) -> None:
    with pytest.raises(TargetError, match=re.escape(rule)):
        Target(**{"name": "t", "argv": ["/bin/true"], **wrong})


@pytest.mark.parametrize(
    "fields",
    [
        {"argv": ["server", "--port={port}"]},
        {"env": {"LISTEN": "127.0.0.1:{port}"}},
        {"env": {"UNIKERNEL_PORT": "{port}"}},  # a program that reads it by itself
        {"argv": ["sh", "-c", "server $UNIKERNEL_PORT"]},
        {"ready": Port(8080)},
        {"ready": Http(number=8080)},
        {"prepare": lambda target, _: target},  # may put the port in later
    ],
)
def test_a_port_that_the_instance_gets_to_know_is_taken(fields: dict[str, Any]) -> None:
    assert Target("t", **{"argv": ["server"], "ready": Port(), "long_lived": True, **fields})


def test_a_copy_without_the_port_of_its_readiness_is_refused() -> None:
    with pytest.raises(TargetError, match=r"put \{port\} where the program"):
        PLAIN(ready=Port(), long_lived=True)


def test_required_programs_are_kept_as_text() -> None:
    assert Target("t", ["/bin/true"], requires=["sh", Path("/bin/sh")]).requires == ("sh", "/bin/sh")  # type: ignore[list-item]


def test_a_path_may_stand_in_argv() -> None:
    assert Target("t", [Path("/bin/true")]).argv == ("/bin/true",)  # type: ignore[list-item]


def test_unavailable_reads_as_reason_and_cure() -> None:
    assert str(Unavailable("no x", "install x")) == "no x; install x"


# readiness ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ready", "shown"),
    [
        (Exit(), "exit"),
        (Line("up"), "line 'up'"),
        (Line(re.compile(rb"^up \d+$")), r"line '^up \\d+$'"),
        (Port(), "port 127.0.0.1:own"),
        (Http(8080), "http 127.0.0.1:8080"),
        (Event("net"), "event net"),
    ],
)
def test_readiness_reads_as_its_kind_and_what_it_waits_for(ready: Any, shown: str) -> None:
    assert str(ready) == shown
    assert shown.startswith(ready.kind)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Line(""),
        lambda: Line(b""),
        lambda: Line("a\nb"),
        lambda: Line(7),  # type: ignore[arg-type]
        lambda: Port(0),
        lambda: Port(65536),
        lambda: Port(interval_s=0),
        lambda: Port(True),
        lambda: Port(interval_s=True),
        lambda: Http(statuses=(True,)),
        lambda: Http(path="no-slash"),
        lambda: Http(path="/a b"),
        lambda: Event("two words"),
        lambda: Event(""),
    ],
)
def test_wrong_readiness_is_refused(make: Any) -> None:
    with pytest.raises(TargetError):
        make()


def test_text_is_matched_literally_and_a_text_regex_over_bytes() -> None:
    assert bytes_regex("a.c").search(b"abc") is None
    assert bytes_regex(re.compile("GRÜN", re.IGNORECASE)).search("GRÜN".encode()) is not None


# linux_process ------------------------------------------------------------------------------------


def test_text_is_a_line_for_the_shell_and_a_list_an_argv() -> None:
    assert LINUX_PROCESS("a; b").argv == ("/bin/sh", "-c", "a; b")
    assert LINUX_PROCESS(["a", "b c"]).argv == ("a", "b c")


def test_by_default_a_process_prints_a_time_and_the_greeting() -> None:
    assert LINUX_PROCESS.argv == ("/bin/sh", "-c", "echo $(date +%s%N) Hello World!")
    assert LINUX_PROCESS.exit_codes == {0}


@pytest.mark.parametrize("command", ["", "  ", [], (), None])
def test_an_empty_command_is_refused(command: Any) -> None:
    with pytest.raises(TargetError, match="command must be a line for /bin/sh or a list"):
        LINUX_PROCESS(command)


@pytest.mark.parametrize("command", [b"true", [1], 7, {"a": 1}.items()])
def test_a_command_of_another_kind_is_refused(command: Any) -> None:
    with pytest.raises(TargetError):
        LINUX_PROCESS(command)


def test_a_process_takes_another_readiness_with_its_command() -> None:
    copy = LINUX_PROCESS("echo up", ready=Line("up"))
    assert (str(copy.ready), copy.argv[-1]) == ("line 'up'", "echo up")


# rust_kernel --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ({"memory_mib": 0}, "memory_mib must be a whole number >= 2"),
        ({"memory_mib": True}, "memory_mib must be"),
        ({"memory_mib": 32.5}, "memory_mib must be"),
        ({"cpus": 0}, "cpus must be a whole number >= 1"),
        ({"machine": "isapc"}, "machine must be one of microvm, pc, q35"),
        ({"image": "a", "crate": "b"}, "image= or crate=, got both"),
        ({"image": "/nowhere/k.elf"}, "No such file"),
        ({"image": "/"}, "Is a directory"),
        ({"image": "/dev/null"}, "which is empty"),
        ({"crate": "/nowhere"}, "no Cargo.toml"),
    ],
)
def test_a_wrong_parameter_of_a_kernel_is_refused_at_once(wrong: dict[str, Any], rule: str) -> None:
    with pytest.raises(TargetError, match=re.escape(rule)):
        RUST_KERNEL(**wrong)


def test_a_linux_kernel_is_not_a_unikernel(tmp_path: Path) -> None:
    image = tmp_path / "bzImage"
    image.write_bytes(bytes(0x202) + b"HdrS" + bytes(100))
    with pytest.raises(TargetError, match="a Linux kernel; use linux_vm"):
        RUST_KERNEL(image=image)


def test_what_is_no_elf_file_is_a_disk_on_a_pc(tmp_path: Path) -> None:
    image = tmp_path / "disk.bin"
    image.write_bytes(bytes(512))
    argv = RUST_KERNEL(image=image).argv
    assert argv[argv.index("-M") + 1] == "pc"
    assert f"file={image},format=raw,snapshot=on" in argv
    for wrong in ({"machine": "microvm"}, {"append": "x"}):
        with pytest.raises(TargetError, match="disk image"):
            RUST_KERNEL(image=image, **wrong)


def test_only_the_shipped_kernel_has_to_say_hello(tmp_path: Path) -> None:
    image = tmp_path / "k.elf"
    image.write_bytes(b"\x7fELF")
    assert RUST_KERNEL.output == "Hello 42!"
    assert RUST_KERNEL(image=image).output is None
    assert RUST_KERNEL.exit_codes == RUST_KERNEL(image=image).exit_codes == {33}
    assert RUST_KERNEL(console=True).output is None  # nobody sees what goes to the terminal


def test_a_crate_is_not_built_before_its_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    copy_crate(CRATE, tmp_path / "mine")
    target = RUST_KERNEL(crate=tmp_path / "mine")
    assert target.full_name == "rust_kernel[mine]"
    assert not list(tmp_path.rglob("*.elf"))


def test_another_state_of_a_crate_is_another_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    copy_crate(CRATE, tmp_path / "mine")
    before = RUST_KERNEL(crate=tmp_path / "mine").argv
    (tmp_path / "mine" / "src" / "application.rs").write_text("// nothing\n")
    assert RUST_KERNEL(crate=tmp_path / "mine").argv != before


def test_without_cargo_a_crate_is_unavailable_with_the_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(qemu_host, "find", lambda _: qemu_host.Qemu("qemu", "8"))
    copy_crate(CRATE, tmp_path / "mine")
    target = RUST_KERNEL(crate=tmp_path / "mine")
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert target.probe is not None
    assert "needs cargo" in str(target.probe())


def test_the_guards_know_of_the_guests_memory_and_cpus() -> None:
    assert RUST_KERNEL(memory_mib=132).memory_bytes - RUST_KERNEL.memory_bytes == 100 << 20
    assert RUST_KERNEL(cpus=4).processes - RUST_KERNEL.processes == 3
