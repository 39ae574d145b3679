"""Shared by the tests of real processes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from realloads import descriptors

from pytest_unikernel.launch.cleanup import leftovers
from pytest_unikernel.run.session import Session


@pytest.fixture
def session() -> Iterator[Session]:
    """A session of the test's own; nothing of it may be left, neither outside nor in this process."""
    open_before, children_before = descriptors(), leftovers.children()
    made = Session()
    try:
        yield made
    finally:
        strays = list(leftovers.holders(made.token))
        made.close()
    assert not strays
    assert not made.directory.exists()
    assert descriptors() == open_before
    assert leftovers.children() - children_before == set()
