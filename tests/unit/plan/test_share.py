"""The shares of hosts are, together, exactly the schedule of one host."""

from __future__ import annotations

from fractions import Fraction
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_unikernel.plan.schedule import ARRIVALS
from pytest_unikernel.plan.share import Share, offsets, spread_over, window_begin_ns

STEPS = st.fractions(min_value=Fraction(1, 4096), max_value=4).filter(lambda step: step > 0)


@pytest.mark.parametrize("arrivals", ["fixed", "poisson"])
@given(step=STEPS, seed=st.integers(0, 2**32), hosts=st.integers(1, 64), launches=st.integers(1, 300))
def test_the_union_of_the_shares_is_the_schedule_of_one_host(
    arrivals: str, step: Fraction, seed: int, hosts: int, launches: int
) -> None:
    whole = list(islice(ARRIVALS[arrivals](step, seed), launches * hosts))
    dealt = [
        list(islice(offsets(arrivals, step, seed, share), launches)) for share in spread_over(hosts, "split")
    ]
    assert [each for turn in zip(*dealt, strict=True) for each in turn] == whole


def test_each_host_makes_the_whole_schedule_where_hosts_are_compared() -> None:
    assert spread_over(3, "each") == [Share(), Share(), Share()]


@pytest.mark.parametrize(
    ("warmup_ns", "begin_ns"), [(0, 0), (1, 10**9), (10**9, 10**9), (10**9 + 1, 2 * 10**9)]
)
def test_the_window_begins_on_the_first_launch_after_the_warm_up_whoever_makes_it(
    warmup_ns: int, begin_ns: int
) -> None:
    assert window_begin_ns("fixed", Fraction(1), None, warmup_ns) == begin_ns
