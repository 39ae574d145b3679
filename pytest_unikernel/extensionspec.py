"""Hooks for packages that extend imports and reports: no pytest here.

Such a package has an entry point in the group ``pytest_unikernel`` that names a module like this one::

    from pytest_unikernel.extensionspec import hookimpl
    from pytest_unikernel.importers.readings import ImportFormat

    @hookimpl
    def pytest_unikernel_import_formats():
        return [ImportFormat("my-format", matches, read)]
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from pytest_unikernel.importers.readings import ImportFormat
    from pytest_unikernel.report.sections import ReportSection

GROUP = "pytest_unikernel"  # of entry points, and the project's name in pluggy
hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


@hookspec
def pytest_unikernel_import_formats() -> Iterable[ImportFormat]:  # type: ignore[empty-body]
    """Return formats that ``pytest-unikernel import`` reads; they are tried before its own."""


@hookspec
def pytest_unikernel_report_sections() -> Iterable[ReportSection]:  # type: ignore[empty-body]
    """Return what reports show after their own figures and tables: ``report`` and ``--sweep-report``."""
