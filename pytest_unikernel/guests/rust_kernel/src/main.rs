//! A kernel that does one thing and ends: what `rust_kernel` measures the start of.
//!
//! `boot.s` brings the processor to 64 bits and calls [`kernel_main`]; the code to replace is in `application.rs`.

#![no_std]
#![no_main]
// Not every application prints without a line end, allocates or spawns.
#![allow(dead_code, unused_macros, unused_imports)]

extern crate alloc;

mod application;
mod exceptions;
mod executor;
mod exit;
mod heap;
mod mem_functions;
mod memory;
mod panic;
mod serial;
mod single_core;

use exit::Status;

core::arch::global_asm!(include_str!("boot.s"));

/// Runs the application to its end. `start_info` is the address that the boot protocol left in `ebx`.
#[no_mangle]
extern "C" fn kernel_main(start_info: usize) -> ! {
    serial::initialise();
    exceptions::initialise();
    memory::initialise(start_info);
    executor::block_on(application::run_application());
    exit::exit(Status::Success)
}
