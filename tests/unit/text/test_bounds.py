from __future__ import annotations

import pytest

from pytest_unikernel.host.bounds import Bound, Cap
from pytest_unikernel.text.bounds import bound_text, short_bound_text


@pytest.mark.parametrize(
    ("cap", "text", "short"),
    [
        (Cap(7, Bound.MEMORY, 48 << 20), "memory available / 48 MiB per instance", "memory / 48 MiB"),
        (Cap(7, Bound.ASKED), "--sweep-max-in-flight", "--sweep-max-in-flight"),
        (Cap(7, Bound.CGROUP_PROCESSES), "cgroup pids.max", "cgroup pids.max"),
        (Cap(1 << 40, Bound.NONE_FOUND), "no limit found", "no limit found"),
        (Cap(1 << 40, Bound.NOT_SOUGHT), "none", "none"),
    ],
)
def test_a_limit_on_instances_is_named_in_full_and_for_a_column(cap: Cap, text: str, short: str) -> None:
    assert (bound_text(cap), short_bound_text(cap)) == (text, short)
