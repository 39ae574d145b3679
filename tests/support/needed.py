"""Programs that some tests need; each skip names the package that provides the program."""

import functools
import re
import shutil
import subprocess

import pytest

from pytest_unikernel.guests.build.linux_kernel import newest_kernel

OLDEST_RUSTC = (1, 85)  # as in guests/rust_kernel/Cargo.toml


@functools.cache
def why_no_cargo() -> str:
    """Return the reason why crates cannot be built here; empty if they can."""
    cargo = shutil.which("cargo")
    if cargo is None:
        return "no cargo on PATH; install rustc and cargo (on Debian 12: rustc-web and cargo-web)"
    text = subprocess.run([cargo, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"(\d+)\.(\d+)", text)
    if found is None or tuple(map(int, found.groups())) < OLDEST_RUSTC:
        return f"{text.strip()!r} is older than 1.85; install a newer one (Debian 12: rustc-web, cargo-web)"
    return ""


needs_cargo = pytest.mark.skipif(bool(why_no_cargo()), reason=why_no_cargo() or "cargo is there")
needs_qemu = pytest.mark.skipif(
    shutil.which("qemu-system-x86_64") is None, reason="no QEMU on PATH; install qemu-system-x86"
)
needs_busybox = pytest.mark.skipif(
    shutil.which("busybox") is None, reason="no busybox on PATH; install busybox-static"
)
needs_ext4 = pytest.mark.skipif(shutil.which("mke2fs") is None, reason="no mke2fs on PATH; install e2fsprogs")
needs_qemu_img = pytest.mark.skipif(
    shutil.which("qemu-img") is None, reason="no qemu-img on PATH; install qemu-utils"
)
needs_mmdebstrap = pytest.mark.skipif(
    shutil.which("mmdebstrap") is None, reason="no mmdebstrap on PATH; install mmdebstrap"
)
needs_chromium = pytest.mark.skipif(
    shutil.which("chromium") is None, reason="no chromium on PATH; install chromium"
)
needs_linux = pytest.mark.skipif(
    newest_kernel() is None, reason="no Linux kernel was built; install linux-source, build linux-kernel"
)
