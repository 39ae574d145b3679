from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest

from pytest_unikernel.plan.option_table import OPTIONS
from pytest_unikernel.plugin.marker import sweep_of

Runs = Callable[..., pytest.RunResult]
Collects = Callable[..., list[pytest.Item]]

LOAD_STEP = """
import pytest
from fractions import Fraction
from decimal import Decimal

@pytest.fixture
def load_step(request):
    return lambda target: request.node.callspec.params["timestep"]

@pytest.fixture
def rust_kernel():
    return "a target"

"""
EXAMPLE = (
    LOAD_STEP
    + """
@pytest.mark.load_sweep
def test_rust_kernel(load_step, rust_kernel):
    assert isinstance(load_step(rust_kernel), float)
"""
)


def marked(arguments: str, body: str = "def test_y(load_step): load_step(1)") -> str:
    return f"{LOAD_STEP}\n@pytest.mark.load_sweep({arguments})\n{body}\n"


def names(items: list[pytest.Item]) -> list[str]:
    return [item.name for item in items]


def test_the_example_of_the_documentation_runs_once_per_time_step(run: Runs) -> None:
    run("-W", "error", source=EXAMPLE).assert_outcomes(passed=11)


def test_items_go_from_slow_to_fast_with_plain_ids(items_of: Collects) -> None:
    halvings = ["1", "0.5", "0.25", "0.125", "0.0625", "0.03125", "0.015625", "0.0078125", "0.00390625"]
    halvings += ["0.001953125", "0.0009765625"]
    assert names(items_of(EXAMPLE)) == [f"test_rust_kernel[{step}s]" for step in halvings]


@pytest.mark.parametrize(
    ("arguments", "ids"),
    [
        ("time_steps=[0.25, 1]", ["1s", "0.25s"]),
        ("time_steps=(2, '1/2', Fraction(1, 8), Decimal('0.1'))", ["2s", "0.5s", "0.125s", "0.1s"]),
        ("time_steps='2:0.5'", ["2s", "1s", "0.5s"]),
        ("time_steps=0.5", ["0.5s"]),
        ("start=1/512", ["0.001953125s", "0.0009765625s"]),
        ("stop='1/2'", ["1s", "0.5s"]),
        ("start=4, stop=1", ["4s", "2s", "1s"]),
        ("start=3, stop=1, window=60, warmup=0, trials=2, arrivals='poisson', knee=False", ["3s", "1.5s"]),
        ("time_steps=[1, 2], knee=True", ["2s", "1s", "knee"]),
    ],
)
def test_the_marker_gives_the_time_steps(items_of: Collects, arguments: str, ids: list[str]) -> None:
    assert names(items_of(marked(arguments))) == [f"test_y[{id_}]" for id_ in ids]


def test_a_test_may_ask_for_its_time_step(run: Runs) -> None:
    body = "def test_y(timestep): assert (type(timestep), timestep) == (float, 0.5)"
    run(source=marked("time_steps=[0.5]", body)).assert_outcomes(passed=1)


def test_a_fixture_and_a_getfixturevalue_may_ask_for_it_too(run: Runs) -> None:
    body = """
def test_y(request):
    assert request.getfixturevalue("asks") == 0.5

@pytest.fixture
def asks(timestep): return timestep
"""
    run(source=marked("time_steps=[0.5]", body)).assert_outcomes(passed=1)


def test_other_parameters_stay_outside_and_each_variant_goes_from_slow_to_fast(items_of: Collects) -> None:
    body = "@pytest.mark.parametrize('kvm', ['on', 'off'])\ndef test_y(load_step, kvm): pass"
    found = items_of(marked("time_steps=[0.5, 1]", body))
    assert names(found) == ["test_y[on-1s]", "test_y[on-0.5s]", "test_y[off-1s]", "test_y[off-0.5s]"]


def test_a_parametrized_fixture_stays_outside_too(items_of: Collects) -> None:
    body = """
@pytest.fixture(params=["a", "b"])
def variant(request): return request.param

@pytest.mark.load_sweep(time_steps=[1, 2])
def test_z(variant): pass
"""
    found = names(items_of(LOAD_STEP + body))
    assert found == ["test_z[a-2s]", "test_z[a-1s]", "test_z[b-2s]", "test_z[b-1s]"]


