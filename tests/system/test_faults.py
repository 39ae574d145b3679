"""The table of faults: each is made to happen, and the load ends as expected, with nothing left.

Rows that take longer than a second are run where UNIKERNEL_BY_HAND is set.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from faults import Fault, happened
from faulttable import ROWS
from needed import needs_linux, needs_qemu, needs_qemu_img

from pytest_unikernel.run.session import Session

needs_runc = pytest.mark.skipif(shutil.which("runc") is None, reason="no runc on PATH; install runc")
NEEDS: dict[str, list[Any]] = {
    "rust_kernel": [needs_qemu],
    "linux_vm": [needs_qemu, needs_qemu_img, needs_linux],
    "oci_container": [needs_runc],
}
BY_HAND = bool(os.environ.get("UNIKERNEL_BY_HAND"))
RUN = [
    pytest.param(each, id=each.id, marks=NEEDS.get(each.target, []))
    for each in ROWS
    if BY_HAND or not each.by_hand
]


def test_the_table_has_its_breadth() -> None:
    assert len(ROWS) == len({each.id for each in ROWS})
    assert len({each.kind for each in ROWS}) >= 40
    assert len({each.target for each in ROWS}) >= 5


@pytest.mark.parametrize("fault", RUN)
def test_a_fault_has_its_outcome(fault: Fault, session: Session, tmp_path: Path) -> None:
    found = happened(fault, session, tmp_path)
    assert found.outcome == fault.expected, found
    assert fault.words in found.words, found
    assert fault.status in {None, found.status}, found
