"""A session from its making to its end."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest
from realloads import launched, outcomes, shell, until

from pytest_unikernel.errors import SessionError
from pytest_unikernel.launch.cleanup import leftovers
from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.run import session as session_module
from pytest_unikernel.run.session import Session


def test_the_directory_is_private_and_not_to_be_guessed(session: Session) -> None:
    assert stat.S_IMODE(session.directory.stat().st_mode) == 0o700
    assert stat.S_IMODE(session.load_directory().stat().st_mode) == 0o700
    other = Session()
    assert other.token != session.token
    assert other.directory != session.directory
    other.close()


def test_the_directory_of_a_load_goes_with_the_load(session: Session) -> None:
    launched(session, shell('touch "$UNIKERNEL_DIR/left"'), 3)
    assert not list(session.directory.glob("load-*"))


def test_the_end_kills_what_is_left(session: Session) -> None:
    environment = {**os.environ, "UNIKERNEL_SESSION": session.token}
    stray = subprocess.Popen(["/bin/sleep", "1000"], env=environment, start_new_session=True)
    assert until(lambda: stray.pid in list(leftovers.holders(session.token)))
    assert leftovers.sweep(session.token) == [stray.pid]
    stray.wait()
    assert not list(leftovers.holders(session.token))


def test_two_sessions_at_once_leave_each_other_alone(session: Session) -> None:
    other = Session()
    environment = {**os.environ, "UNIKERNEL_SESSION": other.token}
    stray = subprocess.Popen(["/bin/sleep", "1000"], env=environment)
    try:
        assert outcomes(launched(session, shell("exit 0"))) == [Outcome.COMPLETED] * 2
        assert stray.poll() is None
    finally:
        stray.kill()
        stray.wait()
        other.close()


def test_only_the_owner_ends_a_session(session: Session) -> None:
    """A forked worker that runs pytest's own end must not take the session from under it."""
    pid = os.fork()
    if not pid:
        try:
            session.close()
        finally:
            os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    assert session.directory.exists()
    assert outcomes(launched(session, shell("exit 0"))) == [Outcome.COMPLETED] * 2


def test_a_session_within_an_instance_of_another_is_its_own(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pytest may itself be what is launched; the outer token isn't handed on to helpers and instances."""
    monkeypatch.setenv("UNIKERNEL_SESSION", "e" * 32)
    inner = Session()
    try:
        assert not list(leftovers.holders("e" * 32))
        target = shell(f'test "$UNIKERNEL_SESSION" = {inner.token}')
        assert outcomes(launched(inner, target)) == [Outcome.COMPLETED] * 2
    finally:
        inner.close()


@pytest.mark.parametrize("parent", ["/nonexistent", "/proc"])
def test_without_a_place_for_the_directory_the_error_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, parent: str
) -> None:
    monkeypatch.setattr(session_module, "_parent", lambda: parent)
    with pytest.raises(SessionError, match=r"can't make a private directory: .*; set TMPDIR"):
        Session()


def test_a_full_disk_is_an_error_at_the_start_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(session_module, "_parent", lambda: str(tmp_path))
    monkeypatch.setattr(os, "posix_fallocate", refuse)
    with pytest.raises(SessionError, match=r"can't write into '.*': No space left on device"):
        Session()
    assert not list(tmp_path.iterdir())
