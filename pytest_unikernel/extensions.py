"""Formats and sections that installed packages add to imports and reports."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import pluggy

from pytest_unikernel import extensionspec
from pytest_unikernel.errors import UnikernelError

if TYPE_CHECKING:
    from pytest_unikernel.importers.readings import ImportFormat
    from pytest_unikernel.report.sections import ReportSection


class BuiltinFormats:
    """Our own formats, by the same hook."""

    @extensionspec.hookimpl(trylast=True)
    def pytest_unikernel_import_formats(self) -> list[ImportFormat]:
        """Return them; every launch's file is asked, so the format of launches comes first."""
        from pytest_unikernel.importers import (  # noqa: PLC0415 - only an import needs them
            format_instances,
            format_results,
            format_tables,
            format_urunc,
        )

        modules = (format_instances, format_results, format_tables, format_urunc)
        return [each for module in modules for each in module.formats()]


def manager() -> pluggy.PluginManager:
    """Return a plugin manager with our own and all installed extensions.

    Raises:
        UnikernelError: an installed extension can't be loaded; the text names it.
    """
    made = pluggy.PluginManager(extensionspec.GROUP)
    made.add_hookspecs(extensionspec)
    made.register(BuiltinFormats(), "pytest-unikernel")
    try:
        made.load_setuptools_entrypoints(extensionspec.GROUP)
        made.check_pending()
    except Exception as error:
        raise UnikernelError(
            f"expected the entry points {extensionspec.GROUP!r} of installed packages to load, "
            f"got {type(error).__name__}: {error}"
        ) from error
    return made


def import_formats() -> list[ImportFormat]:
    """Return the formats that can be imported, those of extensions before ours.

    Raises:
        UnikernelError: two have the same name.
    """
    hooks = manager().hook
    formats = list(chain.from_iterable(hooks.pytest_unikernel_import_formats()))
    names = [each.name for each in formats]
    for name in names:
        if names.count(name) > 1:
            raise UnikernelError(f"expected import formats to have different names, got {name!r} twice")
    return formats


def report_sections() -> list[ReportSection]:
    """Return the sections that packages add to reports.

    Raises:
        UnikernelError: an installed extension can't be loaded.
    """
    return list(chain.from_iterable(manager().hook.pytest_unikernel_report_sections()))
