//! Hands the linker what a kernel needs instead of a program's start files and libraries.
//!
//! Here and not in `.cargo/config.toml`: these hold from whatever directory cargo is started.

use std::env;

const LINK_ARGS: [&str; 6] = [
    "-nostartfiles",
    "-nostdlib",
    "-static",
    "-no-pie",
    "-Wl,--build-id=none", // some distributions' compilers add one
    "-Wl,--nmagic",        // nothing loads this file by pages: no padding up to them
];

fn main() {
    let crate_dir = env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=kernel.ld");
    println!("cargo:rustc-link-arg-bins=-Wl,-T,{crate_dir}/kernel.ld");
    for arg in LINK_ARGS {
        println!("cargo:rustc-link-arg-bins={arg}");
    }
}
