"""The hooks that pytest loads, each handed on to the module that does the work."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from functools import partial
from typing import Any

import pytest

from pytest_unikernel.plugin import (
    baseline,
    benchmark,
    benchmark_table,
    current_run,
    ending,
    loader,
    many_hosts,
    marker,
    options,
    progress,
    report,
    rounds,
    saving,
    step_keywords,
    step_summary,
    survey,
    terminal,
)
from pytest_unikernel.plugin.fixtures import (
    _unikernel_load,
    cold_start,
    docker_container,
    linux_process,
    linux_vm,
    load_step,
    oci_container,
    podman_container,
    rust_kernel,
    timestep,
    urunc_container,
)

__all__ = [
    "_unikernel_load",
    "cold_start",
    "docker_container",
    "linux_process",
    "linux_vm",
    "load_step",
    "oci_container",
    "podman_container",
    "rust_kernel",
    "timestep",
    "urunc_container",
]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options and their ini twins."""
    options.add_options(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare our hooks."""
    from pytest_unikernel.plugin import hookspec  # noqa: PLC0415 - as late as pytest wants it

    pluginmanager.add_hookspecs(hookspec)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, read and check the options, begin to report."""
    marker.register(config)
    step_keywords.join_names(config)
    options.read(config)
    many_hosts.check(config)
    baseline.configure(config)
    current_run.read_resumed(config)
    terminal.configure(config)
    report.configure(config)
    step_summary.configure(config)
    config.add_cleanup(
        lambda: ending.close(config)
    )  # another plugin's error may keep pytest_unconfigure from us
    if not benchmark.has_benchmark(config):
        config.pluginmanager.register(benchmark.WithoutBenchmark(), "unikernel-without-benchmark")


@pytest.hookimpl(trylast=True)  # the innermost parameter: all time steps of a variant follow one another
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrize tests with the marker ``load_sweep``."""
    marker.generate(metafunc)


@pytest.hookimpl(wrapper=True, tryfirst=True)  # around all others: none changes the order afterwards
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> Generator[None, None, None]:
    """Give tests with a load the timer that replays durations; put sweeps in order."""
    _prepare(config, items)
    yield
    _prepare(config, items)  # those that another plugin has made
    rounds.arrange(items, alone=not hasattr(config, "workerinput"))


def _prepare(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        step_keywords.add(item)
    if not benchmark.has_benchmark(
        config
    ):  # its marker is unknown then, and the fixture names the missing package
        return
    for item in items:
        requested = marker.LOADING & set(getattr(item, "fixturenames", ()))
        if requested:
            benchmark.prepare(item)
        if "cold_start" in requested:
            item.add_marker("cold")


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Report an earlier run that was killed and can be resumed."""
    return current_run.unfinished_lines(config)


def pytest_report_collectionfinish(config: pytest.Config, items: Sequence[pytest.Item]) -> list[str]:
    """Report the settings of the sweeps and where each value came from."""
    return marker.effective_lines(items) if config.getoption("verbose") >= 0 else []


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip loads under xdist: concurrent loads would disturb each other's measurements."""
    if hasattr(item.config, "workerinput") and marker.has_load(item):
        pytest.skip("xdist is active, and tests that run in parallel disturb a load; run with -n0")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Take note of a failure, before the fixtures of the test end."""
    loader.note_outcome(item, call)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a test of the survey up to its load; run tests whose trials go in rounds."""
    return survey.run(item, nextitem) or rounds.run(
        item, nextitem, partial(terminal.round_ended, item.config)
    )


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Before the first load: can results be saved and resumed, who can listen, which targets run here?"""
    if saving.has_loads(session):
        saving.prepare(session)
        current_run.find_journals(session.config)
        many_hosts.warn(session.config, current_run.say)
        with terminal.looking(session.config) as show:
            found = progress.begin(session, show)
        terminal.begin(session.config, found)


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_benchmark_generate_commit_info(config: pytest.Config) -> dict[str, Any] | None:
    """Return the commit that was found before the first load."""
    return saving.known_commit(config)


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_machine_info(machine_info: dict[str, Any]) -> None:
    """Add stable facts about this machine."""
    benchmark.add_machine_info(machine_info)


@pytest.hookimpl(optionalhook=True, wrapper=True)
def pytest_benchmark_group_stats(config: pytest.Config) -> Generator[None, Any, Any]:
    """Leave loads out of pytest-benchmark's table, unless they are asked for."""
    groups = yield
    return benchmark_table.without_loads(config, groups)


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_compare_machine_info(config: pytest.Config, compared_benchmark: dict[str, Any]) -> None:
    """Keep the baseline's records."""
    benchmark.read_baseline(config, compared_benchmark)


def pytest_unikernel_load_ended(item: pytest.Item, result: Any) -> None:
    """Write a load's result to a log."""
    terminal.load_ended(item, result)


@pytest.hookimpl(wrapper=True, tryfirst=True)  # before pytest-benchmark saves its results
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, None, None]:
    """Fail a run in which a required variant was never asked for; see that no result is lost."""
    yield from ending.finish(session)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Write the tables."""
    terminal.write_summary(terminalreporter)
    benchmark_table.check_limits(terminalreporter.config)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the helpers and remove the private directory."""
    ending.close(config)
