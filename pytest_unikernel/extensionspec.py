"""The hooks for packages that extend imports and reports, and the types that they use; no pytest here.

Such a package has an entry point in the group ``pytest_unikernel`` that names a module like this one::

    from pytest_unikernel.extensionspec import ImportFormat, hookimpl

    @hookimpl
    def pytest_unikernel_import_formats():
        return [ImportFormat("my-format", matches, read)]
"""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from pytest_unikernel.importers.inputs import InputFile
from pytest_unikernel.importers.readings import (
    ImportFormat,
    ImportOptions,
    Launches,
    Reading,
    Spread,
    Subject,
    Window,
)
from pytest_unikernel.report.figure import Figure
from pytest_unikernel.report.overview import Table
from pytest_unikernel.report.sections import ReportSection
from pytest_unikernel.report.series import Results

__all__ = [
    "Figure",
    "ImportFormat",
    "ImportOptions",
    "InputFile",
    "Launches",
    "Reading",
    "ReportSection",
    "Results",
    "Spread",
    "Subject",
    "Table",
    "Window",
    "hookimpl",
    "pytest_unikernel_import_formats",
    "pytest_unikernel_report_sections",
]

GROUP = "pytest_unikernel"  # of entry points, and the project's name in pluggy
hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


@hookspec
def pytest_unikernel_import_formats() -> Iterable[ImportFormat]:  # type: ignore[empty-body]
    """Return formats that ``pytest-unikernel import`` reads; they are tried before its own."""


@hookspec
def pytest_unikernel_report_sections() -> Iterable[ReportSection]:  # type: ignore[empty-body]
    """Return sections that ``report`` and ``--sweep-report`` show after their own figures and tables."""
