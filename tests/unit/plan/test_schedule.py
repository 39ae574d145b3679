from __future__ import annotations

import itertools
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_unikernel.clock import NS_PER_S
from pytest_unikernel.plan import schedule, step_names
from pytest_unikernel.plan.step_names import step_number

STEPS = st.fractions(min_value=Fraction(1, 100_000), max_value=1_000, max_denominator=1_000_000)


@pytest.mark.parametrize(
    ("value", "step"),
    [
        (4, Fraction(4)),
        (0.5, Fraction(1, 2)),
        (0.1, Fraction(0.1)),  # a float is taken for exactly what it is
        ("0.1", Fraction(1, 10)),  # and so is text
        ("1/1024", Fraction(1, 1024)),
        (" 1 / 1024 s ", Fraction(1, 1024)),
        ("2s", Fraction(2)),
        ("250ms", Fraction(1, 4)),
        (" 250 ms ", Fraction(1, 4)),
        ("1/64 s", Fraction(1, 64)),
        ("1/4ms", Fraction(1, 4000)),
        ("1.5min", Fraction(90)),
        ("1h", Fraction(3600)),
        ("50us", Fraction(1, 20000)),
        ("50\u00b5s", Fraction(1, 20000)),
        ("50\u03bcs", Fraction(1, 20000)),
        ("100ns", Fraction(1, 10**7)),
        ("1e3ms", Fraction(1)),
        ("2.5e-3", Fraction(1, 400)),
        ("1/45.25", Fraction(4, 181)),
        (Decimal("0.25"), Fraction(1, 4)),
        (Fraction(1, 3), Fraction(1, 3)),
        (np.float64(0.25), Fraction(1, 4)),
        (np.int64(2), Fraction(2)),
    ],
)
def test_a_time_step_is_read_exactly(value: object, step: Fraction) -> None:
    assert schedule.parse_step(value) == step


@given(STEPS, st.fractions(min_value=Fraction(101, 100), max_value=1000))
def test_the_step_between_two_lies_between_them_and_is_named_by_its_rate(
    step: Fraction, ratio: Fraction
) -> None:
    middle = schedule.between(step * ratio, step)
    assert step < middle < step * ratio
    assert float(middle**2) == pytest.approx(float(step * step * ratio), rel=2e-3)
    if 1 / 9999 <= middle < 1:
        assert schedule.parse_step(step_number(float(middle))) == pytest.approx(middle)


@pytest.mark.parametrize("value", [0, 0.0, -0.0, "0", "0s", -1, "-0.5", Fraction(-1, 3)])
def test_a_time_step_is_greater_than_zero(value: object) -> None:
    with pytest.raises(ValueError, match=r"time steps must be finite and > 0, got ") as caught:
        schedule.parse_step(value)
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        *(
            "",
            "s",
            "fast",
            "1ss",
            "1 0",
            "1/0",
            "1/2/3",
            "1/0.0",
            "1/1e5",
            "nan",
            "inf",
            "-inf",
            "sNaN",
            "1e999999999",
            "1e-999999999",
        ),
        *(
            float("nan"),
            float("inf"),
            -float("inf"),
            Decimal("nan"),
            Decimal("1e999999999"),
            None,
            True,
            False,
        ),
        *([], [1], {}, 1j, b"1", object),
    ],
)
def test_what_is_no_finite_number_is_refused_at_once(value: object) -> None:
    with pytest.raises(
        ValueError,
        match="time steps must be finite numbers of seconds > 0, or a time such as 250ms, 1/64 or 1min, got ",
    ) as caught:
        schedule.parse_step(value)
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize("value", ["1e-10", 1e-300, 5e-324, 1e10, 1e308, "1e30"])
def test_a_time_step_can_be_told_in_nanoseconds(value: object) -> None:
    with pytest.raises(ValueError, match="from 1 ns to"):
        schedule.parse_step(value)


