from __future__ import annotations

import subprocess
import sys
from dataclasses import fields
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from pytest_unikernel.plan import readers
from pytest_unikernel.plan.option_table import OPTIONS
from pytest_unikernel.plan.origins import COMMAND_LINE, DEFAULT, INI_FILE, Origin, Source
from pytest_unikernel.plan.profiles import PROFILES
from pytest_unikernel.plan.settings import Layer, Sources, SweepSettings

READ = {option.name: option.read for option in OPTIONS}
HALF = Fraction(1, 2)


def settings_of(
    line: dict[str, Any] | None = None,
    marker: dict[str, Any] | None = None,
    ini: dict[str, Any] | None = None,
) -> SweepSettings:
    sources = Sources(Layer(COMMAND_LINE, line or {}), Layer(INI_FILE, ini or {}))
    return sources.settings(None if marker is None else Layer(Origin(Source.MARKER, "x.py::test"), marker))


def test_every_row_of_the_table_has_its_field() -> None:
    derived = {"max_warmup_s", "window_is_explicit", "origins"}
    assert {option.field for option in OPTIONS} | derived == {field.name for field in fields(SweepSettings)}


def test_settings_and_their_values_do_not_import_pytest() -> None:
    code = "import sys, pytest_unikernel.plan.settings; sys.exit('pytest' in sys.modules)"
    environment = {"PYTHONPATH": str(Path(readers.__file__).parents[2])}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0


def test_the_quick_profile_is_the_default() -> None:
    settings = settings_of()
    assert settings.time_steps == tuple(Fraction(1, 2**k) for k in range(11))
    assert (settings.warmup_s, settings.max_warmup_s, settings.window_s) == (1, 60, 4)
    assert (settings.min_launches, settings.trials, settings.window_is_explicit) == (10, 1, False)
    assert settings.origins["window"] == Origin(Source.DEFAULT, profile="quick")
    assert settings.origins["profile"] == DEFAULT


def test_the_paper_profile_is_the_predecessors() -> None:
    settings = settings_of(line={"profile": "paper"})
    assert settings.time_steps == tuple(Fraction(4, 2**k) for k in range(13))
    assert (settings.warmup_s, settings.max_warmup_s, settings.window_s) == (120, 300, 60)
    assert (settings.min_launches, settings.trials, settings.window_is_explicit) == (1, 3, False)
    assert settings.origins["window"] == COMMAND_LINE._replace(profile="paper")


def test_what_no_profile_sets_has_a_default_of_its_own() -> None:
    settings = settings_of()
    assert (settings.drain_timeout_s, settings.arrivals, settings.realtime) == (60, "fixed", "auto")
    assert (settings.quiet_host, settings.knee, settings.require) == ("warn", False, frozenset())
    unset = (settings.timeout_s, settings.max_in_flight, settings.seed, settings.cpus, settings.output)
    assert unset == (None,) * 5
    assert (settings.raw, settings.resume) == (None, None)
    assert settings.origins["arrivals"] == DEFAULT


QUICK, PAPER = {"profile": "quick"}, {"profile": "paper"}
PRECEDENCE: list[tuple[dict[str, Any], dict[str, Any] | None, dict[str, Any], float, str]] = [
    # command line, marker, ini file -> window_s, where from: one source weaker in each row
    ({"window": 1.0, **PAPER}, {"window": 2.0}, {"window": 3.0, **QUICK}, 1, "command line"),
    (PAPER, {"window": 2.0}, {"window": 3.0, **QUICK}, 2, "marker on x.py::test"),
    (PAPER, {}, {"window": 3.0, **QUICK}, 60, "profile paper (command line)"),
    (PAPER, None, {"window": 3.0}, 60, "profile paper (command line)"),
    ({}, {}, {"window": 3.0, **PAPER}, 3, "ini file"),
    ({}, {"trials": 1}, PAPER, 60, "profile paper (ini file)"),
    (QUICK, {}, PAPER, 4, "profile quick (command line)"),
    ({}, None, {}, 4, "profile quick (default)"),
]


@pytest.mark.parametrize(("line", "marker", "ini", "window_s", "origin"), PRECEDENCE)
def test_the_stronger_source_wins(
    line: dict[str, Any], marker: dict[str, Any] | None, ini: dict[str, Any], window_s: float, origin: str
) -> None:
    settings = settings_of(line, marker, ini)
    assert (settings.window_s, str(settings.origins["window"])) == (window_s, origin)
    assert settings.window_is_explicit is not origin.startswith("profile")


