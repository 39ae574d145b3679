//! The memory functions that compiled Rust calls and a C library would bring.
//!
//! In assembly, since the compiler turns loops that copy or fill into calls of these very functions.

use core::arch::asm;

#[no_mangle]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
    asm!("rep movsb", inout("rdi") to => _, inout("rsi") from => _, inout("rcx") count => _,
        options(nostack, preserves_flags));
    to
}

#[no_mangle]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
    let distance = (to as usize).wrapping_sub(from as usize);
    if distance >= count {
        return memcpy(to, from, count); // the end of the source isn't overwritten before it is read
    }
    asm!("std", "rep movsb", "cld",
        inout("rdi") to.wrapping_add(count).wrapping_sub(1) => _,
        inout("rsi") from.wrapping_add(count).wrapping_sub(1) => _,
        inout("rcx") count => _, options(nostack));
    to
}

#[no_mangle]
unsafe extern "C" fn memset(to: *mut u8, value: i32, count: usize) -> *mut u8 {
    asm!("rep stosb", inout("rdi") to => _, in("al") value as u8, inout("rcx") count => _,
        options(nostack, preserves_flags));
    to
}

#[no_mangle]
unsafe extern "C" fn memcmp(first: *const u8, second: *const u8, count: usize) -> i32 {
    let (left, right): (u32, u32);
    asm!(
        "xor {left:e}, {left:e}", "xor {right:e}, {right:e}",
        "cmp {left:e}, {right:e}", // equal, should there be nothing to compare
        "repe cmpsb",
        "je 2f",
        "movzx {left:e}, byte ptr [rsi - 1]", "movzx {right:e}, byte ptr [rdi - 1]",
        "2:",
        left = out(reg) left, right = out(reg) right,
        inout("rsi") first => _, inout("rdi") second => _, inout("rcx") count => _,
        options(nostack, readonly));
    left as i32 - right as i32
}

#[no_mangle]
unsafe extern "C" fn bcmp(first: *const u8, second: *const u8, count: usize) -> i32 {
    memcmp(first, second, count)
}
