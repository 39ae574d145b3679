//! Processor exceptions become a panic line instead of a triple fault, which QEMU would show as a mere reset.
//!
//! Source: Intel 64 SDM volume 3, chapters 6 (vectors, gates) and 7 (task state segment).

use core::arch::asm;
use core::mem::size_of;
use core::ptr::addr_of;

use crate::memory::EXCEPTION_STACK_TOP;
use crate::panic::fail;
use crate::single_core::SingleCore;

const VECTORS: usize = 32;
const STUB_BYTES: usize = 16;
const CODE_SELECTOR: u16 = 0x08;
const TASK_STATE_SELECTOR: u16 = 0x18;
/// Present, 64-bit interrupt gate.
const INTERRUPT_GATE: u8 = 0x8e;
/// Present, available 64-bit task state segment.
const TASK_STATE_PRESENT: u64 = 0x89 << 40;
const PAGE_FAULT: u64 = 14;

#[derive(Clone, Copy)]
#[repr(C)]
struct Gate {
    offset_low: u16,
    selector: u16,
    stack: u8,
    kind: u8,
    offset_middle: u16,
    offset_high: u32,
    reserved: u32,
}

#[repr(C, packed(4))]
struct TaskState {
    reserved0: u32,
    privilege_stacks: [u64; 3],
    reserved1: u64,
    interrupt_stacks: [u64; 7],
    reserved2: u64,
    reserved3: u16,
    io_map: u16,
}

#[repr(C, packed)]
struct TablePointer {
    limit: u16,
    base: u64,
}

const NO_GATE: Gate =
    Gate { offset_low: 0, selector: 0, stack: 0, kind: 0, offset_middle: 0, offset_high: 0, reserved: 0 };

static GATES: SingleCore<[Gate; VECTORS]> = SingleCore::new([NO_GATE; VECTORS]);

/// Every handler gets a stack of its own, so that a stack overflow can be told too.
static TASK_STATE: SingleCore<TaskState> = SingleCore::new(TaskState {
    reserved0: 0,
    privilege_stacks: [0; 3],
    reserved1: 0,
    interrupt_stacks: [EXCEPTION_STACK_TOP; 7],
    reserved2: 0,
    reserved3: 0,
    io_map: size_of::<TaskState>() as u16,
});

extern "C" {
    static exception_stubs: u8;
    static mut gdt_task_state: [u64; 2];
}

/// Loads the interrupt table and the task state.
pub fn initialise() {
    let stubs = addr_of!(exception_stubs) as usize;
    GATES.with(|gates| {
        for (vector, gate) in gates.iter_mut().enumerate() {
            *gate = interrupt_gate(stubs + vector * STUB_BYTES);
        }
    });
    let limit = (size_of::<[Gate; VECTORS]>() - 1) as u16;
    let table = TablePointer { limit, base: GATES.get() as u64 };
    let [low, high] = task_state_descriptor();
    // SAFETY: both tables are complete and live as long as the machine.
    unsafe {
        gdt_task_state = [low, high];
        asm!("lidt [{}]", "ltr {:x}", in(reg) &table, in(reg) TASK_STATE_SELECTOR);
    }
}

fn interrupt_gate(handler: usize) -> Gate {
    Gate {
        offset_low: handler as u16,
        selector: CODE_SELECTOR,
        stack: 1,
        kind: INTERRUPT_GATE,
        offset_middle: (handler >> 16) as u16,
        offset_high: (handler >> 32) as u32,
        reserved: 0,
    }
}

fn task_state_descriptor() -> [u64; 2] {
    let base = TASK_STATE.get() as u64;
    let limit = (size_of::<TaskState>() - 1) as u64;
    let low = limit | (base & 0x00ff_ffff) << 16 | TASK_STATE_PRESENT | (base >> 24 & 0xff) << 56;
    [low, base >> 32]
}

/// Called by the stubs in `boot.s` with the stack as the processor and the stub left it.
///
/// From `words` up: vector, error code (only some vectors have one), instruction pointer, …
#[no_mangle]
unsafe extern "C" fn exception_entry(words: *const u64) -> ! {
    let vector = *words;
    let name = name_of(vector);
    let (error_code, at) =
        if has_error_code(vector) { (*words.add(1), *words.add(2)) } else { (0, *words.add(1)) };
    if vector == PAGE_FAULT {
        let address: u64;
        asm!("mov {}, cr2", out(reg) address);
        fail(format_args!(
            "exception {vector} ({name}) at {at:#x}, address {address:#x}, error code {error_code:#x}"
        ))
    }
    fail(format_args!("exception {vector} ({name}) at {at:#x}, error code {error_code:#x}"))
}

fn has_error_code(vector: u64) -> bool {
    matches!(vector, 8 | 10..=14 | 17 | 21 | 29 | 30)
}

fn name_of(vector: u64) -> &'static str {
    match vector {
        0 => "divide error",
        3 => "breakpoint",
        6 => "invalid opcode",
        8 => "double fault",
        12 => "stack fault",
        13 => "general protection",
        14 => "page fault",
        16 | 19 => "floating point",
        17 => "alignment check",
        18 => "machine check",
        _ => "unexpected",
    }
}
