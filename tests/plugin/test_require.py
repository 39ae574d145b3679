"""``--sweep-require``: targets that may be skipped, and targets that must not."""

from __future__ import annotations

import pytest
from sweeprun import run, run_apart

MISSING = """
def cannot():
    return Unavailable("/dev/kvm is missing", "modprobe kvm_amd")


@pytest.fixture
def vm():
    return Target("vm", ["/bin/true"], naming={"kvm": "kvm"})


@pytest.mark.cold
def test_plain(cold_start):
    cold_start(FakeTarget("vm"), launches=2)


@pytest.mark.cold
def test_kvm(cold_start):
    cold_start(FakeTarget("vm")(label="kvm", probe=cannot), launches=2)
"""
SATURATED = """
@pytest.mark.load_sweep(time_steps=[0.1, 0.04, 0.02], warmup=1, window=20)
def test_it(load_step):
    load_step(FakeTarget("queue", service_time_s=0.045, servers=1))
"""


def test_a_target_that_cannot_run_is_skipped_with_reason_and_cure(pytester: pytest.Pytester) -> None:
    result = run(pytester, "-rs", source=MISSING)
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*test_it.py:*vm?kvm?: /dev/kvm is missing; modprobe kvm_amd"])


def test_the_summary_says_which_target_can_not_run_and_what_cures_it(pytester: pytest.Pytester) -> None:
    result = run(pytester, source=MISSING)
    result.stdout.fnmatch_lines(
        ["could not run here", "  vm?kvm?: /dev/kvm is missing; modprobe kvm_amd"],
        consecutive=True,
    )


PROGRAMS = """
@pytest.mark.load_sweep(time_steps=[1, 0.5])
@pytest.mark.parametrize("fields", {fields})
def test_it(load_step, fields):
    load_step(Target("it", **fields))
"""


@pytest.mark.parametrize(
    ("fields", "reason", "cure"),
    [
        ({"argv": ["true"], "requires": ["no-bwrap"]}, "no no-bwrap on PATH", "install no-bwrap, or add*"),
        ({"argv": ["no-bwrap", "--version"]}, "no no-bwrap on PATH", "install no-bwrap, or add*"),
        ({"argv": ["/no/such"]}, "no program '/no/such'", "build or install it, or correct its path"),
        ({"argv": ["true"], "cwd": "/no/such"}, "no working directory '/no/such'", "make it, or*"),
    ],
)
def test_a_missing_program_skips_with_cause_and_cure(
    pytester: pytest.Pytester, fields: dict[str, object], reason: str, cure: str
) -> None:
    source = PROGRAMS.format(fields=[fields])
    run(pytester, source=source).assert_outcomes(skipped=1)
    result = run(pytester, "--sweep-require=it", source=source)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"it: {reason}; {cure} (required by --sweep-require)"])


def test_where_nothing_could_run_the_summary_says_why(pytester: pytest.Pytester) -> None:
    result = run(pytester, "-k", "kvm", source=MISSING)
    result.stdout.fnmatch_lines(["=* unikernel load sweeps =*", "could not run here"], consecutive=True)


def test_a_required_variant_fails_where_it_cannot_run(pytester: pytest.Pytester) -> None:
    result = run(pytester, "--sweep-require=vm[kvm]", source=MISSING)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        ["vm?kvm?: /dev/kvm is missing; modprobe kvm_amd (required by --sweep-require)"]
    )


def test_another_variant_of_a_required_one_may_be_skipped(pytester: pytest.Pytester) -> None:
    result = run(pytester, "--sweep-require=vm", source=MISSING)
    result.assert_outcomes(passed=1, skipped=1)
    assert result.ret == 0


def test_all_requires_every_variant_that_is_asked_for(pytester: pytest.Pytester) -> None:
    run(pytester, "--sweep-require=all", source=MISSING).assert_outcomes(passed=1, failed=1)


@pytest.mark.parametrize("required", ["queue", "all"])
def test_steps_after_the_knee_never_fail(pytester: pytest.Pytester, required: str) -> None:
    result = run(pytester, f"--sweep-require={required}", source=SATURATED)
    result.assert_outcomes(passed=2, skipped=1)
    assert result.ret == 0


@pytest.mark.parametrize("arguments", [[], ["-k", "nothing"], ["--benchmark-skip"]], ids=" ".join)
def test_a_name_that_no_test_asked_for_fails_the_run(pytester: pytest.Pytester, arguments: list[str]) -> None:
    result = run(pytester, "--sweep-require=queue,quue", *arguments, source=SATURATED)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    missing = "queue, quue" if arguments else "quue"
    result.stdout.fnmatch_lines([f"ERROR: --sweep-require: no test launched {missing}; check the name*"])


def test_a_run_under_xdist_does_not_satisfy_a_requirement(pytester: pytest.Pytester) -> None:
    result = run_apart(pytester, "-n2", "--sweep-require=queue", source=SATURATED)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["ERROR: --sweep-require: no test launched queue; run with -n0"])


def test_without_a_terminal_reporter_the_message_goes_to_standard_error(pytester: pytest.Pytester) -> None:
    result = run_apart(pytester, "-p", "no:terminal", "--sweep-require=quue", source=SATURATED)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stderr.fnmatch_lines(["ERROR: --sweep-require: no test launched quue; *"])


def test_a_disabled_benchmark_counts_as_asked_for(pytester: pytest.Pytester) -> None:
    result = run(pytester, "--benchmark-disable", "--sweep-require=queue", source=SATURATED)
    assert result.ret == 0


def test_collecting_only_requires_nothing(pytester: pytest.Pytester) -> None:
    assert run(pytester, "--co", "--sweep-require=quue", source=SATURATED).ret == 0