@pytest.mark.parametrize(
    ("ends", "line", "steps"),
    [
        ({"start": HALF}, {}, (0.5, 1 / 1024, 10)),  # stop from quick
        ({"stop": HALF}, {}, (1, 0.5, 2)),  # start from quick
        ({"stop": HALF}, PAPER, (4, 0.5, 4)),
        ({"start": Fraction(2), "stop": HALF}, PAPER, (2, 0.5, 3)),
        ({"start": Fraction(2), "stop": HALF}, {"time_steps": (Fraction(1),)}, (1, 1, 1)),  # as a whole
        ({"time_steps": (HALF,)}, PAPER, (0.5, 0.5, 1)),
    ],
)
def test_an_end_that_a_marker_leaves_out_comes_from_the_next_source(
    ends: dict[str, Any], line: dict[str, Any], steps: tuple[float, float, int]
) -> None:
    found = settings_of(line, ends).time_steps
    assert (float(found[0]), float(found[-1]), len(found)) == steps


def test_ends_of_different_sources_that_contradict_each_other_name_both() -> None:
    with pytest.raises(
        ValueError, match=r"got start=1, stop=2; the other end comes from profile quick \(default\)"
    ):
        settings_of(marker={"stop": Fraction(2)})


def test_a_window_of_a_profile_is_stretched_to_enough_launches() -> None:
    settings = settings_of()
    assert [settings.window_for(step) for step in (Fraction(1), HALF, Fraction(1, 4))] == [10, 5, 4]


def test_a_window_that_is_given_is_never_stretched() -> None:
    assert settings_of(ini={"window": 2.0, "min_launches": 50}).window_for(Fraction(1)) == 2


def test_an_asked_warmup_may_exceed_what_a_profile_would_lengthen_it_to() -> None:
    assert settings_of(line={"warmup": 100.0}).max_warmup_s == 100


def test_an_explicit_window_holds_every_time_step() -> None:
    with pytest.raises(ValueError, match=r"got 0\.25 s for the time step 1/2 s from marker on x\.py::test"):
        settings_of(marker={"time_steps": (HALF, HALF / 2), "window": 0.25}).check()
    settings_of(marker={"time_steps": (HALF,), "window": 0.5}).check()


def test_a_window_equals_a_time_step_that_is_written_alike() -> None:
    # as fractions 0.3 (a float) < 3/10 < 0.30000000000000004
    step = READ["time_steps"]("0.3")
    settings_of(marker={"time_steps": step, "window": READ["window"](0.3)}).check()


def test_the_float_of_a_test_finds_its_exact_step() -> None:
    settings = settings_of(marker={"time_steps": (Fraction(1), Fraction(1, 3))})
    assert settings.step_of(1 / 3) == Fraction(1, 3)


def test_equal_values_make_equal_settings_wherever_they_come_from() -> None:
    assert settings_of(line={"trials": 1}) == settings_of()
    assert hash(settings_of(line={"trials": 1})) == hash(settings_of())


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("window", "2", 2.0),
        ("window", 0.5, 0.5),
        ("window", "1/4", 0.25),
        ("window", "1.5s", 1.5),
        ("window", "250ms", 0.25),
        ("timeout", "1/2 min", 30.0),
        ("warmup", 0, 0.0),
        ("warmup", "0s", 0.0),
        ("trials", 3, 3),
        ("trials", " 3 ", 3),
        ("seed", "0", 0),
        ("arrivals", "poisson", "poisson"),
        ("cpus", "0-1,3", frozenset({0, 1, 3})),
        ("cpus", " 2 ", frozenset({2})),
        ("cpus", "1 - 2, 2", frozenset({1, 2})),
        ("require", "all", frozenset({"all"})),
        ("require", "a, b[kvm]", frozenset({"a", "b[kvm]"})),
        ("require", "b[kvm,2 MiB],a", frozenset({"a", "b[kvm,2 MiB]"})),
        ("output", "some/dir", Path("some/dir")),
        ("time_steps", 0.5, (HALF,)),
        ("time_steps", {0.5, 1}, (Fraction(1), HALF)),
        ("time_steps", "1:1/2", (Fraction(1), HALF)),
        ("knee", False, False),
        ("knee", True, True),
        ("slo", "p99.9:2, mean : 1/4s", (("p99.9", 2.0), ("mean", 0.25))),
        ("slo", "p90:250us,mean:1min", (("p90", 0.00025), ("mean", 60.0))),
    ],
)
def test_a_value_is_read_from_what_people_write(name: str, given: object, value: object) -> None:
    read = READ[name](given)
    assert read == value
    assert type(read) is type(value)


