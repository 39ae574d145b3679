"""Hooks that others may implement, in a plugin or a conftest.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_unikernel.results.result import LoadResult


@pytest.hookspec
def pytest_unikernel_load_ended(item: pytest.Item, result: LoadResult) -> None:
    """Called after each load, when its result is with pytest-benchmark already.

    Args:
        item: the test that ran it.
        result: the load's result; see :class:`pytest_unikernel.LoadResult`.
    """
