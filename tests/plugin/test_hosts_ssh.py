"""``--sweep-hosts`` where no host is reached."""

from __future__ import annotations

import pytest
from sweeprun import run_apart

SWEEP = """
@pytest.mark.load_sweep(time_steps=[1/16, 1/64], warmup=0, window=1)
def test_it(load_step):
    load_step(FakeTarget(service_time_s=0.03))
"""


def test_without_asyncssh_the_extra_is_named(pytester: pytest.Pytester) -> None:
    (pytester.path / "asyncssh.py").write_text("raise ImportError('No module named asyncssh')\n")
    pytester.syspathinsert()
    result = run_apart(pytester, "--sweep-hosts=ssh:alpha", source=SWEEP)
    result.stdout.fnmatch_lines(["*needs asyncssh*pip install 'pytest-unikernel*hosts*'*"])
    result.assert_outcomes(failed=1)


def test_a_host_that_is_not_reached_ends_the_run_at_its_first_test(pytester: pytest.Pytester) -> None:
    result = run_apart(pytester, "--sweep-hosts=ssh:no-such-host.invalid", source=SWEEP)
    result.stdout.fnmatch_lines(["*no-such-host.invalid: it can't be reached by SSH (*"])
    result.assert_outcomes(failed=1)


def test_a_cluster_without_encryption_is_warned_of_once(pytester: pytest.Pytester) -> None:
    result = run_apart(
        pytester, "--sweep-hosts=tcp://no-such-host.invalid:1", "--sweep-hosts-insecure", source=SWEEP
    )
    warned = [line for line in result.stdout.lines if "is without encryption" in line]
    assert warned == ["WARNING: tcp://no-such-host.invalid:1 is without encryption: whoever reaches the"]


def test_hosts_by_ssh_are_not_warned_of(pytester: pytest.Pytester) -> None:
    how = ("--sweep-hosts=ssh:no-such-host.invalid", "--sweep-hosts-insecure")
    assert "WARNING" not in run_apart(pytester, *how, source=SWEEP).stdout.str()
