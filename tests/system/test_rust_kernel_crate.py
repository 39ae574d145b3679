"""The Rust kernel for real: built by cargo, booted by QEMU."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from needed import needs_cargo, needs_qemu

from pytest_unikernel.errors import BuildError
from pytest_unikernel.guests.build.crate_files import CRATE, copy_crate, new_crate
from pytest_unikernel.guests.build.rust_kernel import build_kernel, shipped_kernel, verify_shipped_kernel

pytestmark = needs_qemu

MACHINES = {
    "microvm": [
        "-M",
        "microvm,x-option-roms=off,pit=off,pic=off,rtc=off,isa-serial=on",
        "-bios",
        "qboot.rom",
    ],
    "pc": ["-M", "pc"],
}
COMMON = ["-m", "32", "-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio", "-no-reboot"]
DEBUG_EXIT = ["-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
PRINT = 'println!("Hello {number}!");'
SUCCESS, PANIC, RESET = 33, 35, 0
both_machines = pytest.mark.parametrize("machine", list(MACHINES))


@dataclass(frozen=True)
class Ended:
    status: int
    text: str


def boot(kernel: Path, machine: str = "microvm", extra: list[str] = DEBUG_EXIT) -> Ended:
    argv = ["qemu-system-x86_64", *MACHINES[machine], *COMMON, "-cpu", "max", *extra, "-kernel", str(kernel)]
    ran = subprocess.run(
        argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.stderr == ""
    return Ended(ran.returncode, ran.stdout)


class Workshop:
    """Builds the crate with other code in place of the sample's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def build(self, code: str) -> Path:
        crate = self.folder / "crate"
        if not crate.exists():
            new_crate(crate)
        source = (CRATE / "src" / "application.rs").read_text()
        assert PRINT in source
        (crate / "src" / "application.rs").write_text(source.replace(PRINT, f"let _ = number;\n    {code}"))
        return build_kernel(crate, cache_dir=self.folder / "cache")


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


@both_machines
def test_the_shipped_kernel_says_hello_and_ends_with_33(machine: str) -> None:
    assert boot(shipped_kernel(), machine) == Ended(SUCCESS, "Hello 42!\n")


def test_without_the_exit_device_the_machine_ends_all_the_same() -> None:
    assert boot(shipped_kernel(), extra=[]) == Ended(RESET, "Hello 42!\n")


@needs_cargo
def test_the_shipped_kernel_is_what_the_crate_builds(tmp_path: Path) -> None:
    result = verify_shipped_kernel(cache_dir=tmp_path)
    assert result.same_file
    assert result.same_sources
    assert result.same_bytes or not result.same_compiler
    assert boot(result.built) == Ended(SUCCESS, "Hello 42!\n")


@needs_cargo
def test_two_directories_give_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy_crate(CRATE, tmp_path / "a" / "much" / "longer" / "path" / "crate")
    first = build_kernel(CRATE, cache_dir=tmp_path / "one")
    monkeypatch.setenv("RUSTFLAGS", "-Copt-level=0")
    monkeypatch.setenv("CARGO_TARGET_DIR", str(tmp_path / "elsewhere"))
    second = build_kernel(
        tmp_path / "a" / "much" / "longer" / "path" / "crate", cache_dir=tmp_path / "b" / "two"
    )
    assert first != second
    assert first.read_bytes() == second.read_bytes()
    assert not (tmp_path / "elsewhere").exists()


@needs_cargo
def test_a_copy_builds_by_hand_from_another_directory(tmp_path: Path) -> None:
    new_crate(tmp_path / "crate")
    argv = ["cargo", "build", "--release", "--locked", "--offline", "--target-dir", str(tmp_path / "target")]
    subprocess.run(argv, cwd=tmp_path / "crate" / "src", check=True, capture_output=True)
    built = tmp_path / "target" / "x86_64-unknown-linux-gnu" / "release" / "rust_kernel"
    assert boot(built) == Ended(SUCCESS, "Hello 42!\n")


@needs_cargo
@both_machines
def test_an_edited_application_runs(workshop: Workshop, machine: str) -> None:
    kernel = workshop.build('println!("Goodbye {}!", number + async_number().await);')
    assert boot(kernel, machine) == Ended(SUCCESS, "Goodbye 84!\n")


@needs_cargo
def test_a_long_text_arrives_whole(workshop: Workshop) -> None:
    kernel = workshop.build('for line in 0..1000 { println!("{line:0>99}"); }')
    assert boot(kernel) == Ended(SUCCESS, "".join(f"{line:0>99}\n" for line in range(1000)))


@needs_cargo
@both_machines
def test_a_panic_is_one_line_and_status_35(workshop: Workshop, machine: str) -> None:
    kernel = workshop.build('crate::print!("unfinished"); panic!("two\\nlines, {}", 7);')
    ended = boot(kernel, machine)
    first, second, rest = ended.text.split("\n")
    assert (first, rest) == ("unfinished", "")
    assert second.startswith("guest panic: panicked at src/application.rs:")
    assert second.endswith(": two lines, 7")
    assert ended.status == PANIC