TIME = "or a time such as 250ms, 1/64 or 1min"
SECONDS = f"must be a finite number of seconds > 0, {TIME}"
SLO = (
    "slo must be a list of STATISTIC:TIME such as p99:0.5s,p50:20ms with STATISTIC one of "
    "p50, p90, p95, p99, p99.9, mean and TIME > 0"
)
WRONG: list[tuple[str, list[object], str]] = [
    (
        "window",
        [0, "0", -1, "-1", "nan", float("inf"), "abc", "", None, True, [1]],
        f"window {SECONDS}, got ",
    ),
    ("window", ["1e10", 1e300], f"window {SECONDS}, and at most 1000000000 s, got "),
    (
        "warmup",
        [-1, "-0.1", "nan", None, False],
        f"warmup must be a finite number of seconds >= 0, {TIME}, got ",
    ),
    ("timeout", [0, "inf", "1e999999999"], f"timeout {SECONDS}, got "),
    ("drain_timeout", [0, -60], f"drain_timeout {SECONDS}, got "),
    (
        "trials",
        [0, -1, 1.0, 2.5, "2.5", "3s", None, True, [3], "9" * 5000],
        "trials must be a whole number >= 1, got ",
    ),
    ("min_launches", ["0", "ten"], "min_launches must be a whole number >= 1, got "),
    ("max_in_flight", [0], "max_in_flight must be a whole number >= 1, got "),
    ("seed", [-1, "x"], "seed must be a whole number >= 0, got "),
    ("profile", ["fast", "", "QUICK", None], "profile must be one of quick, paper, got "),
    ("arrivals", ["uniform", 1, None], "arrivals must be one of fixed, poisson, got "),
    ("realtime", ["yes", True], "realtime must be one of auto, on, off, got "),
    ("quiet_host", ["ignore"], "quiet_host must be one of warn, fail, off, got "),
    (
        "slo",
        [
            None,
            1,
            "",
            "p99",
            "p99:",
            "p98:1s",
            "p99:0",
            "p99:-1s",
            "p99:1d",
            "p99:s",
            "p99:nan",
            "p99:1s,",
            "max:1s",
        ],
        f"{SLO}, got ",
    ),
    (
        "slo",
        ["p99:1s,p99:2s"],
        f"{SLO}, each once, got ",
    ),
    ("knee", [1, "true", None], "knee must be True or False, got "),
    (
        "cpus",
        ["", "a", "1-0", "0,", "-1", "0-8192", "0-99999999999", "0x1"],
        "cpus must be a list such as 0-1,3, got ",
    ),
    ("require", ["", "a,,b", "a b", "a[", "[kvm]"], "require must be a list of targets such as "),
    ("output", ["", " "], "output must be a path, got "),
]


@pytest.mark.parametrize(
    ("name", "given", "rule"), [(name, value, rule) for name, wrong, rule in WRONG for value in wrong]
)
def test_a_wrong_value_is_answered_with_the_rule_and_the_value(name: str, given: object, rule: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is compared
        READ[name](given)
    assert str(caught.value).startswith(rule)
    assert str(caught.value).endswith(f"got {given!r}")


def test_both_profiles_set_the_same_things() -> None:
    assert PROFILES["quick"].keys() == PROFILES["paper"].keys()


def test_every_option_has_a_sentence_and_a_default_for_the_help() -> None:
    assert [option.name for option in OPTIONS if option.metavar and not (option.help and option.shown)] == []


def test_hosts_that_ssh_reaches_are_names_each_of_them_once() -> None:
    assert READ["hosts"]("ssh: alpha ,beta.example.org,10.0.0.1,fe80::1%eth0") == (
        "ssh:alpha,beta.example.org,10.0.0.1,fe80::1%eth0"
    )


@pytest.mark.parametrize(
    "given",
    [
        "ssh:",
        "ssh:a,",
        "ssh:a,a",
        "ssh:user@a",
        "ssh:-oProxyCommand=x",
        "ssh:a b",
        "ssh:a;b",
        "ssh:$(x)",
        "ssh://a",
    ],
)
def test_hosts_that_ssh_can_not_mean_are_refused(given: str) -> None:
    with pytest.raises(ValueError, match=r"hosts must .*got 'ssh:"):
        READ["hosts"](given)


@pytest.mark.parametrize("given", ["", "python3", "~/python", "/a\nb", "/a\x1b", 3])
def test_a_python_elsewhere_is_an_absolute_path(given: object) -> None:
    with pytest.raises(ValueError, match="hosts_python must be an absolute path, got"):
        READ["hosts_python"](given)