def test_each_item_knows_its_exact_step_its_settings_and_its_series(items_of: Collects) -> None:
    body = "@pytest.mark.parametrize('kvm', ['on', 'off'])\ndef test_y(load_step, kvm): pass"
    sweeps = [sweep_of(item) for item in items_of(marked("time_steps=['1/3'], window=5", body))]
    assert [sweep and sweep.step for sweep in sweeps] == [Fraction(1, 3)] * 2
    assert [sweep and sweep.settings.window_s for sweep in sweeps] == [5, 5]
    assert [sweep and sweep.series for sweep in sweeps] == [
        "test_it.py::test_y[on]",
        "test_it.py::test_y[off]",
    ]


def test_a_series_of_a_plain_test_is_its_node_id(items_of: Collects) -> None:
    body = "class TestK:\n    @pytest.mark.load_sweep(stop=0.5)\n    def test_m(self): pass"
    sweeps = [sweep_of(item) for item in items_of(LOAD_STEP + body)]
    assert [sweep and sweep.series for sweep in sweeps] == ["test_it.py::TestK::test_m"] * 2


def test_unmarked_tests_are_left_alone(items_of: Collects, run: Runs) -> None:
    source = (
        "import pytest\n@pytest.mark.parametrize('x', [1, 2])\ndef test_x(x): pass\ndef test_plain(): pass\n"
    )
    items = items_of(source)
    assert names(items) == ["test_x[1]", "test_x[2]", "test_plain"]
    assert [sweep_of(item) for item in items] == [None] * 3
    result = run()
    result.assert_outcomes(passed=3)
    result.stdout.no_fnmatch_line("sweep*")


SCOPES = """
pytestmark = pytest.mark.load_sweep(time_steps=[3])

def test_module(): pass

@pytest.mark.load_sweep(time_steps=[2], window=7)
class TestClass:
    def test_class(self): pass

    @pytest.mark.load_sweep(window=9)
    def test_function(self): pass

class TestDerived(TestClass):
    pass

@pytest.mark.load_sweep(time_steps=[5])
@pytest.mark.load_sweep(time_steps=[4])
def test_two(): pass
"""


def test_the_closest_marker_counts_and_counts_alone(items_of: Collects) -> None:
    sweeps = [(item.name, sweep_of(item)) for item in items_of(LOAD_STEP + SCOPES)]
    found = {(name, sweep.settings.window_s) for name, sweep in sweeps if sweep and sweep.step >= 1}
    assert found == {
        ("test_module[3s]", 4),
        ("test_class[2s]", 7),
        ("test_function[1s]", 9),  # neither the class's nor the module's time steps
        ("test_two[4s]", 4),  # the lower of two
    }


@pytest.mark.parametrize(("expression", "count"), [("sweep", 11), ("not sweep", 1), ("sweep and mine", 11)])
def test_the_marker_sweep_selects_swept_tests(run: Runs, expression: str, count: int) -> None:
    mine = EXAMPLE.replace("@pytest.mark.load_sweep", "@pytest.mark.mine\n@pytest.mark.load_sweep")
    result = run("-m", expression, "-o", "markers=mine", source=mine + "\ndef test_plain(): pass\n")
    result.assert_outcomes(passed=count, deselected=12 - count)


def test_the_three_markers_are_registered(run: Runs) -> None:
    result = run("--markers")
    result.stdout.fnmatch_lines(
        [
            f"@pytest.mark.load_sweep({KNOWN.replace(',', '=...,')}=...): *",
            "@pytest.mark.sweep: *",
            "@pytest.mark.cold: *",
        ]
    )


def test_the_markers_keywords_are_explained_with_their_defaults(run: Runs) -> None:
    words = " ".join(" ".join(run("--markers").outlines).split())
    for option in OPTIONS:
        told = f"{option.name}: {option.help} (default: {option.shown})"
        assert (told in words) is option.in_marker
    assert "start: slowest time step" in words
    assert "stop: fastest time step" in words


