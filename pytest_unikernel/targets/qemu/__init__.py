"""Virtual machines in QEMU: the Rust unikernel, the Linux guest, and what both need."""
