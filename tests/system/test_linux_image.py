"""A disk with Debian, made for real once, booted as it is and with scripts."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from needed import needs_ext4, needs_linux, needs_mmdebstrap, needs_qemu, needs_qemu_img
from realloads import launched, outcomes
from typed import Typed

from pytest_unikernel.guests.build import ext4
from pytest_unikernel.guests.build.image_edit import Edit, edit_image
from pytest_unikernel.guests.build.linux_image import build_image
from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.run.session import Session
from pytest_unikernel.targets.qemu.linux_vm import linux_vm

pytestmark = [needs_mmdebstrap, needs_ext4, needs_qemu_img, needs_qemu, needs_linux]

LIMIT_S = 120.0


@pytest.fixture(scope="module")
def debian(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_image(tmp_path_factory.mktemp("debian") / "debian.img")


def test_root_is_logged_in_on_the_serial_console_without_a_password(debian: Path) -> None:
    login = ext4.read(debian, "/etc/systemd/system/serial-getty@ttyS0.service")
    assert b"--autologin root" in (login or b"")
    assert b"\nroot::" in b"\n" + (ext4.read(debian, "/etc/shadow") or b"")


def test_debian_boots_to_its_marker_by_its_own_init_and_is_not_written(
    debian: Path, session: Session
) -> None:
    before = hashlib.sha256(debian.read_bytes()).hexdigest()
    log = launched(session, linux_vm(image=debian), 1, timeout_s=LIMIT_S)
    assert outcomes(log) == [Outcome.COMPLETED], log.tails
    assert hashlib.sha256(debian.read_bytes()).hexdigest() == before


def test_scripts_run_in_debian_with_its_own_interpreters(
    debian: Path, session: Session, tmp_path: Path
) -> None:
    script = tmp_path / "check"
    script.write_text(
        "#!/bin/bash\n[[ -n $BASH_VERSION && -e /etc/debian_version && -d /run/systemd/system ]]\n"
    )
    target = linux_vm(image=debian, scripts=[script])
    assert target.probe is not None
    assert target.probe() is None
    log = launched(session, target, 1, timeout_s=LIMIT_S)
    assert outcomes(log) == [Outcome.COMPLETED], log.tails


def test_scripts_put_into_an_image_are_called_at_login_before_it_ends(
    debian: Path, session: Session, tmp_path: Path
) -> None:
    script = tmp_path / "it"
    script.write_text("#!/bin/bash\necho product=$((6 * 7))\n")
    mine = edit_image(debian, tmp_path / "mine.qcow2", Edit(run=[script]))
    log = launched(session, linux_vm(image=mine, ready=r"product=42"), 1, timeout_s=LIMIT_S)
    assert outcomes(log) == [Outcome.COMPLETED], log.tails


def test_a_shell_in_debian_is_bash_and_a_package_database_can_be_asked(debian: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.img"
    typed = Typed("--from", str(debian), "-o", str(new), "--shell")
    try:
        typed.until("# ")
        typed.type("dpkg -s bash > /root/bash && echo $BASH_VERSION > /root/version; reboot\n")
        assert typed.status() == 0, typed.shown
    finally:
        typed.close()
    assert b"Status: install ok installed" in (ext4.read(new, "/root/bash") or b"")
    assert ext4.read(new, "/root/version") not in {None, b"\n"}