STEPS = "[10, 4, 1, 0.3, 1/4, 1/16, 1/45.25, 1/64, 1/512, 1/1024]"


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("1/512 s", ["0.001953125s"]),
        ("1/512s", ["0.001953125s"]),
        ("1/512", ["0.001953125s"]),
        ("1/512S", ["0.001953125s"]),
        ("1/45.25 s", ["0.022099447513812154s"]),
        ("1/16 s or 1/4 s", ["0.25s", "0.0625s"]),
        ("test_y and 1/64 s", ["0.015625s"]),
        ("test_x and 1/64 s", []),
        ("(1/64 s)", ["0.015625s"]),
        ("1/64s and not 1/64", []),
        ("1 s", ["1s"]),
        ("10 s", ["10s"]),
        ("0.3 s", ["0.3s"]),
        ("1/1", []),  # the beginning of 1/16 and of 1/1024
        ("1/", []),
        ("6s", []),  # the end of 1/16s
        ("0.0625s", ["0.0625s"]),
        ("knee", ["knee"]),
    ],
)
def test_a_step_is_found_by_what_the_tables_print(run: Runs, expression: str, found: list[str]) -> None:
    source = marked(f"time_steps={STEPS}, knee=True, window=10")
    ids = [line for line in run("--co", "-q", "-k", expression, source=source).outlines if "::" in line]
    assert [each.partition("[")[2].rstrip("]") for each in ids] == found


def test_effective_values_and_their_origins_are_printed(run: Runs) -> None:
    result = run("--sweep-trials=2", source=marked("time_steps=[1, 2], warmup=0"))
    result.stdout.fnmatch_lines(
        [
            "sweep, default: profile quick, order rounds, drain timeout 60 s, *",
            "sweep, marker on test_it.py::test_y: time steps 2 s ... 1 s (2), warmup 0 s",
            "sweep, profile quick (default): window 4 s, min launches 10",
            "sweep, command line: trials 2",
        ]
    )
    assert max(len(line) for line in result.outlines if line.startswith(("sweep", "    "))) <= 80


FINITE = "time steps must be finite and > 0, got"
TIME = "or a time such as 250ms, 1/64 or 1min"
NUMBERS = f"time steps must be finite numbers of seconds > 0, {TIME}, got"
SECONDS = f"must be a finite number of seconds > 0, {TIME}, got"
KNOWN = "start, stop, time_steps, warmup, window, trials, arrivals, knee"
WRONG = [
    ("time_steps=[0.0]", f"{FINITE} 0.0"),
    ("time_steps=0.0", f"{FINITE} 0.0"),
    ("time_steps=[1, -1]", f"{FINITE} -1"),
    ("time_steps=[float('nan')]", f"{NUMBERS} nan"),
    ("time_steps=[float('inf')]", f"{NUMBERS} inf"),
    ("time_steps=['fast']", f"{NUMBERS} 'fast'"),
    ("time_steps='fast'", f"{NUMBERS} 'fast'"),
    ("time_steps=None", f"{NUMBERS} None"),
    ("time_steps=[None]", f"{NUMBERS} None"),
    ("time_steps=[[1, 2]]", f"{NUMBERS} [1, 2]"),
    ("time_steps=[True]", f"{NUMBERS} True"),
    ("time_steps=True", f"{NUMBERS} True"),
    ("time_steps={1: 2}", f"{NUMBERS} {{1: 2}}"),
    ("time_steps=[]", "time steps must be from 1 to 64 in number, got none"),
    ("time_steps=range(1, 100)", "time steps must be from 1 to 64 in number, got more than 64"),
    ("time_steps=[1, 0.5, 1.0]", "time steps must differ, got 1 more than once"),
    ("time_steps=[0.5, '1/2']", "time steps must differ, got 0.5 more than once"),
    ("start=0", f"{FINITE} 0 as start"),
    ("stop=-0.5", f"{FINITE} -0.5 as stop"),
    ("start='x'", f"{NUMBERS} 'x' as start"),
    ("stop=None", f"{NUMBERS} None as stop"),
    ("start=1, stop=2", "stop must not be slower than start, got start=1, stop=2"),
    (
        "stop=2",
        "stop must not be slower than start, got start=1, stop=2; the other end comes from profile quick",
    ),
    ("time_steps=[1], start=2", "expected time_steps, or start and stop, got time_steps and start=2"),
    (
        "time_steps=[1], start=2, stop=1",
        "expected time_steps, or start and stop, got time_steps and start=2 and stop=1",
    ),
    ("window=0", f"window {SECONDS} 0"),
    ("window=-1", f"window {SECONDS} -1"),
    ("window=None", f"window {SECONDS} None"),
    ("window=float('nan')", f"window {SECONDS} nan"),
    (
        "window=0.5",
        "window must be at least one time step long, got 0.5 s for the time step 1 s from profile quick",
    ),
    (
        "window=0.5, time_steps=[0.25, 0.75]",
        "got 0.5 s for the time step 0.75 s from marker on test_it.py::test_y",
    ),
    ("warmup=-1", f"warmup must be a finite number of seconds >= 0, {TIME}, got -1"),
    ("trials=0", "trials must be a whole number >= 1, got 0"),
    ("trials=1.5", "trials must be a whole number >= 1, got 1.5"),
    ("trials=True", "trials must be a whole number >= 1, got True"),
    ("arrivals='uniform'", "arrivals must be one of fixed, poisson, got 'uniform'"),
    ("arrivals=None", "arrivals must be one of fixed, poisson, got None"),
    ("knee=1", "knee must be True or False, got 1"),
    ("speed=3", f"expected the keywords {KNOWN}, got speed=3"),
    ("min_launches=3, windows=2", f"expected the keywords {KNOWN}, got min_launches=3, windows=2"),
    ("0.5", f"expected keywords only ({KNOWN}), got positional 0.5"),
    ("[1, 2], window=3", f"expected keywords only ({KNOWN}), got positional [1, 2]"),
]