@needs_cargo
def test_a_panic_while_panicking_ends_too(workshop: Workshop) -> None:
    code = """
    struct Bad;
    impl core::fmt::Display for Bad {
        fn fmt(&self, _: &mut core::fmt::Formatter) -> core::fmt::Result { panic!("again") }
    }
    panic!("{}", Bad);"""
    ended = boot(workshop.build(code))
    assert ended.status == PANIC
    assert ended.text.startswith("guest panic: ")


@needs_cargo
@both_machines
def test_a_null_pointer_is_a_page_fault(workshop: Workshop, machine: str) -> None:
    ended = boot(workshop.build("unsafe { (number as usize as *const u8).read_volatile() };"), machine)
    assert ended.status == PANIC
    assert ended.text.startswith("guest panic: exception 14 (page fault) at 0x10")
    assert ended.text.endswith(", address 0x2a, error code 0x0\n")


# An interrupt beyond the table is a #GP, which is beyond it too now: a double fault.
NO_HANDLER_FROM_9_ON = """
    "sub rsp, 16", "sidt [rsp]", "mov word ptr [rsp], 9 * 16 - 1", "lidt [rsp]", "int 0x40"
"""


@needs_cargo
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("0 (divide error)", '"xor ecx, ecx", "div ecx"'),
        ("6 (invalid opcode)", '"ud2"'),
        ("8 (double fault)", NO_HANDLER_FROM_9_ON),
        ("13 (general protection)", '"mov rax, 0x8000000000000000", "mov rax, [rax]"'),
        ("14 (page fault)", '"mov rax, 0x40000000", "mov [rax], rax"'),
    ],
)
def test_an_exception_is_one_line_and_status_35(workshop: Workshop, name: str, code: str) -> None:
    ended = boot(workshop.build(f"unsafe {{ core::arch::asm!({code}, options(noreturn)) }};"))
    assert ended.status == PANIC
    assert ended.text.startswith(f"guest panic: exception {name} at 0x10")
    assert ended.text.count("\n") == 1


@needs_cargo
@both_machines
def test_a_stack_overflow_is_told(workshop: Workshop, machine: str) -> None:
    code = """
    fn deeper(level: u64) -> u64 {
        let kept = core::hint::black_box([level; 64]);
        deeper(kept[3] + 1) + kept[5]
    }
    println!("{}", deeper(0));"""
    ended = boot(workshop.build(f"#[allow(unconditional_recursion)] {code}"), machine)
    assert ended.status == PANIC
    assert ended.text.startswith("guest panic: exception 14 (page fault)")
    assert "address 0xf" in ended.text


@needs_cargo
@both_machines
def test_heap_and_floating_point_work(workshop: Workshop, machine: str) -> None:
    code = """
    let squares: alloc::vec::Vec<u64> = (0..100_000).map(|n| n * n).collect();
    let map: alloc::collections::BTreeMap<_, _> = (0..99).map(|n| (n, alloc::format!("<{n}>"))).collect();
    println!("{} {} {:.3}", squares.iter().sum::<u64>(), map[&7], number as f64 / 5.0);"""
    assert boot(workshop.build(code), machine) == Ended(SUCCESS, "333328333350000 <7> 8.400\n")


@needs_cargo
def test_no_memory_left_is_a_panic(workshop: Workshop) -> None:
    ended = boot(workshop.build('let v = alloc::vec![1u8; 64 << 20]; println!("{}", v[9]);'))
    assert ended.status == PANIC
    assert ended.text.endswith("memory allocation of 67108864 bytes failed\n")


@needs_cargo
def test_tasks_take_turns_and_give_results(workshop: Workshop) -> None:
    code = """
    use crate::executor::{join, spawn, yield_now};
    async fn count(name: &str) -> usize {
        for turn in 0..2 { println!("{name}{turn}"); yield_now().await }
        name.len()
    }
    let spawned = spawn(count("spawned"));
    let text = alloc::string::String::from("right");
    let both = join(count("left"), count(&text)).await;
    println!("{both:?} {}", spawned.await);"""
    lines = ["left0", "right0", "spawned0", "left1", "right1", "spawned1", "(4, 5) 7"]
    assert boot(workshop.build(code)).text.splitlines() == lines


@needs_cargo
def test_tasks_that_can_never_go_on_are_a_panic(workshop: Workshop) -> None:
    ended = boot(workshop.build("core::future::pending::<()>().await;"))
    assert ended.status == PANIC
    assert "nothing can go on" in ended.text


@needs_cargo
def test_a_mistake_in_the_application_is_shown_as_the_compiler_says_it(workshop: Workshop) -> None:
    with pytest.raises(
        BuildError, match=r"(?s)exit status 101.*cannot find.*no_such_thing.*src/application\.rs"
    ):
        workshop.build("no_such_thing();")


@needs_cargo
def test_a_program_for_the_host_is_refused(tmp_path: Path) -> None:
    crate = tmp_path / "crate"
    (crate / "src").mkdir(parents=True)
    (crate / "Cargo.toml").write_text('[package]\nname = "hosted"\nversion = "1.0.0"\nedition = "2021"\n')
    (crate / "src" / "main.rs").write_text('fn main() { println!("Hello 42!"); }')
    with pytest.raises(BuildError, match="without the PVH entry note"):
        build_kernel(crate, cache_dir=tmp_path / "cache")