@pytest.mark.parametrize(
    ("line", "steps"),
    [
        ("4:1", [4, 2, 1]),
        ("1:1", [1]),
        ("1:0.3", [1, 0.5]),  # stop is included only when hit
        ("3:1/2", [3, 1.5, 0.75]),
        ("1,0.5,1/64", [1, 0.5, 1 / 64]),
        ("1/64, 1s ,0.5", [1, 0.5, 1 / 64]),  # slow to fast, however listed
        ("2", [2]),
        ("1s:250ms", [1, 0.5, 0.25]),
        ("500ms,1min,1/64", [60, 0.5, 1 / 64]),
    ],
)
def test_an_option_gives_ends_or_a_list(line: str, steps: list[float]) -> None:
    assert schedule.parse_steps(line) == tuple(map(Fraction, steps))


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("1:2", "stop must not be slower than start, got start=1, stop=2"),
        ("4:2:1", "time steps must be START:STOP or a comma-separated list, got '4:2:1'"),
        (
            ":",
            "time steps must be finite numbers of seconds > 0, or a time such as 250ms, 1/64 or 1min, got ''",
        ),
        (
            "1,",
            "time steps must be finite numbers of seconds > 0, or a time such as 250ms, 1/64 or 1min, got ''",
        ),
        ("1,0", "time steps must be finite and > 0, got '0'"),
        ("1,0.5,1", "time steps must differ, got 1 more than once"),
        ("1/3,0.3333333333333333", "time steps must differ, got 0.3333333333333333 more than once"),
        (",".join(map(str, range(1, 66))), "time steps must be from 1 to 64 in number, got more than 64"),
    ],
)
def test_what_an_option_may_not_say(line: str, rule: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is compared
        schedule.parse_steps(line)
    assert rule in str(caught.value)


def test_halving_is_bounded() -> None:
    assert len(schedule.parse_steps("1e9:1e-9")) == 60  # the longest that text can ask for
    with pytest.raises(ValueError, match="must be at most 64 in number"):
        schedule.halving(Fraction(1), Fraction(1, 2**64))


def test_no_steps_are_no_sweep() -> None:
    with pytest.raises(ValueError, match="time steps must be from 1 to 64 in number, got none"):
        schedule.listed([])


def test_an_endless_list_is_refused() -> None:
    with pytest.raises(ValueError, match="got more than 64"):
        schedule.listed(itertools.count(1))


@given(start=STEPS, halvings=st.integers(0, 40))
def test_halving_is_exact_and_includes_a_stop_that_is_hit(start: Fraction, halvings: int) -> None:
    steps = schedule.halving(start, start / 2**halvings)
    assert steps == tuple(start / 2**k for k in range(halvings + 1))


@given(start=STEPS, share=st.fractions(Fraction(1, 10_000), 1))
def test_halving_ends_within_a_factor_of_two_of_stop(start: Fraction, share: Fraction) -> None:
    stop = start * share
    assert stop <= schedule.halving(start, stop)[-1] < 2 * stop


@pytest.mark.parametrize(
    ("step", "id_"),
    [
        (Fraction(4), "4s"),
        (Fraction(100), "100s"),
        (Fraction(1, 2), "0.5s"),
        (Fraction(1, 1024), "0.0009765625s"),
        (Fraction(1, NS_PER_S), "0.000000001s"),
        (Fraction(10**9), "1000000000s"),
        (Fraction(1, 3), "0.3333333333333333s"),
    ],
)
def test_ids_are_plain_decimals(step: Fraction, id_: str) -> None:
    assert step_names.step_id(step) == id_


@given(st.floats(1e-9, 1e9))
def test_an_id_has_no_exponent_and_names_exactly_one_float(seconds: float) -> None:
    id_ = step_names.step_id(Fraction(seconds))
    assert set(id_) <= set("0123456789.s")
    assert float(id_.removesuffix("s")) == seconds


@given(st.lists(st.floats(1e-9, 1e9), min_size=1, max_size=64, unique=True))
def test_ids_of_different_steps_differ(seconds: list[float]) -> None:
    steps = schedule.listed(seconds)
    assert len({step_names.step_id(step) for step in steps}) == len(seconds)
    assert list(steps) == sorted(steps, reverse=True)


@given(step=STEPS, index=st.integers(0, 3_000))
def test_fixed_dues_are_multiplied_and_never_drift(step: Fraction, index: int) -> None:
    due_ns = next(itertools.islice(schedule.fixed(step), index, None))
    assert due_ns == index * step * NS_PER_S // 1


def test_a_million_fixed_dues_end_on_the_nanosecond() -> None:
    # 1/1024 s is 976562.5 ns: a rounded step would be 500 microseconds off by then
    assert next(itertools.islice(schedule.fixed(Fraction(1, 1024)), 1_024_000, None)) == 1_000 * NS_PER_S


@given(step=STEPS, seed=st.integers(0, 2**64))
def test_poisson_dues_are_those_of_their_seed(step: Fraction, seed: int) -> None:
    dues = list(itertools.islice(schedule.poisson(step, seed), 50))
    assert dues == list(itertools.islice(schedule.poisson(step, seed), 50))
    assert dues != list(itertools.islice(schedule.poisson(step, seed + 1), 50))
    assert dues[0] == 0
    assert dues == sorted(dues)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_poisson_gaps_are_exponential_with_the_step_as_mean(seed: int) -> None:
    step_ns, count = NS_PER_S / 100, 40_000
    gaps = np.diff(list(itertools.islice(schedule.poisson(Fraction(1, 100), seed), count + 1)))
    # the mean's standard error is step / sqrt(n) = 0.5 %; an exponential's deviation is its mean
    assert gaps.mean() == pytest.approx(step_ns, rel=0.02)
    assert gaps.std() == pytest.approx(step_ns, rel=0.04)
    assert (gaps > step_ns).mean() == pytest.approx(np.exp(-1), abs=0.01)


def test_the_contract_knows_two_kinds_of_arrivals() -> None:
    assert list(schedule.ARRIVALS) == ["fixed", "poisson"]


@pytest.mark.parametrize(
    ("window_s", "step", "count"),
    [
        (4.0, Fraction(1, 4), 16),
        (4.0, Fraction(39, 100), 11),
        (0.34, Fraction(1, 3), 2),
        (0.1, Fraction(1, 4), 1),  # never none
        # Written alike, as floats: these are whole steps.
        (0.1, Fraction(1, 10), 1),
        (0.1, Fraction(0.1), 1),
        (0.3, Fraction(1, 10), 3),
        (0.3, Fraction(0.1), 3),
        (0.1 * 3, Fraction(1, 10), 3),
        (float(10 * Fraction(1, 3)), Fraction(1, 3), 10),
        (float(1000 * Fraction(4, 181)), Fraction(4, 181), 1000),
        (60.0, Fraction(1, 1024), 61440),
        (60.000001, Fraction(1, 1024), 61441),
    ],
)
def test_a_window_is_rounded_up_to_whole_steps(window_s: float, step: Fraction, count: int) -> None:
    assert schedule.whole_steps(window_s, step) == count
    assert (
        schedule.window_ns(window_s, step, "fixed") == count * step.numerator * NS_PER_S // step.denominator
    )


@given(STEPS, st.integers(1, 100_000))
def test_a_window_of_whole_steps_stays_as_it_is(step: Fraction, count: int) -> None:
    assert schedule.whole_steps(float(count * step), step) == count
    assert schedule.whole_steps(float(count * step), Fraction(float(step))) == count


def test_a_window_of_poisson_arrivals_is_not_rounded() -> None:
    assert schedule.window_ns(4.0, Fraction(39, 100), "poisson") == 4 * NS_PER_S