@pytest.mark.parametrize(("arguments", "rule"), WRONG)
def test_a_wrong_marker_ends_collection_with_its_rule_value_and_place(
    run: Runs, arguments: str, rule: str
) -> None:
    result = run(source=marked(arguments))
    assert result.ret == pytest.ExitCode.INTERRUPTED
    lines = [line for line in result.outlines if line.startswith("load_sweep: ")]
    assert len(lines) == 1
    assert rule in lines[0]
    assert lines[0].endswith("(marker on test_it.py::test_y)")
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*marker.py*")


@pytest.mark.parametrize("arguments", ["start=1, stop=2", "time_steps=[0]", "window=0.5, speed=1"])
def test_a_wrong_marker_is_an_error_also_where_an_option_hides_it(run: Runs, arguments: str) -> None:
    result = run("--sweep-time-steps=1", source=marked(arguments))
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["load_sweep: *(marker on test_it.py::test_y)"])


def test_a_wrong_marker_of_a_class_names_the_class(run: Runs) -> None:
    result = run(source=marked("trials=0", "class TestK:\n    def test_m(self): pass"))
    result.stdout.fnmatch_lines(["load_sweep: trials must be *, got 0 (marker on test_it.py::TestK)"])


@pytest.mark.parametrize(
    "names_", ["'timestep'", "'x, timestep'", "['timestep', 'x']", "argnames='timestep'"]
)
def test_a_test_must_not_parametrize_timestep_itself(run: Runs, names_: str) -> None:
    equals = "argvalues=" if "argnames" in names_ else ""
    values, taken = ("[(1, 2)]", "timestep, x") if "x" in names_ else ("[1]", "timestep")
    body = f"@pytest.mark.parametrize({names_}, {equals}{values})\ndef test_y({taken}): pass"
    result = run(source=marked("", body))
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["load_sweep: the marker parametrizes timestep, got *test_it.py::test_y)"])


def test_timestep_without_the_marker_is_a_clear_error(run: Runs) -> None:
    result = run(source="def test_y(timestep): pass")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["timestep: expected a test with the marker load_sweep, got test_it.py::test_y;*"]
    )


def test_every_time_step_can_be_asked_for_by_its_node_id(run: Runs) -> None:
    run("test_it.py::test_rust_kernel[0.0009765625s]", source=EXAMPLE).assert_outcomes(passed=1)
