"""When launches are due: time steps and arrivals. Pure; exact fractions inside."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction

from pytest_unikernel.clock import NS_PER_S, nanoseconds
from pytest_unikernel.plan.durations import EXAMPLES, NOT_A_NUMBER, exact
from pytest_unikernel.plan.step_names import text

SLOWEST_STEP = Fraction(4)
FASTEST_STEP = Fraction(1, 1024)  # Source: the kernel-benchmark scripts, run_benchmarks.sh
ROUNDING = Fraction(1, 2**52)  # of a quotient of two floats
SHORTEST_STEP = Fraction(1, NS_PER_S)  # instants are whole nanoseconds
LONGEST_S = 10**9  # 31 years; some hundreds of them still fit the 64-bit instants of a record
MAX_STEPS = 64

Dues = Iterator[int]
Arrivals = Callable[[Fraction, "int | None"], Dues]


def parse_step(value: object) -> Fraction:
    """Return a time step in seconds as an exact fraction.

    Accepts ints, floats (taken exactly), fractions and text such as ``250ms``, ``1/1024`` or ``1min``.

    Raises:
        ValueError: the value isn't a finite number > 0; the text states the rule.
    """
    try:
        step = exact(value)
    except NOT_A_NUMBER as error:
        raise ValueError(
            f"time steps must be finite numbers of seconds > 0, or {EXAMPLES}, got {value!r}"
        ) from error
    if step <= 0:
        raise ValueError(f"time steps must be finite and > 0, got {value!r}")
    if not SHORTEST_STEP <= step <= LONGEST_S:
        raise ValueError(f"time steps must be finite and from 1 ns to {LONGEST_S} s, got {value!r}")
    return step


def halving(start: Fraction, stop: Fraction) -> tuple[Fraction, ...]:
    """Return start, start/2, start/4 ... down to stop, which is included when hit exactly.

    Raises:
        ValueError: stop is larger than start, or there would be more than ``MAX_STEPS``.
    """
    if stop > start:
        raise ValueError(f"stop must not be slower than start, got start={text(start)}, stop={text(stop)}")
    steps = tuple(
        itertools.takewhile(lambda step: step >= stop, (start / 2**k for k in range(MAX_STEPS + 1)))
    )
    if len(steps) > MAX_STEPS:
        raise ValueError(
            f"time steps must be at most {MAX_STEPS} in number, got {text(start)} halved to {text(stop)}"
        )
    return steps


def listed(values: Iterable[object]) -> tuple[Fraction, ...]:
    """Return the given steps, slow to fast.

    Raises:
        ValueError: a value is no time step, a step occurs twice, there are none or more than ``MAX_STEPS``.
    """
    steps = [parse_step(value) for value in itertools.islice(values, MAX_STEPS + 1)]
    if not 1 <= len(steps) <= MAX_STEPS:
        raise ValueError(f"time steps must be from 1 to {MAX_STEPS} in number, got {_how_many(len(steps))}")
    ids = [text(step) for step in steps]  # compared as text: 1/3 and 0.3333333333333333 are equal
    for step_text in ids:
        if ids.count(step_text) > 1:
            raise ValueError(f"time steps must differ, got {step_text} more than once")
    return tuple(sorted(steps, reverse=True))


def _how_many(count: int) -> str:
    return "none" if not count else f"more than {MAX_STEPS}"


def parse_steps(line: str) -> tuple[Fraction, ...]:
    """Return the steps of an option: ``4:1/1024`` (halved) or ``1,0.5,1/64`` (as listed)."""
    if ":" in line:
        ends = line.split(":")
        if len(ends) != 2:
            raise ValueError(f"time steps must be START:STOP or a comma-separated list, got {line!r}")
        return halving(parse_step(ends[0]), parse_step(ends[1]))
    return listed(line.split(","))


def between(slower: Fraction, faster: Fraction) -> Fraction:
    """Return the step whose rate is the geometric mean of two others', to four significant digits."""
    rate_hz = math.sqrt(1 / slower * (1 / faster))
    return 1 / Fraction(f"{rate_hz:.3e}")


def whole_steps(window_s: float, step: Fraction) -> int:
    """Return how many time steps a window is rounded up to, at least one.

    A part of a step would hold one launch too many for its length, or one too few. Both numbers may be
    floats that were given in decimals: a quotient within their rounding of a whole number is that number.

    Source: IEEE 754: a double is within 2^-53 of the number it stands for; two of them are divided.
    """
    quotient = Fraction(window_s) / step
    nearest = max(1, round(quotient))
    return nearest if abs(quotient - nearest) <= nearest * ROUNDING else math.ceil(quotient)


def window_ns(window_s: float, step: Fraction, arrivals: str) -> int:
    """Return the length in ns of the window that is measured where ``window_s`` are asked for.

    At fixed arrivals it is a whole number of steps, so that its rates are those of the schedule.
    """
    if arrivals != "fixed":
        return nanoseconds(window_s)
    return whole_steps(window_s, step) * step.numerator * NS_PER_S // step.denominator


def fixed(step: Fraction, seed: int | None = None) -> Dues:
    """Yield offsets in ns, one step apart: multiplied from the exact fraction, never accumulated."""
    del seed
    numerator, denominator = step.numerator * NS_PER_S, step.denominator
    return (index * numerator // denominator for index in itertools.count())


def poisson(step: Fraction, seed: int | None) -> Dues:
    """Yield offsets in ns of a Poisson process whose mean gap is the step; equal seeds, equal offsets.

    Source: gaps of a Poisson process are exponential: -mean * ln(1 - u), u uniform in [0, 1).
    """
    rng = random.Random(seed)  # noqa: S311 - reproducible on purpose
    mean_ns = float(step) * NS_PER_S
    at_ns = 0.0
    while True:
        yield round(at_ns)
        at_ns -= mean_ns * math.log(1.0 - rng.random())


ARRIVALS: dict[str, Arrivals] = {"fixed": fixed, "poisson": poisson}
