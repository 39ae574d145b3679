"""Container daemons beside a load: demanded away, or named with the targets that had no need of them."""

from __future__ import annotations

import pytest
from sweeprun import loads, run_apart, write

HEAD = """
import pytest
from pytest_unikernel import Target

@pytest.fixture(autouse=True)
def running(monkeypatch):
    monkeypatch.setattr("pytest_unikernel.host.facts.container_daemons", lambda: ["containerd", "dockerd"])
    monkeypatch.setattr("pytest_unikernel.host.quiet.QUIET_SHARE", 2)  # however busy this machine is

"""
COLD = """
@pytest.mark.cold
def test_it(cold_start):
    cold_start(Target("mine", ["/bin/true"], daemons=frozenset({daemons})), 1)
"""


@pytest.mark.parametrize("daemons", [{"containerd"}, set()])
def test_a_daemon_that_is_not_needed_is_refused_where_quiet_is_demanded(
    pytester: pytest.Pytester, daemons: set[str]
) -> None:
    write(pytester, COLD.format(daemons=daemons), head=HEAD)
    result = run_apart(pytester, "--sweep-quiet-host=fail")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*--sweep-quiet-host=fail: *dockerd runs, and even an idle*; stop it (*"])


def test_the_targets_own_daemons_are_no_disturbance(pytester: pytest.Pytester) -> None:
    write(pytester, COLD.format(daemons={"containerd", "dockerd"}), head=HEAD)
    result = run_apart(pytester, "--sweep-quiet-host=fail", "--benchmark-json=o.json")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*ran beside*")
    host = loads(pytester.path / "o.json")["test_it"]["host"]
    assert host["container_daemons"] == host["container_daemons_needed"] == ["containerd", "dockerd"]


def test_others_are_named_in_the_summary(pytester: pytest.Pytester) -> None:
    write(pytester, COLD.format(daemons={"containerd"}), head=HEAD)
    result = run_apart(pytester)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["dockerd ran beside mine: even an idle container daemon disturbs*"])
