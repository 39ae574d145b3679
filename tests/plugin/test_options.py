from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_unikernel.plan.option_table import OPTIONS
from pytest_unikernel.plan.origins import COMMAND_LINE, INI_FILE
from pytest_unikernel.plan.precision import RULE, Precision
from pytest_unikernel.plan.settings import SweepSettings
from pytest_unikernel.plugin.marker import sweep_of

Runs = Callable[..., pytest.RunResult]
Collects = Callable[..., list[pytest.Item]]
SWEEP = "import pytest\n@pytest.mark.load_sweep({})\ndef test_y(): pass\n"


def settings_of(items: list[pytest.Item]) -> SweepSettings:
    sweep = sweep_of(items[0])
    assert sweep is not None
    return sweep.settings


GIVEN: list[tuple[str, str, str, object]] = [
    # option, given value, field, read value
    ("profile", "paper", "profile", "paper"),
    ("time-steps", "4:1", "time_steps", (4, 2, 1)),
    ("warmup", "0", "warmup_s", 0.0),
    ("window", "2.5", "window_s", 2.5),
    ("min-launches", "3", "min_launches", 3),
    ("trials", "5", "trials", 5),
    ("precision", "p50:3%", "precision", Precision("p50", 0.03)),
    ("max-trials", "9", "max_trials", 9),
    ("drain-timeout", "1/2", "drain_timeout_s", 0.5),
    ("timeout", "7s", "timeout_s", 7.0),
    ("max-in-flight", "100", "max_in_flight", 100),
    ("arrivals", "poisson", "arrivals", "poisson"),
    ("seed", "42", "seed", 42),
    ("cpus", "0", "cpus", frozenset({0})),
    ("realtime", "off", "realtime", "off"),
    ("quiet-host", "fail", "quiet_host", "fail"),
    ("order", "rounds", "order", "rounds"),
    ("raw-format", "parquet", "raw_format", "parquet"),
    ("hosts", "local:2", "hosts", "local:2"),
    ("spread", "each", "spread", "each"),
    ("hosts-lost", "go-on", "hosts_lost", "go-on"),
    ("hosts-python", "/usr/bin/python3", "hosts_python", "/usr/bin/python3"),
    ("slo", "p99:0.5s,p50:20ms", "slo", (("p99", 0.5), ("p50", 0.02))),
    ("require", "rust_kernel,linux_vm[kvm]", "require", frozenset({"rust_kernel", "linux_vm[kvm]"})),
]


def test_every_option_is_tried() -> None:
    paths = {"output", "raw", "report", "resume", "summary"}
    elsewhere = {"compare-fail"}  # needs a saved run: test_compare_fail.py
    assert {f"--sweep-{row[0]}" for row in GIVEN} | {f"--sweep-{name}" for name in paths | elsewhere} == {
        option.flag for option in OPTIONS if not option.is_switch
    }


@pytest.mark.parametrize(("name", "given", "field", "value"), GIVEN)
def test_an_option_reaches_the_settings(
    items_of: Collects, name: str, given: str, field: str, value: object
) -> None:
    settings = settings_of(items_of(SWEEP.format(""), f"--sweep-{name}={given}"))
    assert getattr(settings, field) == value
    assert settings.origins[name.replace("-", "_")] == COMMAND_LINE


@pytest.mark.parametrize(("name", "given", "field", "value"), GIVEN)
def test_its_ini_twin_does_too(
    items_of: Collects, pytester: pytest.Pytester, *, name: str, given: str, field: str, value: object
) -> None:
    key = name.replace("-", "_")
    pytester.makeini(f"[pytest]\nsweep_{key} = {given}\n")
    settings = settings_of(items_of(SWEEP.format("")))
    assert getattr(settings, field) == value
    assert settings.origins[key] == INI_FILE


@pytest.mark.parametrize(
    ("line", "marker", "ini", "window_s"),
    [
        # one source weaker in each row
        (
            ["--sweep-window=11", "--sweep-profile=paper"],
            "window=12",
            "sweep_window=13\nsweep_profile=quick",
            11,
        ),
        (["--sweep-profile=paper"], "window=12", "sweep_window=13\nsweep_profile=quick", 12),
        (["--sweep-profile=paper"], "", "sweep_window=13\nsweep_profile=quick", 60),
        ([], "", "sweep_window=13\nsweep_profile=paper", 13),
        ([], "", "sweep_profile=paper", 60),
        ([], "", "", 4),
    ],
)
def test_the_stronger_source_wins(
    items_of: Collects, pytester: pytest.Pytester, *, line: list[str], marker: str, ini: str, window_s: float
) -> None:
    pytester.makeini(f"[pytest]\n{ini}\n")
    assert settings_of(items_of(SWEEP.format(marker), *line)).window_s == window_s


