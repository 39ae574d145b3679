//! What the kernel runs. Replace `sample_application` by your own; the rest of the crate can stay as it is.
//!
//! At hand: `crate::println!`, `alloc` (`Vec`, `String`, `Box`, …), and in `crate::executor` `spawn`, `join` and
//! `yield_now`. Returning ends QEMU with status 33; a panic prints a line and ends it with status 35.

use crate::println;

/// The kernel's only task at the start; when it is done, so is the kernel.
pub async fn run_application() {
    sample_application().await;
}

/// What the kernel-benchmark scripts' kernel did: wait for a number, print it.
async fn sample_application() {
    let number = async_number().await;
    println!("Hello {number}!");
}

async fn async_number() -> u32 {
    42
}
