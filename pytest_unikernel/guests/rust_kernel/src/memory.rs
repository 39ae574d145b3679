//! Which memory is used for what.
//!
//! | addresses | use |
//! |---|---|
//! | 0 – 4 KiB | not mapped: null pointers fault |
//! | 60 – 64 KiB | not mapped: a stack overflow faults |
//! | 64 – 512 KiB | stack (`boot.s`) |
//! | 512 – 528 KiB | stack of the exception handlers |
//! | 1 MiB – `kernel_end` | this kernel |
//! | `kernel_end` – end of that piece of RAM | heap |
//!
//! Only the first GiB is mapped.

use core::arch::asm;
use core::ptr::addr_of;
use core::slice;

use crate::single_core::SingleCore;

/// First byte past the exception handlers' stack.
pub const EXCEPTION_STACK_TOP: u64 = 0x84000;
const MAPPED_END: usize = 1 << 30;
const PAGE_BYTES: usize = 4096;

/// Source: `hvm_start_info` and `hvm_memmap_table_entry` in Xen's `public/arch-x86/hvm/start_info.h`.
#[repr(C)]
struct StartInfo {
    magic: u32,
    version: u32,
    flags: u32,
    modules: u32,
    module_list: u64,
    command_line: u64,
    rsdp: u64,
    memory_map: u64,
    memory_map_entries: u32,
    reserved: u32,
}

#[repr(C)]
struct MemoryMapEntry {
    address: u64,
    size: u64,
    kind: u32,
    reserved: u32,
}

const START_INFO_MAGIC: u32 = 0x336e_c578;
const KIND_RAM: u32 = 1;

/// Start and end of the RAM behind the kernel.
static BEHIND_KERNEL: SingleCore<(usize, usize)> = SingleCore::new((0, 0));

extern "C" {
    static kernel_end: u8;
    static mut page_table: [u64; 512];
}

/// Notes what the loader tells about memory, then takes page 0 away, in which QEMU's `pc` tells it.
pub fn initialise(start_info: usize) {
    let start = (addr_of!(kernel_end) as usize + PAGE_BYTES - 1) & !(PAGE_BYTES - 1);
    let piece = memory_map(start_info).iter().find(|entry| holds(entry, start));
    let end = piece.map_or(start, |entry| (entry.address + entry.size) as usize);
    BEHIND_KERNEL.with(|range| *range = (start, end.min(MAPPED_END)));
    // SAFETY: nothing in this kernel lies in page 0.
    unsafe {
        page_table[0] = 0;
        asm!("invlpg [{}]", in(reg) 0_usize);
    }
}

/// Start and end of the RAM behind the kernel; empty if the loader didn't describe it.
pub fn behind_kernel() -> (usize, usize) {
    BEHIND_KERNEL.with(|range| *range)
}

fn holds(entry: &MemoryMapEntry, address: usize) -> bool {
    let address = address as u64;
    entry.kind == KIND_RAM && entry.address <= address && address < entry.address + entry.size
}

fn memory_map(start_info: usize) -> &'static [MemoryMapEntry] {
    // SAFETY: the boot protocol promises this structure at that address; nothing has been written there yet.
    let info = unsafe { &*(start_info as *const StartInfo) };
    if info.magic != START_INFO_MAGIC || info.version < 1 || info.memory_map == 0 {
        return &[];
    }
    // SAFETY: as above.
    unsafe {
        slice::from_raw_parts(info.memory_map as *const MemoryMapEntry, info.memory_map_entries as usize)
    }
}