def test_an_option_for_time_steps_beats_the_marker_as_a_whole(items_of: Collects) -> None:
    items = items_of(SWEEP.format("start=2, stop=1"), "--sweep-time-steps=1/64,1/2")
    assert [item.name for item in items] == ["test_y[0.5s]", "test_y[0.015625s]"]


@pytest.mark.parametrize("table", ["pytest.ini_options", "pytest"])
def test_a_pyproject_file_has_the_ini_twins_too(
    items_of: Collects, pytester: pytest.Pytester, table: str
) -> None:
    pytester.makepyprojecttoml(f'[tool.{table}]\nsweep_window = "5"\n')
    if table == "pytest" and tuple(map(int, pytest.__version__.split(".")[:1])) < (9,):
        pytest.skip("native TOML came with pytest 9")
    assert settings_of(items_of(SWEEP.format(""))).window_s == 5


def test_paths_start_where_they_are_written(items_of: Collects, pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nsweep_output = kept\nsweep_raw = raw\n")
    inner = pytester.mkdir("inner")
    journal = inner / "journal"
    journal.write_text("")
    pytester.makefile(".py", **{"inner/test_x": SWEEP.format("")})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(inner)
        line = ["--sweep-raw=here", "--sweep-resume=journal", "--rootdir", str(pytester.path)]
        settings = settings_of(items_of(SWEEP.format(""), "-c", str(pytester.path / "tox.ini"), *line))
    assert (settings.output, settings.raw) == (pytester.path / "kept", inner / "here")
    assert settings.resume == journal


TIME = "or a time such as 250ms, 1/64 or 1min"
SECONDS = "must be a finite number of seconds"
WRONG = [
    ("profile", "fast", "profile must be one of quick, paper, got 'fast'"),
    ("time-steps", "0", "time steps must be finite and > 0, got '0'"),
    ("time-steps", "nan", f"time steps must be finite numbers of seconds > 0, {TIME}, got 'nan'"),
    ("time-steps", "1:2", "stop must not be slower than start, got start=1, stop=2"),
    ("time-steps", "1,1", "time steps must differ, got 1 more than once"),
    ("time-steps", "1:2:3", "time steps must be START:STOP or a comma-separated list, got '1:2:3'"),
    ("warmup", "-1", f"warmup {SECONDS} >= 0, {TIME}, got '-1'"),
    ("window", "0", f"window {SECONDS} > 0, {TIME}, got '0'"),
    ("window", "nan", f"window {SECONDS} > 0, {TIME}, got 'nan'"),
    ("window", "inf", f"window {SECONDS} > 0, {TIME}, got 'inf'"),
    ("window", "-1", f"window {SECONDS} > 0, {TIME}, got '-1'"),
    ("window", "long", f"window {SECONDS} > 0, {TIME}, got 'long'"),
    ("min-launches", "0", "min_launches must be a whole number >= 1, got '0'"),
    ("precision", "p50", f"precision must be {RULE}, got 'p50'"),
    ("max-trials", "0", "max_trials must be a whole number >= 1, got '0'"),
    ("trials", "1.5", "trials must be a whole number >= 1, got '1.5'"),
    ("drain-timeout", "0", f"drain_timeout {SECONDS} > 0, {TIME}, got '0'"),
    ("timeout", "0", f"timeout {SECONDS} > 0, {TIME}, got '0'"),
    ("max-in-flight", "0", "max_in_flight must be a whole number >= 1, got '0'"),
    ("arrivals", "uniform", "arrivals must be one of fixed, poisson, got 'uniform'"),
    ("seed", "-1", "seed must be a whole number >= 0, got '-1'"),
    ("cpus", "1-0", "cpus must be a list such as 0-1,3, got '1-0'"),
    ("realtime", "yes", "realtime must be one of auto, on, off, got 'yes'"),
    ("quiet-host", "no", "quiet_host must be one of warn, fail, off, got 'no'"),
    (
        "require",
        "a,,b",
        "require must be a list of targets such as linux_vm[kvm],rust_kernel, or all, got 'a,,b'",
    ),
    ("output", "a_file", "output must be a directory, existing or new, got '*a_file'"),
    ("raw", "a_file", "raw must be a directory, existing or new, got '*a_file'"),
    ("report", "a_file", "report must be a directory, existing or new, got '*a_file'"),
    ("resume", "missing", "resume must be a file that exists, got '*missing'"),
]


@pytest.mark.parametrize(("name", "given", "rule"), WRONG)
def test_a_wrong_option_is_a_usage_error_before_anything_is_collected(
    run: Runs, pytester: pytest.Pytester, name: str, given: str, rule: str
) -> None:
    (pytester.path / "a_file").write_text("")
    result = run(f"--sweep-{name}={given}", source="raise SystemExit('collected')")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: --sweep-{name}: {rule} (command line)"])


@pytest.mark.parametrize(("name", "given", "rule"), WRONG)
def test_a_wrong_ini_value_names_its_key_and_file(
    run: Runs, pytester: pytest.Pytester, name: str, given: str, rule: str
) -> None:
    (pytester.path / "a_file").write_text("")
    ini = pytester.makeini(f"[pytest]\nsweep_{name.replace('-', '_')} = {given}\n")
    result = run(source="raise SystemExit('collected')")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: sweep_{name.replace('-', '_')}: {rule} (ini file {Path(ini)})"])


def test_a_wrong_overridden_ini_value_names_the_override(run: Runs, pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nsweep_window = 3\n")
    result = run("-o", "sweep_window=0")
    result.stderr.fnmatch_lines(
        [f"ERROR: sweep_window: window {SECONDS} > 0, {TIME}, got '0' (-o sweep_window=...)"]
    )


@pytest.mark.parametrize(
    ("line", "ini", "name"),
    [(["--sweep-window=0.5"], "", "--sweep-window"), ([], "sweep_window=0.5", "sweep_window")],
)
def test_a_given_window_shorter_than_a_time_step_names_the_step_and_who_asked(
    run: Runs, pytester: pytest.Pytester, line: list[str], ini: str, name: str
) -> None:
    pytester.makeini(f"[pytest]\n{ini}\n")
    result = run(*line, source=SWEEP.format("time_steps=[0.5, 0.75]"))
    assert result.ret == pytest.ExitCode.INTERRUPTED
    rule = "window must be at least one time step long, got 0.5 s for the time step 0.75 s"
    where = "marker on test_it.py::test_y"
    result.stdout.fnmatch_lines([f"{name}: {rule} from {where} ({where})"])


def test_a_given_window_is_no_matter_for_tests_without_the_marker(run: Runs) -> None:
    run("--sweep-window=0.001", source="def test_y(): pass").assert_outcomes(passed=1)


def test_the_help_has_a_group_with_a_sentence_and_a_default_for_each_option(run: Runs) -> None:
    help_ = " ".join(run("--help").outlines)
    words = " ".join(help_.split("unikernel load sweeps:")[1].split())
    for option in OPTIONS:
        if option.metavar:
            assert f"{option.flag}={option.metavar} {option.help} (default: {option.shown})" in words
        else:
            assert f"{option.flag} {option.help} (default: {option.shown})" in words
        values = "true or false: " if option.is_switch else ""
        override = f"(default: {option.shown}; {option.flag} overrides it)"
        assert f"{option.ini} (string): {values}{option.help} {override}" in words


@pytest.mark.parametrize(
    ("line", "ini", "knee"),
    [([], "", False), ([], "true", True), (["--sweep-knee"], "off", True), ([], "No", False)],
)
def test_a_switch_is_an_option_without_a_value_and_a_word_in_the_ini_file(
    items_of: Collects, pytester: pytest.Pytester, *, line: list[str], ini: str, knee: bool
) -> None:
    if ini:
        pytester.makeini(f"[pytest]\nsweep_knee = {ini}\n")
    assert settings_of(items_of(SWEEP.format(""), *line)).knee is knee


def test_an_unknown_word_for_a_switch_is_refused(run: Runs, pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nsweep_knee = maybe\n")
    result = run(source="def test_y(): pass")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: sweep_knee: knee must be true or false, got 'maybe' (ini file *"])
