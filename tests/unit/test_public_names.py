"""The package's public names, and the cost of importing it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import pytest_unikernel

NOT_AT_COLLECTION = (
    "msgspec",
    "psutil",
    "tabulate",
    "pytest_unikernel.run.load",
    "pytest_unikernel.run.run",
    "pytest_unikernel.results.result",
    "pytest_unikernel.run.session",
    "pytest_unikernel.launch.process.supervisor",
    "pytest_unikernel.host.facts",
    "pytest_unikernel.launch.docker_api",
    "h11",
    "elftools",
)


def modules_after(statement: str) -> set[str]:
    """Return the modules that a new interpreter has after the statement."""
    program = f"{statement}\nimport sys, json; json.dump(list(sys.modules), sys.stdout)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def test_the_public_names_are_these() -> None:
    assert pytest_unikernel.__all__ == [
        "Bench", "BuildError", "Event", "Exit", "Http", "Instance", "Line", "LoadError", "LoadResult",
        "Place", "Port", "SessionError", "SettingError", "Stamp", "StampLog", "Stamps", "Summary", "Target",
        "TargetError", "Unavailable", "UnavailableError", "UnikernelError", "target",
    ]  # fmt: skip
    for name in pytest_unikernel.__all__:
        assert getattr(pytest_unikernel, name).__name__ == name


def test_the_public_names_are_completed_although_they_are_imported_late() -> None:
    assert set(pytest_unikernel.__all__) <= set(dir(pytest_unikernel))
    assert not [
        each for each in modules_after("import pytest_unikernel") if each.startswith("pytest_unikernel.")
    ]


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'pytest_unikernel' has no attribute 'Nonsense'"):
        _ = pytest_unikernel.Nonsense


def test_collecting_tests_imports_nothing_that_only_loads_need() -> None:
    modules = modules_after("import pytest_unikernel.plugin.hooks")
    assert not modules & set(NOT_AT_COLLECTION)


def test_a_target_that_is_only_described_reads_no_elf_file() -> None:
    modules = modules_after("from pytest_unikernel.targets.qemu import linux_vm, rust_kernel")
    assert "pytest_unikernel.guests.build.elf" in modules
    assert "elftools" not in modules


def test_a_load_needs_no_module_that_is_slow_to_import() -> None:
    modules = modules_after("import pytest_unikernel.commands.main, pytest_unikernel.commands.run_bench")
    assert not modules & {"psutil", "hashlib", "platform", "importlib.metadata", "pytest_unikernel.report"}
    assert not modules_after("import pytest_unikernel.text.run_summary") & {"wcwidth", "importlib.metadata"}


STARTS = """
import sys
from pytest_unikernel.commands import early, main
def started(terminal):
    import json
    json.dump(list(sys.modules), sys.stdout)
    raise SystemExit
early._started = started
main.main(["run", "--", "true"])
"""


def test_the_helpers_of_a_run_start_before_what_runs_loads_is_imported() -> None:
    done = subprocess.run([sys.executable, "-c", STARTS], capture_output=True, text=True, check=True)
    modules = set(json.loads(done.stdout))
    assert "pytest_unikernel.run.session" in modules
    assert not modules & {"pytest_unikernel.run.run", "pytest_unikernel.results.result"}


def test_the_package_alone_does_not_import_pytest() -> None:
    assert "pytest" not in modules_after("import pytest_unikernel")
    assert "pytest" not in modules_after("import pytest_unikernel.run.load")


def test_the_paths_that_authors_of_extensions_import_from_go_on_working() -> None:
    from pytest_unikernel import extensionspec
    from pytest_unikernel.importers import readings
    from pytest_unikernel.report import sections
    from pytest_unikernel.testing import FakeTarget, ManualClock

    assert FakeTarget.__name__ == "FakeTarget"
    assert ManualClock.__name__ == "ManualClock"
    for module, names in {
        readings: ["ImportFormat", "ImportOptions", "Launches", "Reading", "Spread", "Subject", "Window"],
        sections: ["ReportSection"],
    }.items():
        assert [name for name in names if getattr(module, name) is not getattr(extensionspec, name)] == []
