"""Virtual machines in QEMU: the Rust unikernel, the Linux guest, and the code that both share."""
